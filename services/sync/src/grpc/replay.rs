//! Replays: begin, and look how far one is.

use shopbeat_engine::replay::{self, ReplayAsk};
use shopbeat_proto::v1;
use tonic::Status;

use super::convert::{self, Violations, read_timestamp};
use super::{SyncApi, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn begin_replay(
        &self,
        caller: &Caller,
        message: v1::ReplayStoreRequest,
    ) -> Result<v1::ReplayStoreResponse, Status> {
        let v1::ReplayStoreRequest { store_id, id, from, to } = message;
        let mut violations = Violations::default();
        let id = violations.needed("id", &id).map(str::to_owned);
        if from.is_none() {
            violations.add("from", "is needed: orders that changed from then on go through once more");
        }
        let from = from.and_then(|at| read_timestamp(&mut violations, "from", at));
        let to = to.map(|at| read_timestamp(&mut violations, "to", at));
        let ask = id.zip(from).map(|(id, from)| ReplayAsk { id, from, to: to.flatten() });
        let ask = violations.finish(ask)?;
        let store = self.connected(caller, &store_id).await?;
        let begun = replay::begin(&self.ports, &store.id, &ask).await.map_err(status::problem)?;
        Ok(v1::ReplayStoreResponse { replay: Some(convert::replay(&begun, &store)) })
    }

    pub(super) async fn latest_replay(
        &self,
        caller: &Caller,
        message: v1::GetReplayRequest,
    ) -> Result<v1::GetReplayResponse, Status> {
        let store = self.store_named(caller, &message.store_id).await?;
        let latest = replay::latest(&self.ports, &store.id).await.map_err(status::problem)?;
        Ok(v1::GetReplayResponse { replay: Some(convert::replay(&latest, &store)) })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use shopbeat_domain::ids::{OrderId, StoreId};
    use shopbeat_domain::job::Lane;
    use shopbeat_domain::replay::ReplayPhase;
    use shopbeat_domain::store::{Desired, Store};
    use tokio_util::sync::CancellationToken;
    use tonic::Code;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::metrics::Metrics;
    use crate::testing::{add_store, ports};

    /// An API with store `acme`.
    async fn api() -> SyncApi {
        let ports = ports(Metrics::new());
        add_store(&ports.state, "acme", "nordlys").await;
        SyncApi::new(ports, None, CancellationToken::new())
    }

    fn hours_ago(api: &SyncApi, hours: i64) -> Timestamp {
        api.ports.now() - SignedDuration::from_hours(hours)
    }

    fn ask(api: &SyncApi, id: &str) -> v1::ReplayStoreRequest {
        v1::ReplayStoreRequest {
            store_id: "acme".to_owned(),
            id: id.to_owned(),
            from: Some(convert::timestamp(hours_ago(api, 2))),
            to: Some(convert::timestamp(hours_ago(api, 1))),
        }
    }

    async fn latest(api: &SyncApi) -> Result<v1::Replay, Status> {
        let message = v1::GetReplayRequest { store_id: "acme".to_owned() };
        api.latest_replay(&Caller::anyone(), message).await.map(|answer| answer.replay.unwrap())
    }

    #[tokio::test]
    async fn a_replay_is_begun_once_and_told_as_it_goes_on() {
        let api = api().await;
        assert_eq!(latest(&api).await.unwrap_err().code(), Code::NotFound);
        let begun = api.begin_replay(&Caller::anyone(), ask(&api, "r")).await.unwrap().replay.unwrap();
        assert_eq!((begun.id.as_str(), begun.phase()), ("r", v1::ReplayPhase::Queued));
        let again = api.begin_replay(&Caller::anyone(), ask(&api, "r")).await.unwrap().replay.unwrap();
        assert_eq!(again, begun);
        let refused = api.begin_replay(&Caller::anyone(), ask(&api, "other")).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(refused.get_error_details().error_info().unwrap().reason, "REPLAY_UNDER_WAY");
        let (store, state, now) = (StoreId::parse("acme").unwrap(), api.state(), api.ports.now());
        let lease = std::time::Duration::from_secs(60);
        let claim = state.jobs.claim(&store, &[Lane::BackFill], lease, now).await.unwrap().unwrap();
        let mut replay = state.replays.replay(&store, "r").await.unwrap().unwrap();
        (replay.phase, replay.orders) = (ReplayPhase::Processing, 2);
        replay.count(OrderId(7), "unknown", "transferred: 1001, booked");
        state.replays.save_replay(&claim, &replay).await.unwrap();
        let told = latest(&api).await.unwrap();
        assert_eq!(told.phase(), v1::ReplayPhase::Processing);
        assert_eq!((told.orders, told.done, told.unknown, told.changed), (2, 1, 1, 1));
        let differs = v1::ReplayDifference {
            order_id: 7,
            before: "unknown".to_owned(),
            after: "transferred: 1001, booked".to_owned(),
        };
        assert_eq!(
            (told.differences, told.remarks, told.ended_at),
            (vec![differs], Vec::<String>::new(), None)
        );
    }

    #[tokio::test]
    async fn a_replay_of_a_paused_store_is_taken_and_says_that_it_waits() {
        let api = api().await;
        let registry = &api.state().registry;
        let store = registry.store(&StoreId::parse("acme").unwrap()).await.unwrap().unwrap();
        registry.put_store(&Store { desired: Desired::Paused, ..store }).await.unwrap();
        let begun = api.begin_replay(&Caller::anyone(), ask(&api, "r")).await.unwrap().replay.unwrap();
        assert!(begun.remarks[0].contains("paused"), "{:?}", begun.remarks);
    }

    #[tokio::test]
    async fn what_cannot_stand_is_named_by_its_field() {
        let api = api().await;
        let good = ask(&api, "r");
        let soon = Some(convert::timestamp(hours_ago(&api, -1)));
        for (message, fields) in [
            (v1::ReplayStoreRequest { id: String::new(), from: None, ..good.clone() }, vec!["id", "from"]),
            (v1::ReplayStoreRequest { id: "x".repeat(101), ..good.clone() }, vec!["id"]),
            (v1::ReplayStoreRequest { from: soon, ..good.clone() }, vec!["from"]),
            (v1::ReplayStoreRequest { from: good.to, to: good.from, ..good.clone() }, vec!["from"]),
        ] {
            let refused = api.begin_replay(&Caller::anyone(), message).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
            let details = refused.get_error_details();
            let named = &details.bad_request().unwrap().field_violations;
            assert_eq!(named.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), fields);
        }
        assert_eq!(latest(&api).await.unwrap_err().code(), Code::NotFound, "and none was begun");
    }
}
