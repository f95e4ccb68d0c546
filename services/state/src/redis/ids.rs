//! Ids on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::ports::{Answer, IdMap, Ids};

use super::Engine;

#[async_trait]
impl Ids for Engine {
    async fn look_up(&self, map: &IdMap, keys: &[String]) -> Answer<Vec<Option<String>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = cmd("HMGET");
        read.arg(self.keys.ids(map)).arg(keys);
        self.command("look_up", &read).await
    }

    async fn put_if_absent(&self, map: &IdMap, key: &str, value: &str) -> Answer<String> {
        let mut script = self.scripts.put_if_absent.key(self.keys.ids(map));
        script.arg(key).arg(value);
        self.script("put_if_absent", &script).await
    }

    async fn put(&self, map: &IdMap, entries: &[(String, String)]) -> Answer<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut write = cmd("HSET");
        write.arg(self.keys.ids(map));
        for (key, value) in entries {
            write.arg(key).arg(value);
        }
        self.command("put", &write).await
    }

    async fn forget(&self, map: &IdMap, key: &str) -> Answer<()> {
        let mut remove = cmd("HDEL");
        remove.arg(self.keys.ids(map)).arg(key);
        self.command("forget", &remove).await
    }
}
