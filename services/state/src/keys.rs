//! Every Redis key, on one page. `P` is the prefix of the deployment (default `shopbeat`), `{…}` the hash tag: all
//! keys that one script touches bear the same tag. (The service is tried on standalone Redis only.)
//!
//! | key | type | what | TTL |
//! |---|---|---|---|
//! | `P:{registry}:stores` | hash | store → `revision\|JSON` | - |
//! | `P:{registry}:agreements` | hash | agreement → `account\|JSON` | - |
//! | `P:{registry}:accounts` | hash | Rackbeat account → agreement | - |
//! | `P:{registry}:epoch` | hash | `since`, `run_id` of the server | - |
//! | `P:{agreement}:secrets` | hash | `agreement/<field>` or `store/<store>/<field>` → sealed record | - |
//! | `P:{agreement or store}:ids:<map>` | hash | Shopify id → Rackbeat number | - |
//! | `P:{store}:ready` | zset | subjects by class (lane, ahead) and sequence: the first is the next | - |
//! | `P:{store}:delayed` | zset | subjects by the time they are due | - |
//! | `P:{store}:claimed` | zset | subjects by the end of their claim | - |
//! | `P:{store}:parked` | zset | subjects by the time of their retry, or `+inf` | - |
//! | `P:{store}:parked-names` | zset, all 0 | subjects, for listings by name | - |
//! | `P:{store}:wake` | list | at most one entry: a worker that waits (BLPOP) should look | - |
//! | `P:{store}:numbers` | hash | `seq` and `fence`, the last ones given out | - |
//! | `P:{store}:marks` | hash | watermark → ms | - |
//! | `P:{store}:job:<subject>` | hash | one job, its fields are in `lua/queue.lua` | `RECORD_MEMORY` once idle |
//! | `P:{store}:ledger:<hour ms>` | hash | `seen` and one column per outcome | 2 × `RECORD_MEMORY` |
//! | `P:{store}:ledger` | zset | hours that have a row | - (cleaned when read) |
//! | `P:{store}:delivery:<id>` | string | a webhook delivery was taken in | `DELIVERY_MEMORY` |
//! | `P:{store}:journal:<order>` | string | JSON | `RECORD_MEMORY` |
//! | `P:{store}:journals` | zset, all 0 | order ids of 20 digits: ids past 2^53 do not fit a score | - (cleaned when read) |
//! | `P:{store}:run:<id>` | string | `open\|JSON` or `over\|JSON` | `RECORD_MEMORY` |
//! | `P:{store}:latest-run` | string | id of the run begun last | - |
//! | `P:{store}:run-cancelled:<id>` | string | the end of the run was asked for | `RECORD_MEMORY` |
//! | `P:{store}:replay:<id>` | string | `open\|JSON` or `over\|JSON` | `RECORD_MEMORY` |
//! | `P:{store}:latest-replay` | string | id of the replay begun last | - |
//! | `P:{store}:hold:<order>` | hash | item → units sold and not yet booked in Rackbeat | - (released when settled) |
//! | `P:{store}:held` | hash | item → units that all orders hold | - (entries go at zero) |
//! | `P:{store}:records:<family>` | hash | key → JSON, made again from the remotes if lost | - |
//! | `P:{store}:record-names:<family>` | zset, all 0 | keys of the families that people list | - |
//! | `P:{agreement or store}:heap-due:<heap>` | zset | what is on a heap by the time it is due | - (entries go when dealt with) |
//! | `P:{agreement or store}:heap-things:<heap>` | hash | key → `mark\|since\|tries\|doubt` | - (entries go when dealt with) |
//! | `P:{agreement or store}:heap-mark:<heap>` | string | the last mark given out | - |
//! | `P:{agreement or store}:heap-wake:<heap>` | list | at most one entry: a reader that waits should look | - |
//! | `P:{agreement}:board:<topic>` | hash | item → `seq\|JSON`, as Rackbeat said last | - |
//! | `P:{agreement}:board-numbers` | hash | `fence` of the last poster, the last `seq` of each topic | - |
//! | `P:{agreement}:billing` | list | JSON, only ever added to | - |
//! | `P:{<name>}:lease` | string | `fence\|owner` | the lease's own |
//! | `P:{<name>}:lease-fence` | string | last fence of this name | `RECORD_MEMORY` |
//! | `P:{<hash of the budget>}:budget` | hash | `whole` again when, per lane `served` and `asks`, µs | two minutes |
//! | `P:{<hash of the budget>}:calls` | list | times of the last minute's calls, newest first, µs | two minutes |
//!
//! Times are milliseconds since 1970 unless a line says otherwise. They are the callers', never the server's, so
//! that virtual time is complete; only TTLs and leases run by the server's clock. A store and an agreement of one
//! name share a tag, and no key: the names behind the tags differ.

use shopbeat_domain::ids::{AgreementId, DeliveryId, OrderId, StoreId};
use shopbeat_domain::ports::{Family, Heap, IdMap, Topic};

use crate::names;

/// The keys of one deployment (or one test).
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn tagged(&self, tag: &str, name: &str) -> String {
        format!("{}:{{{tag}}}:{name}", self.prefix)
    }

    fn of_store(&self, store: &StoreId, name: &str) -> String {
        self.tagged(store.as_str(), name)
    }

    pub(crate) fn stores(&self) -> String {
        self.tagged("registry", "stores")
    }

    pub(crate) fn agreements(&self) -> String {
        self.tagged("registry", "agreements")
    }

    pub(crate) fn accounts(&self) -> String {
        self.tagged("registry", "accounts")
    }

    pub(crate) fn epoch(&self) -> String {
        self.tagged("registry", "epoch")
    }

    pub(crate) fn secrets(&self, agreement: &AgreementId) -> String {
        self.tagged(agreement.as_str(), "secrets")
    }

    pub(crate) fn ids(&self, map: &IdMap) -> String {
        match map {
            IdMap::VariantItem(store) => self.of_store(store, "ids:variant-item"),
            IdMap::Customer(agreement) => self.tagged(agreement.as_str(), "ids:customer"),
            IdMap::KnownItem(agreement) => self.tagged(agreement.as_str(), "ids:known-item"),
            IdMap::StockImport(agreement) => self.tagged(agreement.as_str(), "ids:stock-import"),
        }
    }

    pub(crate) fn ready(&self, store: &StoreId) -> String {
        self.of_store(store, "ready")
    }

    pub(crate) fn delayed(&self, store: &StoreId) -> String {
        self.of_store(store, "delayed")
    }

    pub(crate) fn claimed(&self, store: &StoreId) -> String {
        self.of_store(store, "claimed")
    }

    pub(crate) fn parked(&self, store: &StoreId) -> String {
        self.of_store(store, "parked")
    }

    pub(crate) fn parked_names(&self, store: &StoreId) -> String {
        self.of_store(store, "parked-names")
    }

    pub(crate) fn wake(&self, store: &StoreId) -> String {
        self.of_store(store, "wake")
    }

    pub(crate) fn marks(&self, store: &StoreId) -> String {
        self.of_store(store, "marks")
    }

    pub(crate) fn job(&self, store: &StoreId, subject: &str) -> String {
        format!("{}{subject}", self.job_stem(store))
    }

    fn job_stem(&self, store: &StoreId) -> String {
        self.of_store(store, "job:")
    }

    pub(crate) fn ledger(&self, store: &StoreId, hour: &str) -> String {
        format!("{}{hour}", self.ledger_stem(store))
    }

    fn ledger_stem(&self, store: &StoreId) -> String {
        self.of_store(store, "ledger:")
    }

    pub(crate) fn ledger_hours(&self, store: &StoreId) -> String {
        self.of_store(store, "ledger")
    }

    /// What the scripts around jobs take as their first keys, in the order in which `lua/queue.lua` names them.
    /// Keys that end with `:` are stems; the script adds a subject or an hour.
    pub(crate) fn queue(&self, store: &StoreId) -> [String; 11] {
        [
            self.ready(store),
            self.delayed(store),
            self.claimed(store),
            self.parked(store),
            self.parked_names(store),
            self.wake(store),
            self.of_store(store, "numbers"),
            self.marks(store),
            self.ledger_hours(store),
            self.ledger_stem(store),
            self.job_stem(store),
        ]
    }

    pub(crate) fn delivery(&self, store: &StoreId, delivery: &DeliveryId) -> String {
        self.of_store(store, &format!("delivery:{}", delivery.as_str()))
    }

    pub(crate) fn journal(&self, store: &StoreId, order: OrderId) -> String {
        self.of_store(store, &format!("journal:{order}"))
    }

    pub(crate) fn journals(&self, store: &StoreId) -> String {
        self.of_store(store, "journals")
    }

    pub(crate) fn run(&self, store: &StoreId, id: &str) -> String {
        format!("{}{id}", self.run_stem(store))
    }

    /// A stem: the script adds a run's id.
    pub(crate) fn run_stem(&self, store: &StoreId) -> String {
        self.of_store(store, "run:")
    }

    pub(crate) fn latest_run(&self, store: &StoreId) -> String {
        self.of_store(store, "latest-run")
    }

    pub(crate) fn cancelled_run(&self, store: &StoreId, id: &str) -> String {
        self.of_store(store, &format!("run-cancelled:{id}"))
    }

    pub(crate) fn replay(&self, store: &StoreId, id: &str) -> String {
        format!("{}{id}", self.replay_stem(store))
    }

    /// A stem: the script adds a replay's id.
    pub(crate) fn replay_stem(&self, store: &StoreId) -> String {
        self.of_store(store, "replay:")
    }

    pub(crate) fn latest_replay(&self, store: &StoreId) -> String {
        self.of_store(store, "latest-replay")
    }

    pub(crate) fn hold(&self, store: &StoreId, order: OrderId) -> String {
        self.of_store(store, &format!("hold:{order}"))
    }

    pub(crate) fn held(&self, store: &StoreId) -> String {
        self.of_store(store, "held")
    }

    pub(crate) fn records(&self, family: &Family) -> String {
        let (store, name) = names::family(family);
        self.of_store(store, &format!("records:{name}"))
    }

    pub(crate) fn record_names(&self, family: &Family) -> String {
        let (store, name) = names::family(family);
        self.of_store(store, &format!("record-names:{name}"))
    }

    fn of_heap(&self, heap: &Heap, part: &str) -> String {
        let (owner, name) = names::heap(heap);
        self.tagged(owner, &format!("{part}:{name}"))
    }

    pub(crate) fn heap_due(&self, heap: &Heap) -> String {
        self.of_heap(heap, "heap-due")
    }

    pub(crate) fn heap_things(&self, heap: &Heap) -> String {
        self.of_heap(heap, "heap-things")
    }

    pub(crate) fn heap_mark(&self, heap: &Heap) -> String {
        self.of_heap(heap, "heap-mark")
    }

    pub(crate) fn heap_wake(&self, heap: &Heap) -> String {
        self.of_heap(heap, "heap-wake")
    }

    pub(crate) fn board(&self, agreement: &AgreementId, topic: Topic) -> String {
        self.tagged(agreement.as_str(), &format!("board:{}", names::topic(topic)))
    }

    pub(crate) fn board_numbers(&self, agreement: &AgreementId) -> String {
        self.tagged(agreement.as_str(), "board-numbers")
    }

    pub(crate) fn billing(&self, agreement: &AgreementId) -> String {
        self.tagged(agreement.as_str(), "billing")
    }

    pub(crate) fn lease(&self, name: &str) -> String {
        self.tagged(name, "lease")
    }

    pub(crate) fn lease_fence(&self, name: &str) -> String {
        self.tagged(name, "lease-fence")
    }

    /// Budgets may be named after something secret: only a hash goes into the key.
    fn of_budget(&self, budget: &str, name: &str) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, budget.as_bytes());
        let hash: String = digest.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        self.tagged(&hash, name)
    }

    pub(crate) fn budget(&self, budget: &str) -> String {
        self.of_budget(budget, "budget")
    }

    /// The calls of the last minute.
    pub(crate) fn calls(&self, budget: &str) -> String {
        self.of_budget(budget, "calls")
    }
}

/// An order id as a member of `journals`: of one length, so that text sorts as numbers do.
pub(crate) fn padded(order: OrderId) -> String {
    format!("{:020}", order.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_script_bear_one_tag() {
        let keys = Keys::new("p");
        let store = StoreId::parse("acme").unwrap();
        assert!(keys.queue(&store).iter().all(|key| key.starts_with("p:{acme}:")));
    }

    #[test]
    fn a_budget_does_not_show_in_its_key() {
        assert!(!Keys::new("p").budget("token-123").contains("token"));
    }

    #[test]
    fn order_ids_past_what_a_double_holds_keep_their_order() {
        assert!(padded(OrderId(9_007_199_254_740_993)) > padded(OrderId(9_007_199_254_740_992)));
        assert!(padded(OrderId(9)) < padded(OrderId(10)));
    }
}
