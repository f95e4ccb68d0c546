use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::job::{JobPhase, Outcome, Subject, Verdict};
use shopbeat_domain::replay::{Replay, ReplayPhase};

use crate::bench::{Bench, after, done, kind, on_every_engine, order, store};

on_every_engine!(
    a_second_replay_is_not_begun_while_one_is_under_way,
    a_replay_of_a_known_id_is_never_begun_again,
    a_replay_is_saved_only_under_its_claim,
    a_replay_that_was_ended_stays_so,
    what_delays_a_job_is_told,
);

fn replay(id: &str, bench: &Bench) -> Replay {
    Replay::begin(store(), id, after(bench.now(), -60), bench.now(), bench.now())
}

async fn a_second_replay_is_not_begun_while_one_is_under_way(bench: Bench) {
    let replays = &bench.state.replays;
    assert_eq!(replays.latest_replay(&store()).await.unwrap(), None);
    let first = replay("after: the outage", &bench);
    assert_eq!(replays.begin_replay(&first, bench.now()).await.unwrap(), first);
    assert_eq!(replays.begin_replay(&replay("b", &bench), bench.now()).await.unwrap(), first);
    assert_eq!(replays.replay(&store(), "b").await.unwrap(), None);
    let claim = bench.claim().await.unwrap();
    assert_eq!(claim.subject, Subject::Replay("after: the outage".to_owned()));
    assert!(bench.claim().await.is_none(), "one job");
    let over = Replay { phase: ReplayPhase::Finished, ..first };
    replays.save_replay(&claim, &over).await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    let second = replay("b", &bench);
    assert_eq!(replays.begin_replay(&second, bench.now()).await.unwrap(), second);
    assert_eq!(replays.latest_replay(&store()).await.unwrap(), Some(second));
    assert_eq!(replays.replay(&store(), "after: the outage").await.unwrap(), Some(over));
    assert!(bench.ledger().await.is_empty(), "replays are not orders");
}

async fn a_replay_of_a_known_id_is_never_begun_again(bench: Bench) {
    let replays = &bench.state.replays;
    let mut over = Vec::new();
    for id in ["a", "b"] {
        let begun = replay(id, &bench);
        replays.begin_replay(&begun, bench.now()).await.unwrap();
        let claim = bench.claim().await.unwrap();
        over.push(Replay { phase: ReplayPhase::Finished, ..begun });
        replays.save_replay(&claim, over.last().unwrap()).await.unwrap();
        bench.settle(&claim, done(Outcome::Transferred)).await;
    }
    bench.advance(60);
    for known in &over {
        let again = replay(&known.id, &bench);
        assert_eq!(replays.begin_replay(&again, bench.now()).await.unwrap(), *known);
    }
    assert!(bench.claim().await.is_none());
    assert_eq!(replays.latest_replay(&store()).await.unwrap().as_ref(), over.last());
}

async fn a_replay_is_saved_only_under_its_claim(bench: Bench) {
    let replays = &bench.state.replays;
    let first = replay("a", &bench);
    replays.begin_replay(&first, bench.now()).await.unwrap();
    let dead = bench.claim().await.unwrap();
    bench.advance(30);
    let claim = bench.claim().await.unwrap();
    let moved = Replay { phase: ReplayPhase::Reading, orders: 9, ..first.clone() };
    assert_eq!(kind(replays.save_replay(&dead, &moved).await), FailureKind::Conflict);
    assert_eq!(replays.replay(&store(), "a").await.unwrap(), Some(first));
    replays.save_replay(&claim, &moved).await.unwrap();
    assert_eq!(replays.replay(&store(), "a").await.unwrap(), Some(moved));
}

async fn a_replay_that_was_ended_stays_so(bench: Bench) {
    let replays = &bench.state.replays;
    let first = replay("a", &bench);
    let mut ended = first.clone();
    ended.fail("the store was disconnected", bench.now());
    replays.end_replay(&ended).await.unwrap();
    assert_eq!(replays.replay(&store(), "a").await.unwrap(), None, "there is no such replay");
    replays.begin_replay(&first, bench.now()).await.unwrap();
    let claim = bench.claim().await.unwrap();
    replays.end_replay(&ended).await.unwrap();
    let late = Replay { phase: ReplayPhase::Processing, ..first.clone() };
    assert_eq!(kind(replays.save_replay(&claim, &late).await), FailureKind::Conflict);
    assert_eq!(replays.replay(&store(), "a").await.unwrap().as_ref(), Some(&ended));
    let mut other = first;
    other.fail("something else", bench.now());
    replays.end_replay(&other).await.unwrap();
    assert_eq!(replays.replay(&store(), "a").await.unwrap(), Some(ended));
}

async fn what_delays_a_job_is_told(bench: Bench) {
    let jobs = &bench.state.jobs;
    let known = async || {
        let job = jobs.job(&store(), &order(1).subject).await.unwrap().unwrap();
        (job.phase, job.due, job.strikes)
    };
    bench.offer(order(1)).await;
    assert_eq!(known().await, (JobPhase::Ready, None, 0));
    let claim = bench.claim().await.unwrap();
    assert_eq!(known().await, (JobPhase::Claimed, None, 0));
    let due = after(bench.now(), 5);
    bench.settle(&claim, Verdict::Later { at: due, strike: true }).await;
    assert_eq!(known().await, (JobPhase::Delayed, Some(due), 1));
    bench.advance(5);
    let claim = bench.claim().await.unwrap();
    let due = after(bench.now(), 900);
    let verdict = Verdict::Done { outcome: Outcome::Transferred, version: None, again_at: Some(due) };
    bench.settle(&claim, verdict).await;
    assert_eq!(known().await, (JobPhase::Delayed, Some(due), 0));
    bench.advance(900);
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    assert_eq!(known().await, (JobPhase::Idle, None, 0));
}
