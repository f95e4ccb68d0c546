//! The latest runs and replays: one that is over stays as it is, so that it is read once.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Pulse};
use shopbeat_domain::replay::Replay;
use shopbeat_domain::run::Run;

use crate::ports::Ports;

/// What is known of one store's latest run and replay.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    /// By its id; `None`: its record is past its time.
    run: Option<(String, Option<Run>)>,
    replay: Option<(String, Option<Replay>)>,
}

impl Latest {
    /// Whether all that the pulse names is known, and stays as it is.
    fn is_settled(&self, pulse: &Pulse) -> bool {
        is_settled(self.run.as_ref(), pulse.latest_run.as_ref(), Run::is_over)
            && is_settled(self.replay.as_ref(), pulse.latest_replay.as_ref(), Replay::is_over)
    }

    pub(super) fn run(&self) -> Option<&Run> {
        self.run.as_ref()?.1.as_ref()
    }

    pub(super) fn replay(&self) -> Option<&Replay> {
        self.replay.as_ref()?.1.as_ref()
    }
}

fn is_settled<T>(
    known: Option<&(String, Option<T>)>,
    named: Option<&String>,
    is_over: impl Fn(&T) -> bool,
) -> bool {
    match (known, named) {
        (None, None) => true,
        (Some((id, record)), Some(named)) => id == named && record.as_ref().is_none_or(is_over),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Reads what may have changed; answers what is known of these stores.
pub(super) async fn refresh(
    ports: &Ports,
    mut known: HashMap<StoreId, Latest>,
    stores: &[StoreId],
    pulses: &[Pulse],
) -> Answer<HashMap<StoreId, Latest>> {
    let mut latest = HashMap::with_capacity(stores.len());
    let mut stale = Vec::new();
    for (store, pulse) in stores.iter().zip(pulses) {
        let before = known.remove(store).unwrap_or_default();
        if before.is_settled(pulse) {
            latest.insert(store.clone(), before);
        } else {
            stale.push((store.clone(), pulse.clone()));
        }
    }
    let read = stream::iter(stale)
        .map(|(store, pulse)| read(ports.clone(), store, pulse))
        .buffer_unordered(limits::STATUS_READS);
    let read: Vec<_> = read.try_collect().await?;
    latest.extend(read);
    Ok(latest)
}

async fn read(ports: Ports, store: StoreId, pulse: Pulse) -> Answer<(StoreId, Latest)> {
    let mut latest = Latest::default();
    if let Some(id) = &pulse.latest_run {
        let run = ports.state.runs.run(&store, id).await?;
        // Up to 500 of them: whoever wants them asks for the run.
        latest.run = Some((id.clone(), run.map(|run| Run { skipped: Vec::new(), ..run })));
    }
    if let Some(id) = &pulse.latest_replay {
        latest.replay = Some((id.clone(), ports.state.replays.replay(&store, id).await?));
    }
    Ok((store, latest))
}
