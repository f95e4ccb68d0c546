//! Registry on Redis.

use std::collections::BTreeMap;

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::{Answer, Registry, SecretOwner};
use shopbeat_domain::store::{Agreement, Store};

use super::Engine;
use crate::record::{Versioned, conflict, decode, decode_all, encode, garbled, millis, moment};
use crate::seal::{agreement, secret_name};

impl Engine {
    /// Reads `number|JSON` from a hash.
    async fn guarded<T: Versioned>(&self, call: &str, hash: String, field: &str) -> Answer<Option<T>> {
        let mut read = cmd("HGET");
        read.arg(hash).arg(field);
        let value: Option<Vec<u8>> = self.command(call, &read).await?;
        value.map(|value| decode(call, json(&value))).transpose()
    }

    async fn all_guarded<T: Versioned>(&self, call: &str, hash: String) -> Answer<Vec<T>> {
        let mut read = cmd("HGETALL");
        read.arg(hash);
        let rows: BTreeMap<String, Vec<u8>> = self.command(call, &read).await?;
        Ok(decode_all(call, rows.into_iter().map(|(id, value)| (id, json(&value).to_vec()))))
    }
}

/// The number before the bar is for scripts, which then need not read JSON.
fn json(value: &[u8]) -> &[u8] {
    value.iter().position(|byte| *byte == b'|').map_or(value, |bar| &value[bar + 1..])
}

fn guard<T: Versioned>(call: &str, number: u64, record: &T) -> Answer<Vec<u8>> {
    let mut value = format!("{number}|").into_bytes();
    value.extend(encode(call, record)?);
    Ok(value)
}

#[async_trait]
impl Registry for Engine {
    async fn store(&self, id: &StoreId) -> Answer<Option<Store>> {
        self.guarded("store", self.keys.stores(), id.as_str()).await
    }

    async fn stores(&self) -> Answer<Vec<Store>> {
        self.all_guarded("stores", self.keys.stores()).await
    }

    async fn put_store(&self, store: &Store) -> Answer<Store> {
        let mut next = store.clone();
        next.revision += 1;
        let mut script = self.scripts.put_store.key(self.keys.stores());
        script.arg(store.id.as_str()).arg(store.revision).arg(guard("put_store", next.revision, &next)?);
        if self.script("put_store", &script).await? {
            Ok(next)
        } else {
            Err(conflict("put_store", "the store was changed by somebody else"))
        }
    }

    async fn agreement(&self, id: &AgreementId) -> Answer<Option<Agreement>> {
        self.guarded("agreement", self.keys.agreements(), id.as_str()).await
    }

    async fn agreements(&self) -> Answer<Vec<Agreement>> {
        self.all_guarded("agreements", self.keys.agreements()).await
    }

    async fn bind_agreement(&self, agreement: &Agreement) -> Answer<()> {
        let account = agreement.account.0;
        let mut script = self.scripts.bind_agreement.key(self.keys.agreements());
        script.key(self.keys.accounts());
        script.arg(agreement.id.as_str()).arg(account).arg(guard("bind_agreement", account, agreement)?);
        match self.script::<i8>("bind_agreement", &script).await? {
            1 => Ok(()),
            0 => Err(conflict("bind_agreement", "this account is bound to another agreement")),
            -1 => Err(conflict("bind_agreement", "this agreement is bound to another account")),
            _ => Err(garbled("bind_agreement", "the script answered something unknown")),
        }
    }

    async fn put_secret(&self, owner: &SecretOwner, field: &str, secret: &SecretString) -> Answer<()> {
        let sealed = self.sealing.seal(owner, field, secret)?;
        let mut write = cmd("HSET");
        write.arg(self.keys.secrets(agreement(owner))).arg(secret_name(owner, field)).arg(sealed);
        self.command("put_secret", &write).await
    }

    async fn secret(&self, owner: &SecretOwner, field: &str) -> Answer<Option<SecretString>> {
        let mut read = cmd("HGET");
        read.arg(self.keys.secrets(agreement(owner))).arg(secret_name(owner, field));
        let sealed: Option<Vec<u8>> = self.command("secret", &read).await?;
        sealed.map(|record| self.sealing.open(owner, field, &record)).transpose()
    }

    async fn forget_secret(&self, owner: &SecretOwner, field: &str) -> Answer<()> {
        let mut remove = cmd("HDEL");
        remove.arg(self.keys.secrets(agreement(owner))).arg(secret_name(owner, field));
        self.command("forget_secret", &remove).await
    }

    async fn epoch(&self, now: Timestamp) -> Answer<Timestamp> {
        let info = self.info("epoch").await?;
        let run_id = info.value("run_id").ok_or_else(|| garbled("epoch", "the server tells no run id"))?;
        let mut script = self.scripts.epoch.key(self.keys.epoch());
        script.arg(millis(now)).arg(run_id);
        let since: i64 = self.script("epoch", &script).await?;
        moment("epoch", since)
    }
}
