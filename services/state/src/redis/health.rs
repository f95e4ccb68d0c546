//! Health of Redis.

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::ports::{Answer, StateHealth};

use super::Engine;

#[async_trait]
impl StateHealth for Engine {
    async fn ping(&self) -> Answer<()> {
        self.command("ping", &cmd("PING")).await
    }

    async fn warnings(&self) -> Answer<Vec<String>> {
        Ok(self.info("warnings").await?.warnings())
    }
}
