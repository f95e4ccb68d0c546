//! One container's life: started, probed, ended, started again.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{interval, timeout};

use super::command::{Start, prepare};
use super::hooks::before_stop;
use super::host::{Host, lock, now};
use super::probe::{Pace, ask};
use super::status::{ContainerState, Ended, Phase, PodState};
use super::{GRACE, pod};
use crate::cluster::child::Child;
use crate::wait::pause;

/// What is missing (a Secret, a ConfigMap) is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A kubelet waits ten seconds to five minutes before it starts a container again; a test has less time.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// One that ran so long begins with the first backoff again.
const LONG_RUN: Duration = Duration::from_secs(30);

/// What a pod is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Run,
    /// It is being deleted; it has so long.
    Stop(Duration),
    /// It is deleted.
    Gone,
}

/// Why a container no longer runs.
enum Outcome {
    Ended(ExitStatus),
    Unhealthy,
    Ordered(Duration),
}

/// A container of a pod.
pub(super) struct Runner {
    pub(super) host: Arc<Host>,
    pub(super) pod: Arc<Pod>,
    pub(super) container: Container,
    pub(super) is_init: bool,
    pub(super) dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) state: Arc<Mutex<PodState>>,
    pub(super) changed: Arc<Notify>,
    pub(super) order: watch::Receiver<Order>,
}

impl Runner {
    /// Until it is done, or the pod is told to end.
    pub(super) async fn run(mut self) {
        let mut backoff = FIRST_BACKOFF;
        while let Some(start) = self.prepared().await {
            let begun = now();
            let code = match self.once(&start, begun).await {
                Ok(Some(code)) => code,
                Ok(None) => return,
                Err(error) => {
                    self.end(begun, 128, "StartError");
                    self.wait_for("RunContainerError", &error);
                    128
                }
            };
            if !self.starts_again(code) {
                self.set(|state| state.is_done = true);
                return;
            }
            if now().duration_since(begun).unsigned_abs() > LONG_RUN {
                backoff = FIRST_BACKOFF;
            }
            let message = format!("back-off {backoff:?} restarting failed container");
            self.set(|state| {
                if let Phase::Ended(how) = &state.phase {
                    state.last = Some(how.clone());
                }
            });
            self.wait_for("CrashLoopBackOff", &message);
            if self.is_told_within(backoff).await {
                return;
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
            self.set(|state| state.restarts += 1);
            // What it listened on may belong to somebody else by now.
            pod::find_ports(&self.state, &self.container);
        }
    }

    /// Waits for what it needs; none if the pod is told to end first.
    async fn prepared(&mut self) -> Option<Start> {
        loop {
            let ports = lock(&self.state).ports.clone();
            match prepare(&self.host, &self.pod, &self.container, &self.dir, &ports).await {
                _ if *self.order.borrow() != Order::Run => return None,
                Ok(start) => return Some(start),
                Err(missing) => self.wait_for("CreateContainerConfigError", &missing),
            }
            if self.is_told_within(LOOK_AGAIN).await {
                return None;
            }
        }
    }

    /// One start; its exit code, or none if the pod was told to end.
    async fn once(&mut self, start: &Start, begun: Timestamp) -> Result<Option<i32>, String> {
        let name = format!("container {}", self.container.name);
        let mut child = Child::start(&name, start.command()?, &self.log)?;
        let process = child.id();
        let has_startup = self.container.startup_probe.is_some();
        let is_ready = !self.is_init && !has_startup && self.container.readiness_probe.is_none();
        self.set(|state| {
            state.phase = Phase::Running { since: begun };
            state.process = Some(process);
            state.is_started = !has_startup;
            state.is_ready = is_ready;
        });
        let mut order = self.order.clone();
        let outcome = tokio::select! {
            status = child.end() => Outcome::Ended(status),
            () = self.health(start) => Outcome::Unhealthy,
            grace = told(&mut order) => Outcome::Ordered(grace),
        };
        let (status, is_told) = match outcome {
            Outcome::Ended(status) => (status, false),
            Outcome::Unhealthy => (child.stop(self.grace()).await, false),
            Outcome::Ordered(grace) => {
                // Out of its Services before it drains.
                self.set(|state| state.is_ready = false);
                let stopping = std::time::Instant::now();
                tokio::select! {
                    _ = child.end() => {}
                    () = before_stop(&self.container, start, grace) => {}
                }
                (child.stop(grace.saturating_sub(stopping.elapsed())).await, true)
            }
        };
        let code = code(status);
        self.end(begun, code, if code == 0 { "Completed" } else { "Error" });
        Ok((!is_told).then_some(code))
    }

    fn end(&self, begun: Timestamp, code: i32, reason: &str) {
        let how = Ended { code, reason: reason.to_owned(), begun, ended: now() };
        self.set(|state| {
            state.phase = Phase::Ended(how);
            state.is_ready = false;
            state.is_started = false;
            state.process = None;
        });
    }

    fn wait_for(&self, reason: &str, message: &str) {
        self.set(|state| state.wait(reason, message));
    }

    fn starts_again(&self, code: i32) -> bool {
        let policy = self.pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
        match policy.unwrap_or("Always") {
            "Never" => false,
            "Always" if !self.is_init => true,
            _ => code != 0,
        }
    }

    fn grace(&self) -> Duration {
        let seconds = self.pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(GRACE, Duration::from_secs)
    }

    async fn is_told_within(&mut self, wait: Duration) -> bool {
        timeout(wait, told(&mut self.order)).await.is_ok()
    }

    fn set(&self, change: impl FnOnce(&mut ContainerState)) {
        let mut state = lock(&self.state);
        let name = &self.container.name;
        if let Some(container) = state.containers.iter_mut().find(|container| container.name == *name) {
            change(container);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Probes it; ends when it has to be started again.
    async fn health(&self, start: &Start) {
        if self.is_init {
            return std::future::pending().await;
        }
        let ports = lock(&self.state).ports.clone();
        if let Some(probe) = &self.container.startup_probe {
            let mut failures = 0;
            let mut tick = ticks(probe).await;
            loop {
                tick.tick().await;
                match ask(probe, start, &ports).await {
                    Ok(()) => break,
                    Err(_) => failures += 1,
                }
                if failures >= Pace::of(probe).failures {
                    return;
                }
            }
        }
        let is_ready = self.container.readiness_probe.is_none();
        self.set(|state| (state.is_started, state.is_ready) = (true, is_ready));
        let ready = async {
            if let Some(probe) = &self.container.readiness_probe {
                self.follow(probe, start, |is_ready| {
                    self.set(|state| state.is_ready = is_ready);
                    false
                })
                .await;
            }
            std::future::pending::<()>().await;
        };
        let alive = async {
            match &self.container.liveness_probe {
                Some(probe) => self.follow(probe, start, |is_alive| !is_alive).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ready => {}
            () = alive => {}
        }
    }

    /// Asks again and again; `tell` is called when enough in a row were of one kind, and ends it.
    async fn follow(&self, probe: &Probe, start: &Start, tell: impl Fn(bool) -> bool) {
        let pace = Pace::of(probe);
        let ports = lock(&self.state).ports.clone();
        let (mut good, mut bad) = (0, 0);
        let mut tick = ticks(probe).await;
        loop {
            tick.tick().await;
            match ask(probe, start, &ports).await {
                Ok(()) => (good, bad) = (good + 1, 0),
                Err(_) => (good, bad) = (0, bad + 1),
            }
            // A kubelet asks a container that is not ready yet at its usual pace; a test has less time.
            if good == 0 && bad < pace.failures {
                tick.reset_after(pace.period.min(LOOK_AGAIN));
            }
            if (good == pace.successes || bad == pace.failures) && tell(good > 0) {
                return;
            }
        }
    }
}

async fn ticks(probe: &Probe) -> tokio::time::Interval {
    let pace = Pace::of(probe);
    if !pace.delay.is_zero() {
        pause(pace.delay).await;
    }
    interval(pace.period)
}

/// Until the pod is told to end.
pub(super) async fn told(order: &mut watch::Receiver<Order>) -> Duration {
    match order.wait_for(|order| *order != Order::Run).await.map(|order| *order) {
        Ok(Order::Stop(grace)) => grace,
        _ => Duration::ZERO,
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}
