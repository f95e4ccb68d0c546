//! Health of the embedded engine.

use async_trait::async_trait;
use shopbeat_domain::ports::{Answer, StateHealth};

use super::Engine;
use super::tables::META;

#[async_trait]
impl StateHealth for Engine {
    async fn ping(&self) -> Answer<()> {
        self.read("ping", |transaction| {
            transaction.open_table(META)?;
            Ok(())
        })
        .await
    }

    async fn warnings(&self) -> Answer<Vec<String>> {
        let mut warnings = Vec::new();
        if !self.disk.is_file() {
            warnings.push("the state is in memory only: it ends with this process".to_owned());
        }
        Ok(warnings)
    }
}
