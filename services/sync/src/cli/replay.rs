//! `shopbeat replay …`.

use std::time::Duration;

use clap::Args;
use shopbeat_domain::ports::Clock as _;
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::Out;
use super::progress::Progress;
use super::{Api, client, json, show, time, words};
use crate::options::{ClientOptions, Output};
use crate::system::SystemClock;

/// A replay that is waited for is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// `shopbeat replay …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ReplayArgs {
    #[command(flatten)]
    client: ClientOptions,
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// Orders that changed from then on: a moment such as 2026-11-24T07:32:00Z, or a day such as 2026-11-24, which
    /// begins by this machine's clock.
    #[arg(long, value_name = "WHEN", value_parser = time::parse, required_unless_present = "latest")]
    from: Option<prost_types::Timestamp>,
    /// Only orders that were there by then. Default: now.
    #[arg(long, value_name = "WHEN", value_parser = time::parse)]
    to: Option<prost_types::Timestamp>,
    /// A text for this replay, 1 to 100 letters: asked again with the same text, the same replay is answered. Default:
    /// one of this moment.
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// Stay until it is over, and show how far it is.
    #[arg(long)]
    wait: bool,
    /// Begin none; look at the one that was begun last.
    #[arg(long, conflicts_with_all = ["from", "to", "id"])]
    latest: bool,
}

/// Begins a replay, or looks at the latest one.
pub(super) async fn run(args: &ReplayArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    let mut replay = match args.from {
        Some(from) => begin(&mut api, args, from).await?,
        None => latest(&mut api, &args.store).await?,
    };
    if args.wait {
        replay = follow(&mut api, &args.store, replay, out, output).await?;
    } else if output == Output::Json {
        out.json(&json::replay(&replay));
    }
    if output == Output::Table {
        show::replay(out, &args.store, &replay);
        if !is_over(&replay) {
            out.line(format!("look at it with `shopbeat replay {} --latest --wait`", args.store));
        }
    }
    ended(&replay)
}

async fn begin(api: &mut Api, args: &ReplayArgs, from: prost_types::Timestamp) -> Result<v1::Replay, Failed> {
    let id = args.id.clone().unwrap_or_else(this_moment);
    let request = v1::ReplayStoreRequest { store_id: args.store.clone(), id, from: Some(from), to: args.to };
    some(api.replay_store(request).await?.into_inner().replay)
}

async fn latest(api: &mut Api, store: &str) -> Result<v1::Replay, Failed> {
    let request = v1::GetReplayRequest { store_id: store.to_owned() };
    some(api.get_replay(request).await?.into_inner().replay)
}

fn some(replay: Option<v1::Replay>) -> Result<v1::Replay, Failed> {
    replay.ok_or_else(|| Failed::new(Exit::Failed, "the service answered no replay"))
}

/// `cli-1795505520123`: an id that no other call bears.
fn this_moment() -> String {
    format!("cli-{}", SystemClock.now().as_millisecond())
}

/// Shows how far a replay is until it is over, or until nobody reads any more: its last state.
async fn follow(
    api: &mut Api,
    store: &str,
    mut replay: v1::Replay,
    out: &mut Out,
    output: Output,
) -> Result<v1::Replay, Failed> {
    let mut progress = Progress::new(out, "");
    let mut told = None;
    loop {
        if told.as_ref() != Some(&replay) {
            match output {
                Output::Json => out.json_line(&json::replay(&replay)),
                Output::Table => progress.show_replay(out, &replay),
            }
            told = Some(replay.clone());
        }
        if is_over(&replay) || out.is_closed() {
            break;
        }
        tokio::time::sleep(LOOK).await;
        let now = latest(api, store).await?;
        if now.id != replay.id {
            let text = format!("replay {} is over, and {} was begun after it", replay.id, now.id);
            return Err(Failed::new(Exit::Failed, text));
        }
        replay = now;
    }
    progress.finish();
    Ok(replay)
}

fn is_over(replay: &v1::Replay) -> bool {
    let over = [v1::ReplayPhase::Finished, v1::ReplayPhase::Failed];
    over.into_iter().any(|phase| replay.phase == i32::from(phase))
}

fn ended(replay: &v1::Replay) -> Result<(), Failed> {
    if replay.phase == i32::from(v1::ReplayPhase::Failed) {
        return Err(Failed::new(Exit::Failed, format!("the replay failed: {}", replay.failure)));
    }
    Ok(())
}

/// How far it is, in a few words.
pub(super) fn words_of(replay: &v1::Replay) -> String {
    let changed = match replay.changed {
        0 => "no differences".to_owned(),
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    };
    let waits = replay.remarks.first().filter(|_| !is_over(replay));
    let waits = waits.map(|remark| format!("; {remark}")).unwrap_or_default();
    format!("{changed}{waits}")
}

/// The phase, as a word.
pub(super) fn phase_of(replay: &v1::Replay) -> String {
    words::or_dash(words::replay_phase(replay.phase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_failed_fails_the_command_with_its_reason() {
        let failed = v1::Replay {
            phase: v1::ReplayPhase::Failed.into(),
            failure: "the store was disconnected".to_owned(),
            ..v1::Replay::default()
        };
        assert!(ended(&failed).unwrap_err().to_string().contains("the store was disconnected"));
        for phase in [v1::ReplayPhase::Finished, v1::ReplayPhase::Processing] {
            assert!(ended(&v1::Replay { phase: phase.into(), ..failed.clone() }).is_ok());
        }
    }

    #[test]
    fn what_it_waits_for_is_said_beside_the_progress() {
        let replay = v1::Replay {
            phase: v1::ReplayPhase::Queued.into(),
            remarks: vec!["it waits: the store is paused".to_owned()],
            changed: 1,
            ..v1::Replay::default()
        };
        assert_eq!(words_of(&replay), "1 difference; it waits: the store is paused");
        let over = v1::Replay { phase: v1::ReplayPhase::Finished.into(), changed: 0, ..replay };
        assert_eq!(words_of(&over), "no differences");
    }
}
