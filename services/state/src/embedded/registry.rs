//! Registry in the embedded engine.

use async_trait::async_trait;
use jiff::Timestamp;
use redb::ReadableTable;
use secrecy::SecretString;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::{Answer, Registry, SecretOwner};
use shopbeat_domain::store::{Agreement, Store};

use super::Engine;
use super::tables::{ACCOUNTS, AGREEMENTS, META, SECRETS, STORES};
use crate::record::{conflict, decode, decode_all, encode, millis, moment};
use crate::seal::{agreement, secret_name};

const EPOCH: &str = "epoch";

#[async_trait]
impl Registry for Engine {
    async fn store(&self, id: &StoreId) -> Answer<Option<Store>> {
        let id = id.clone();
        self.read("store", move |transaction| {
            let bytes = transaction.open_table(STORES)?.get(id.as_str())?;
            Ok(bytes.map(|bytes| decode("store", bytes.value())).transpose()?)
        })
        .await
    }

    async fn stores(&self) -> Answer<Vec<Store>> {
        let rows = self
            .read("stores", |transaction| {
                let mut rows = Vec::new();
                for entry in transaction.open_table(STORES)?.iter()? {
                    let (id, bytes) = entry?;
                    rows.push((id.value().to_owned(), bytes.value().to_vec()));
                }
                Ok(rows)
            })
            .await?;
        Ok(decode_all("stores", rows))
    }

    async fn put_store(&self, store: &Store) -> Answer<Store> {
        let mut store = store.clone();
        self.write("put_store", move |transaction| {
            let mut stores = transaction.open_table(STORES)?;
            let known = match stores.get(store.id.as_str())? {
                Some(bytes) => decode::<Store>("put_store", bytes.value())?.revision,
                None => 0,
            };
            if known != store.revision {
                return Err(conflict("put_store", "the store was changed by somebody else").into());
            }
            store.revision += 1;
            stores.insert(store.id.as_str(), encode("put_store", &store)?.as_slice())?;
            Ok(store)
        })
        .await
    }

    async fn agreement(&self, id: &AgreementId) -> Answer<Option<Agreement>> {
        let id = id.clone();
        self.read("agreement", move |transaction| {
            let bytes = transaction.open_table(AGREEMENTS)?.get(id.as_str())?;
            Ok(bytes.map(|bytes| decode("agreement", bytes.value())).transpose()?)
        })
        .await
    }

    async fn agreements(&self) -> Answer<Vec<Agreement>> {
        let rows = self
            .read("agreements", |transaction| {
                let mut rows = Vec::new();
                for entry in transaction.open_table(AGREEMENTS)?.iter()? {
                    let (id, bytes) = entry?;
                    rows.push((id.value().to_owned(), bytes.value().to_vec()));
                }
                Ok(rows)
            })
            .await?;
        Ok(decode_all("agreements", rows))
    }

    async fn bind_agreement(&self, agreement: &Agreement) -> Answer<()> {
        let agreement = agreement.clone();
        self.write("bind_agreement", move |transaction| {
            let mut accounts = transaction.open_table(ACCOUNTS)?;
            let mut agreements = transaction.open_table(AGREEMENTS)?;
            let name = agreement.id.as_str();
            if accounts.get(agreement.account.0)?.is_some_and(|bound| bound.value() != name) {
                return Err(conflict("bind_agreement", "this account is bound to another agreement").into());
            }
            let bound = match agreements.get(name)? {
                Some(bytes) => Some(decode::<Agreement>("bind_agreement", bytes.value())?.account),
                None => None,
            };
            if bound.is_some_and(|account| account != agreement.account) {
                return Err(conflict("bind_agreement", "this agreement is bound to another account").into());
            }
            accounts.insert(agreement.account.0, name)?;
            agreements.insert(name, encode("bind_agreement", &agreement)?.as_slice())?;
            Ok(())
        })
        .await
    }

    async fn put_secret(&self, owner: &SecretOwner, field: &str, secret: &SecretString) -> Answer<()> {
        let sealed = self.sealing.seal(owner, field, secret)?;
        let (agreement, name) = (agreement(owner).clone(), secret_name(owner, field));
        self.write("put_secret", move |transaction| {
            let mut secrets = transaction.open_table(SECRETS)?;
            secrets.insert((agreement.as_str(), name.as_str()), sealed.as_slice())?;
            Ok(())
        })
        .await
    }

    async fn secret(&self, owner: &SecretOwner, field: &str) -> Answer<Option<SecretString>> {
        let (agreement, name) = (agreement(owner).clone(), secret_name(owner, field));
        let sealed = self
            .read("secret", move |transaction| {
                let secrets = transaction.open_table(SECRETS)?;
                Ok(secrets.get((agreement.as_str(), name.as_str()))?.map(|bytes| bytes.value().to_vec()))
            })
            .await?;
        sealed.map(|record| self.sealing.open(owner, field, &record)).transpose()
    }

    async fn forget_secret(&self, owner: &SecretOwner, field: &str) -> Answer<()> {
        let (agreement, name) = (agreement(owner).clone(), secret_name(owner, field));
        self.write("forget_secret", move |transaction| {
            transaction.open_table(SECRETS)?.remove((agreement.as_str(), name.as_str()))?;
            Ok(())
        })
        .await
    }

    async fn epoch(&self, now: Timestamp) -> Answer<Timestamp> {
        let known = self
            .write("epoch", move |transaction| {
                let mut meta = transaction.open_table(META)?;
                let known = meta.get(EPOCH)?.map(|at| at.value());
                if known.is_none() {
                    meta.insert(EPOCH, millis(now))?;
                }
                Ok(known.unwrap_or_else(|| millis(now)))
            })
            .await?;
        moment("epoch", known)
    }
}
