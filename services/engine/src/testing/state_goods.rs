//! Hooks on what stock and products live by: heaps, the board, units held, records.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::failure::Remote;
use shopbeat_domain::ids::{AgreementId, ItemNumber, OrderId, StoreId};
use shopbeat_domain::ports::{Answer, Board, Family, Heap, Heaps, Holds, Marked, Notice, Records, Topic};

use super::state::Hooked;

#[async_trait]
impl Heaps for Hooked<dyn Heaps> {
    async fn mark(&self, heap: &Heap, keys: &[String], doubt: bool, since: Timestamp) -> Answer<()> {
        self.hooks.call(Remote::State, "state.mark", self.inner.mark(heap, keys, doubt, since)).await
    }
    async fn due(&self, heap: &Heap, limit: u32, now: Timestamp) -> Answer<Vec<Marked>> {
        self.hooks.call(Remote::State, "state.due", self.inner.due(heap, limit, now)).await
    }
    async fn next_due(&self, heap: &Heap) -> Answer<Option<Timestamp>> {
        self.inner.next_due(heap).await
    }
    async fn done(&self, heap: &Heap, dealt: &[Marked]) -> Answer<()> {
        self.hooks.call(Remote::State, "state.done", self.inner.done(heap, dealt)).await
    }
    async fn put_off(&self, heap: &Heap, things: &[Marked], until: Timestamp) -> Answer<()> {
        self.hooks.call(Remote::State, "state.put_off", self.inner.put_off(heap, things, until)).await
    }
    async fn count(&self, heap: &Heap) -> Answer<u64> {
        self.inner.count(heap).await
    }
    async fn wait(&self, heap: &Heap, at_most: Duration) -> Answer<()> {
        self.inner.wait(heap, at_most).await
    }
}

#[async_trait]
impl Board for Hooked<dyn Board> {
    async fn post(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        fence: u64,
        texts: &[(ItemNumber, String)],
    ) -> Answer<Vec<(u64, bool)>> {
        self.hooks.call(Remote::State, "state.post", self.inner.post(agreement, topic, fence, texts)).await
    }
    async fn notices(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        items: &[ItemNumber],
    ) -> Answer<Vec<Option<Notice>>> {
        self.hooks.call(Remote::State, "state.notices", self.inner.notices(agreement, topic, items)).await
    }
}

#[async_trait]
impl Holds for Hooked<dyn Holds> {
    async fn hold(
        &self,
        store: &StoreId,
        order: OrderId,
        units: &[(ItemNumber, u64)],
    ) -> Answer<Vec<ItemNumber>> {
        self.hooks.call(Remote::State, "state.hold", self.inner.hold(store, order, units)).await
    }
    async fn held_by(&self, store: &StoreId, order: OrderId) -> Answer<Vec<(ItemNumber, u64)>> {
        self.hooks.call(Remote::State, "state.held_by", self.inner.held_by(store, order)).await
    }
    async fn held(&self, store: &StoreId, items: &[ItemNumber]) -> Answer<Vec<u64>> {
        self.hooks.call(Remote::State, "state.held", self.inner.held(store, items)).await
    }
}

#[async_trait]
impl Records for Hooked<dyn Records> {
    async fn get(&self, family: &Family, keys: &[String]) -> Answer<Vec<Option<String>>> {
        self.hooks.call(Remote::State, "state.get_records", self.inner.get(family, keys)).await
    }
    async fn put(&self, family: &Family, records: &[(String, String)]) -> Answer<()> {
        // What workers tell of themselves is no part of what they carry.
        let call = if matches!(family, Family::Status(_)) { "state.put_status" } else { "state.put_records" };
        self.hooks.call(Remote::State, call, self.inner.put(family, records)).await
    }
    async fn forget(&self, family: &Family, keys: &[String]) -> Answer<()> {
        self.hooks.call(Remote::State, "state.forget_records", self.inner.forget(family, keys)).await
    }
    async fn page(&self, family: &Family, after: Option<&str>, limit: u32) -> Answer<Vec<(String, String)>> {
        self.inner.page(family, after, limit).await
    }
    async fn count(&self, family: &Family) -> Answer<u64> {
        self.inner.count(family).await
    }
    async fn clear(&self, family: &Family) -> Answer<()> {
        self.hooks.call(Remote::State, "state.clear_records", self.inner.clear(family)).await
    }
}
