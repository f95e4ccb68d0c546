use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use shopbeat_proto::v1::{Hold, JobCounts, RemoteHealth, Run, RunPhase, Store, StoreStatus, WorkerReport};

use super::*;
use crate::resource::ShopifyStore;
use crate::service::CallError;

/// What a status is made from, as a store has it that works.
struct World {
    resource: ShopifyStore,
    previous: ShopifyStoreStatus,
    told: Option<StoreStatus>,
    service: ServiceSight,
    trouble: Option<Trouble>,
    worker: WorkerSight,
    run: Option<String>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let resource = json!({
            "metadata": {"name": "oslo", "namespace": "shops", "uid": "1", "generation": 2},
            "spec": {
                "shopDomain": "acme-oslo.myshopify.com",
                "agreement": "acme",
                "shopify": {"credentialsSecretRef": {"name": "oslo-shopify"}},
                "rackbeat": {"credentialsSecretRef": {"name": "acme-rackbeat"}},
            },
        });
        let since = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
        let health = RemoteHealth { reachable: true, since, trouble: String::new() };
        let told = StoreStatus {
            store: Some(Store {
                id: "acme-oslo".to_owned(),
                webhook_address: "https://hooks.example/".to_owned(),
                ..Store::default()
            }),
            jobs: Some(JobCounts { ready: 1, delayed: 2, claimed: 3, parked: 4 }),
            last_order: "#1042".to_owned(),
            worker: "worker-1".to_owned(),
            report: Some(WorkerReport {
                shopify: Some(health.clone()),
                rackbeat: Some(health),
                shopify_api_version: "2026-10".to_owned(),
                ..WorkerReport::default()
            }),
            billing_position: 2,
            ..StoreStatus::default()
        };
        Self {
            resource: serde_json::from_value(resource).unwrap(),
            previous: ShopifyStoreStatus::default(),
            told: Some(told),
            service: ServiceSight::Good,
            trouble: None,
            worker: WorkerSight::Ready,
            run: None,
            now: Timestamp::from_second(1_000_000).unwrap(),
        }
    }

    fn draw(&self) -> ShopifyStoreStatus {
        draw(&View {
            resource: &self.resource,
            previous: &self.previous,
            told: self.told.as_ref(),
            service: self.service,
            trouble: self.trouble.as_ref(),
            refusals: &[],
            worker: &self.worker,
            deployment: Some("shopbeat-worker-acme-oslo"),
            credentials_digest: None,
            carried: None,
            run: self.run.as_deref(),
            replay: None,
            now: self.now,
        })
    }

    fn says(&self, type_: &str) -> (String, String) {
        let status = self.draw();
        let found = condition(&status, type_).unwrap();
        (found.status.clone(), found.reason.clone())
    }

    fn told(&mut self) -> &mut StoreStatus {
        self.told.as_mut().unwrap()
    }

    fn spec(&mut self, path: &str, value: serde_json::Value) {
        let mut all = serde_json::to_value(&self.resource).unwrap();
        all["spec"][path] = value;
        self.resource = serde_json::from_value(all).unwrap();
    }
}

fn is(status: &str, reason: Reason) -> (String, String) {
    (status.to_owned(), reason.name().to_owned())
}

#[test]
fn a_store_that_works_is_ready_and_shows_its_numbers() {
    let world = World::new();
    let status = world.draw();
    assert_eq!(world.says(READY), is("True", Reason::InSync));
    for type_ in CONDITIONS {
        assert_eq!(condition(&status, type_).unwrap().status, "True", "{type_}");
    }
    assert_eq!((status.pending, status.parked), (Some(4), Some(4)));
    assert_eq!((status.lag.as_deref(), status.last_order.as_deref()), (Some("0s"), Some("#1042")));
    assert_eq!(status.observed_generation, Some(2));
    assert_eq!(status.billing.unwrap().position, 2);
}

#[test]
fn each_thing_that_is_wrong_has_its_reason() {
    type Change = fn(&mut World);
    let cases: [(&str, Change, &str, Reason); 16] = [
        (READY, |w| w.told = None, "False", Reason::Connecting),
        (READY, |w| w.spec("state", json!("Paused")), "False", Reason::Paused),
        (READY, |w| w.spec("state", json!("Stopped")), "False", Reason::Stopped),
        (READY, |w| w.worker = WorkerSight::Starting(None), "False", Reason::WorkerStarting),
        (READY, |w| w.worker = WorkerSight::Failing("no".to_owned()), "False", Reason::WorkerFailing),
        (READY, |w| w.told().worker.clear(), "False", Reason::WorkerIdle),
        (READY, |w| w.service = ServiceSight::Away, "Unknown", Reason::ServiceUnreachable),
        (
            READY,
            |w| w.told().store.as_mut().unwrap().hold = Hold::Uninstalled.into(),
            "False",
            Reason::AppUninstalled,
        ),
        (
            "CredentialsValid",
            |w| w.told().store.as_mut().unwrap().hold = Hold::TokenDead.into(),
            "False",
            Reason::TokenDead,
        ),
        (READY, |w| w.told().scopes_missing = vec!["read_orders".to_owned()], "False", Reason::ScopesMissing),
        (
            READY,
            |w| {
                w.told().report.as_mut().unwrap().rackbeat.as_mut().unwrap().reachable = false;
            },
            "False",
            Reason::RackbeatUnreachable,
        ),
        (
            "WebhooksHealthy",
            |w| w.told().report.as_mut().unwrap().webhooks_missing = vec!["orders/create".to_owned()],
            "False",
            Reason::WebhooksMissing,
        ),
        (
            "WebhooksHealthy",
            |w| w.told().store.as_mut().unwrap().webhook_address.clear(),
            "False",
            Reason::WebhooksNoAddress,
        ),
        ("RackbeatReachable", |w| w.told().report = None, "Unknown", Reason::NotKnown),
        (
            "InitialSynced",
            |w| w.spec("initialSync", json!({"products": true, "run": "first"})),
            "False",
            Reason::InitialSyncWaiting,
        ),
        (
            "InitialSynced",
            |w| {
                w.spec("initialSync", json!({"products": true, "run": "first"}));
                w.run = Some("first".to_owned());
                let phase = RunPhase::Failed.into();
                let token = "first".to_owned();
                w.told().latest_run = Some(Run { phase, token, failure: "no".to_owned(), ..Run::default() });
            },
            "False",
            Reason::InitialSyncFailed,
        ),
    ];
    for (type_, change, status, reason) in cases {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.says(type_), is(status, reason), "{type_} {reason:?}");
    }
}

#[test]
fn the_end_of_another_run_is_never_told_as_that_of_the_one_that_was_asked_for() {
    let mut world = World::new();
    world.spec("initialSync", json!({"products": true, "run": "second"}));
    let run = |token: &str, phase: RunPhase| {
        Some(Run { token: token.to_owned(), phase: phase.into(), ..Run::default() })
    };
    let phase = |world: &World| world.draw().initial_sync.map(|run| (run.run, run.phase));
    let is_at = |phase: &str| Some(("second".to_owned(), phase.to_owned()));
    // The old one is through; the new one was not begun yet.
    world.run = Some("first".to_owned());
    world.told().latest_run = run("first", RunPhase::Finished);
    assert_eq!(world.says("InitialSynced"), is("False", Reason::InitialSyncWaiting));
    world.run = Some("second".to_owned());
    world.told().latest_run = None;
    assert_eq!(
        (phase(&world), world.says("InitialSynced")),
        (is_at("Queued"), is("False", Reason::InitialSyncRunning))
    );
    world.told().latest_run = run("second", RunPhase::Importing);
    assert_eq!(phase(&world), is_at("Importing"));
    world.previous = world.draw();
    // Somebody cancelled it and began another before we looked.
    world.told().latest_run = run("", RunPhase::Finished);
    assert_eq!(phase(&world), is_at("Cancelled"));
    assert_eq!(world.says("InitialSynced"), is("False", Reason::InitialSyncCancelled));
    world.told().latest_run = run("second", RunPhase::Finished);
    world.previous = world.draw();
    world.told().latest_run = run("", RunPhase::Failed);
    assert_eq!(phase(&world), is_at("Finished"));
    assert_eq!(world.says("InitialSynced"), is("True", Reason::InitialSyncFinished));
}

#[test]
fn an_edit_is_not_told_as_seen_before_it_could_be_carried() {
    let mut world = World::new();
    world.previous = world.draw();
    world.resource.metadata.generation = Some(3);
    let observed = |world: &World| {
        let status = world.draw();
        (status.observed_generation, condition(&status, READY).unwrap().observed_generation)
    };
    world.service = ServiceSight::Waiting;
    assert_eq!(observed(&world), (Some(2), Some(2)), "the stream is broken");
    let told = world.told.take();
    assert_eq!(observed(&world), (Some(2), Some(2)), "the operator has just begun");
    world.told = told;
    world.service = ServiceSight::Good;
    assert_eq!(observed(&world), (Some(3), Some(3)));
}

#[test]
fn secrets_that_are_gone_do_not_stop_a_store_that_is_connected() {
    let mut world = World::new();
    world.trouble = Some(Trouble::new(Reason::SecretNotFound, "there is no Secret \"x\""));
    assert_eq!(world.says(READY), is("True", Reason::InSync));
    assert_eq!(world.says("CredentialsValid"), is("False", Reason::SecretNotFound));
    world.told = None;
    assert_eq!(world.says(READY), is("False", Reason::SecretNotFound));
    let status = world.draw();
    let message = &condition(&status, READY).unwrap().message;
    assert!(
        message.contains("there is no Secret \"x\"") && message.ends_with(Reason::SecretNotFound.remedy())
    );
}

#[test]
fn the_time_of_a_condition_moves_only_when_it_flips() {
    let mut world = World::new();
    let first = world.draw();
    world.previous = first.clone();
    world.now = Timestamp::from_second(1_000_500).unwrap();
    world.told().waiting_since = Some(prost_types::Timestamp { seconds: 1_000_390, nanos: 0 });
    let behind = world.draw();
    let time =
        |status: &ShopifyStoreStatus, type_| condition(status, type_).unwrap().last_transition_time.clone();
    assert_eq!(world.says(READY), is("True", Reason::CatchingUp));
    assert_eq!(time(&behind, READY), time(&first, READY), "still True, for another reason");
    assert_ne!(time(&behind, "InSync"), time(&first, "InSync"));
    // Behind at sixty seconds, and not behind only below thirty.
    world.previous = behind;
    world.told().waiting_since = Some(prost_types::Timestamp { seconds: 1_000_460, nanos: 0 });
    assert_eq!(world.says("InSync"), is("False", Reason::CatchingUp));
    world.told().waiting_since = Some(prost_types::Timestamp { seconds: 1_000_480, nanos: 0 });
    assert_eq!(world.says("InSync"), is("True", Reason::InSync));
}

#[test]
fn an_operator_that_has_just_begun_changes_nothing_it_does_not_know() {
    let mut world = World::new();
    world.previous = world.draw();
    world.told = None;
    world.service = ServiceSight::Waiting;
    let kept = world.draw();
    assert_eq!(kept.conditions, world.previous.conditions);
    assert_eq!(kept.store_id, world.previous.store_id);
    world.service = ServiceSight::Away;
    assert_eq!(world.says(READY), is("Unknown", Reason::ServiceUnreachable));
}

#[test]
fn numbers_may_wait_and_flips_may_not() {
    let mut world = World::new();
    let before = world.draw();
    assert_eq!(urgency(&before, &world.draw()), Urgency::Same);
    world.told().jobs.as_mut().unwrap().ready = 9;
    assert_eq!(urgency(&before, &world.draw()), Urgency::Later);
    world.worker = WorkerSight::Starting(None);
    assert_eq!(urgency(&before, &world.draw()), Urgency::Now);
}

#[test]
fn a_refused_call_becomes_the_reason_that_helps() {
    use tonic_types::{ErrorDetails, StatusExt as _};
    let call = |rpc, code, reason: &str, field: Option<&str>| {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "shopbeat", std::collections::HashMap::new());
        if let Some(field) = field {
            details.add_bad_request_violation(field, "cannot stand");
        }
        Trouble::of_call(&CallError::new(rpc, &tonic::Status::with_error_details(code, "no", details))).reason
    };
    use tonic::Code;
    let connect = "ConnectStore";
    let bad = |field| call(connect, Code::InvalidArgument, "BAD_REQUEST", Some(field));
    assert_eq!(call(connect, Code::FailedPrecondition, "SCOPES_MISSING", None), Reason::ScopesMissing);
    assert_eq!(bad("rackbeat_token"), Reason::CredentialsRefused);
    assert_eq!(bad("settings.orders.since"), Reason::SettingsRefused);
    assert_eq!(bad("shop_domain"), Reason::ConnectRefused);
    assert_eq!(
        call(connect, Code::FailedPrecondition, "STORE_MANAGED_ELSEWHERE", None),
        Reason::ConnectRefused
    );
    assert_eq!(call(connect, Code::Unavailable, "SHOPIFY_UNREACHABLE", None), Reason::ShopifyUnreachable);
    assert_eq!(call(connect, Code::Unavailable, "RACKBEAT_BUSY", None), Reason::RackbeatUnreachable);
    assert_eq!(call(connect, Code::Unavailable, "", None), Reason::ServiceUnreachable);
    assert_eq!(call(connect, Code::PermissionDenied, "ROLE", None), Reason::ServiceDenied);
}
