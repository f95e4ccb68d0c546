//! One of several operators leads, by a Lease in the namespace. Each write of the Lease is bound to the version that was
//! read, so that of two who try at once one fails. Who leads gives up before others may take over: it stops leading when
//! it could not renew for `RENEW_WITHIN`, they wait for `VALID` by their own clocks, from when they last saw it move.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::core::Status;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::clock;

/// Others take a lease over that has not moved for so long.
const VALID: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long stops leading.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// How often it is renewed, or looked at.
const EVERY: Duration = Duration::from_secs(3);
/// One request; three fit into `RENEW_WITHIN`.
const REQUEST: Duration = Duration::from_secs(3);

/// What is known of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not read yet.
    Unknown,
    /// Another leads.
    Standby,
    /// This one leads.
    Leading,
    /// This one led and does not any more: its work must end.
    Lost,
}

/// Takes part in the election of a leader.
#[derive(Debug)]
pub struct Elector {
    leases: Api<Lease>,
    name: String,
    identity: String,
    /// What was last seen of somebody else's lease, and when it was first seen so.
    seen: Option<(String, Instant)>,
}

/// What becomes of a lease that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// It is ours, or free, or was left: write it.
    Take,
    /// Another holds it.
    Wait,
}

impl Elector {
    /// Will take part under this name, which must differ from that of every other.
    #[must_use]
    pub fn new(client: Client, namespace: &str, lease: &str, identity: String) -> Self {
        Self { leases: Api::namespaced(client, namespace), name: lease.to_owned(), identity, seen: None }
    }

    /// Takes part until the lease is lost, or nobody listens any more; then it is given back.
    pub async fn run(mut self, told: watch::Sender<Standing>) {
        let mut renewed: Option<Instant> = None;
        loop {
            let begun = Instant::now();
            let result = timeout(REQUEST, self.step()).await;
            match result {
                Ok(Ok(true)) => {
                    if renewed.is_none() {
                        tracing::info!(lease = self.name, identity = self.identity, "leading");
                        told.send_replace(Standing::Leading);
                    }
                    renewed = Some(begun);
                }
                Ok(Ok(false)) if renewed.is_some() => return self.lost(&told, "another holds it"),
                Ok(Ok(false)) => {
                    told.send_if_modified(|standing| {
                        let news = *standing != Standing::Standby;
                        *standing = Standing::Standby;
                        news
                    });
                }
                Ok(Err(error)) => {
                    tracing::warn!(lease = self.name, %error, "the lease cannot be read or written");
                }
                Err(_) => {
                    tracing::warn!(lease = self.name, "the API server did not answer about the lease");
                }
            }
            if renewed.is_some_and(|at| at.elapsed() + EVERY > RENEW_WITHIN) {
                return self.lost(&told, "it could not be renewed in time");
            }
            tokio::select! {
                () = told.closed() => break,
                () = sleep(EVERY) => {}
            }
        }
        if renewed.is_some() {
            self.give_back().await;
        }
    }

    fn lost(&self, told: &watch::Sender<Standing>, why: &str) {
        tracing::warn!(lease = self.name, why, "the lease was lost");
        told.send_replace(Standing::Lost);
    }

    /// Reads the lease and takes or renews it if that may be. Answers whether it is ours now. When it changed between
    /// the two it is read once more: who changed it may not be who wants to lead.
    async fn step(&mut self) -> Result<bool, kube::Error> {
        match self.attempt().await {
            Err(kube::Error::Api(status)) if is_too_late(&status) => {}
            answer => return answer,
        }
        match self.attempt().await {
            Err(kube::Error::Api(status)) if is_too_late(&status) => Ok(false),
            answer => answer,
        }
    }

    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            let lease = self.mine(None);
            return self.leases.create(&PostParams::default(), &lease).await.map(|_| true);
        };
        match self.decide(&lease, Instant::now()) {
            Move::Wait => Ok(false),
            Move::Take => {
                let mine = self.mine(Some(lease));
                self.leases.replace(&self.name, &PostParams::default(), &mine).await.map(|_| true)
            }
        }
    }

    fn decide(&mut self, lease: &Lease, now: Instant) -> Move {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            return Move::Take;
        }
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.seen {
            Some((seen, since)) if *seen == version => {
                if now.duration_since(*since) > VALID {
                    Move::Take
                } else {
                    Move::Wait
                }
            }
            Some(_) | None => {
                self.seen = Some((version, now));
                Move::Wait
            }
        }
    }

    fn mine(&self, before: Option<Lease>) -> Lease {
        let now = MicroTime(clock::now());
        let spec = before.as_ref().and_then(|lease| lease.spec.as_ref());
        let ours = spec.is_some_and(|spec| spec.holder_identity.as_ref() == Some(&self.identity));
        let acquired = spec.and_then(|spec| spec.acquire_time.clone()).filter(|_| ours);
        let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or(0) + i32::from(!ours);
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(VALID.as_secs()).ok(),
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        let name = Some(self.name.clone());
        let metadata =
            before.map_or_else(|| ObjectMeta { name, ..ObjectMeta::default() }, |lease| lease.metadata);
        Lease { metadata, spec: Some(spec) }
    }

    /// Frees the lease, so that a standby takes over at once. Failing that, it runs out.
    async fn give_back(&self) {
        let freed = timeout(REQUEST, async {
            let mut lease = self.leases.get(&self.name).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_ref() == Some(&self.identity) {
                spec.holder_identity = None;
                self.leases.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        });
        match freed.await {
            Ok(Ok(())) => tracing::info!(lease = self.name, "the lease was given back"),
            Ok(Err(error)) => tracing::warn!(lease = self.name, %error, "the lease could not be given back"),
            Err(_) => tracing::warn!(lease = self.name, "the lease could not be given back in time"),
        }
    }
}

/// Somebody else wrote in between.
fn is_too_late(status: &Status) -> bool {
    status.is_conflict() || status.is_already_exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elector() -> Elector {
        // A client that is never asked.
        let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
        let client = Client::try_from(config).unwrap();
        Elector::new(client, "default", "operator", "me".to_owned())
    }

    fn lease(holder: Option<&str>, version: &str) -> Lease {
        let holder_identity = holder.map(ToOwned::to_owned);
        let lease_transitions = Some(4);
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec { holder_identity, lease_transitions, ..LeaseSpec::default() }),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_lease_and_our_own_are_taken() {
        let mut elector = elector();
        assert_eq!(elector.decide(&lease(None, "1"), Instant::now()), Move::Take);
        assert_eq!(elector.decide(&lease(Some(""), "1"), Instant::now()), Move::Take);
        assert_eq!(elector.decide(&lease(Some("me"), "1"), Instant::now()), Move::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn anothers_lease_is_taken_only_when_it_has_not_moved_for_its_whole_time() {
        let mut elector = elector();
        let start = Instant::now();
        assert_eq!(elector.decide(&lease(Some("other"), "1"), start), Move::Wait);
        assert_eq!(elector.decide(&lease(Some("other"), "1"), start + VALID), Move::Wait);
        let moved = start + VALID + EVERY;
        assert_eq!(elector.decide(&lease(Some("other"), "2"), moved), Move::Wait);
        assert_eq!(elector.decide(&lease(Some("other"), "2"), moved + VALID + EVERY), Move::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_changes_hands_counts_it_and_keeps_its_version() {
        let elector = elector();
        let taken = elector.mine(Some(lease(Some("other"), "7")));
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(taken.spec.as_ref().unwrap().lease_transitions, Some(5));
        let renewed = elector.mine(Some(taken.clone()));
        let (taken, renewed) = (taken.spec.unwrap(), renewed.spec.unwrap());
        assert_eq!(renewed.lease_transitions, Some(5));
        assert_eq!(renewed.acquire_time, taken.acquire_time);
    }

    #[test]
    fn a_leader_gives_up_before_others_may_take_over() {
        assert!(RENEW_WITHIN + EVERY < VALID);
    }
}
