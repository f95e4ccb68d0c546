//! Pulses: how many stores are doing, cheaply.

use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{JobCounts, Lane, Offer, Outcome, Verdict};
use shopbeat_domain::ports::{Family, Pulse};
use shopbeat_domain::report::{LAST_ORDER, REPORT};

use crate::bench::{Bench, HOLD, after, done, on_every_engine, order, parked, store};
use crate::records::run;

on_every_engine!(
    a_pulse_counts_as_the_queue_does_and_tells_runs_and_records,
    what_waits_longest_is_told_in_whatever_lane_or_phase_it_is,
    pulses_and_holders_come_in_the_order_of_the_stores,
);

async fn pulse(bench: &Bench) -> Pulse {
    bench.state.pulses.pulses(&[store()], bench.now()).await.unwrap().remove(0)
}

async fn a_pulse_counts_as_the_queue_does_and_tells_runs_and_records(bench: Bench) {
    assert_eq!(pulse(&bench).await, Pulse::default());
    for id in 1..=4 {
        bench.offer(order(id)).await;
    }
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, parked(bench.now(), None)).await;
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, Verdict::Later { at: after(bench.now(), 60), strike: false }).await;
    bench.claim().await.unwrap();
    bench.state.runs.begin_run(&run("r1", &bench), bench.now()).await.unwrap();
    let records = [(REPORT.to_owned(), "{\"a\":1}".to_owned()), (LAST_ORDER.to_owned(), "{}".to_owned())];
    bench.state.records.put(&Family::Status(store()), &records).await.unwrap();
    let told = pulse(&bench).await;
    assert_eq!(told.jobs, JobCounts { ready: 2, delayed: 1, claimed: 1, parked: 1 });
    assert_eq!(told.jobs, bench.state.jobs.counts(&store()).await.unwrap());
    assert_eq!((told.latest_run.as_deref(), told.latest_replay), (Some("r1"), None));
    assert_eq!((told.report.as_deref(), told.last_order.as_deref()), (Some("{\"a\":1}"), Some("{}")));
}

async fn what_waits_longest_is_told_in_whatever_lane_or_phase_it_is(bench: Bench) {
    let begin = bench.now();
    bench.offer(Offer::products()).await;
    bench.advance(10);
    bench.offer(Offer { ahead: true, ..order(1) }).await;
    bench.offer(order(2)).await;
    assert_eq!(pulse(&bench).await.waiting_since, Some(begin), "a lane behind others");
    let products = bench.state.jobs.claim(&store(), &[Lane::Product], HOLD, bench.now()).await.unwrap();
    assert_eq!(pulse(&bench).await.waiting_since, Some(after(begin, 10)), "what is worked on waits no more");
    for _ in 0..2 {
        let claim =
            bench.state.jobs.claim(&store(), &[Lane::Order], HOLD, bench.now()).await.unwrap().unwrap();
        bench.settle(&claim, done(Outcome::Transferred)).await;
    }
    bench.settle(&products.unwrap(), Verdict::Later { at: after(begin, 40), strike: false }).await;
    assert_eq!(pulse(&bench).await.waiting_since, None, "not due yet");
    bench.advance(35);
    assert_eq!(pulse(&bench).await.waiting_since, Some(after(begin, 40)), "due, and nobody took it");
    bench.offer(order(2)).await;
    bench.offer(Offer::products()).await;
    assert_eq!(
        pulse(&bench).await.waiting_since,
        Some(bench.now()),
        "made ready now, whenever it was first seen"
    );
}

async fn pulses_and_holders_come_in_the_order_of_the_stores(bench: Bench) {
    let stores: Vec<StoreId> = (0..600).map(|n| StoreId::parse(&format!("shop-{n}")).unwrap()).collect();
    for n in [3_usize, 599] {
        bench.state.jobs.offer(&stores[n], &[order(1)], None, bench.now()).await.unwrap();
        bench.state.leases.take(&format!("worker/shop-{n}"), &format!("w{n}"), HOLD).await.unwrap();
    }
    let pulses = bench.state.pulses.pulses(&stores, bench.now()).await.unwrap();
    let names: Vec<String> = stores.iter().map(|store| format!("worker/{store}")).collect();
    let holders = bench.state.leases.holders(&names).await.unwrap();
    assert_eq!((pulses.len(), holders.len()), (600, 600));
    for (n, (pulse, holder)) in pulses.iter().zip(&holders).enumerate() {
        let busy = n == 3 || n == 599;
        assert_eq!((pulse.jobs.ready == 1, holder.is_some()), (busy, busy), "{n}");
    }
    assert_eq!(holders[599].as_deref(), Some("w599"));
}

/// What a look at a thousand stores costs Redis. Told with `--no-capture`.
#[tokio::test]
async fn a_look_at_a_thousand_stores_is_two_commands_each_and_little_work() {
    let bench = Bench::redis().await;
    let server = bench.server.as_ref().unwrap();
    let stores: Vec<StoreId> = (0..1000).map(|n| StoreId::parse(&format!("shop-{n}")).unwrap()).collect();
    let names: Vec<String> = stores.iter().map(|store| format!("worker/{store}")).collect();
    let report = [(REPORT.to_owned(), "x".repeat(600)), (LAST_ORDER.to_owned(), "x".repeat(120))];
    for (n, store) in stores.iter().enumerate() {
        bench.state.leases.take(&names[n], "worker-of-some-host-1234", HOLD).await.unwrap();
        bench.state.records.put(&Family::Status(store.clone()), &report).await.unwrap();
        if n % 10 == 0 {
            let offers: Vec<Offer> = (1..=50).map(order).collect();
            bench.state.jobs.offer(store, &offers, None, bench.now()).await.unwrap();
        }
    }
    bench.state.pulses.pulses(&stores, bench.now()).await.unwrap();
    let _: String = server.run(&["CONFIG", "RESETSTAT"]);
    let begun = std::time::Instant::now();
    let pulses = bench.state.pulses.pulses(&stores, bench.now()).await.unwrap();
    bench.state.leases.holders(&names).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(pulses.iter().map(|pulse| pulse.jobs.ready).sum::<u64>(), 5000);
    let info: String = server.run(&["INFO", "commandstats"]);
    let stat = |command: &str, field: &str| -> u64 {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let fields = line.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
        fields.filter(|(name, _)| *name == field).find_map(|(_, value)| value.parse().ok()).unwrap_or(0)
    };
    // The script reads the latest run and replay with GET, too.
    assert_eq!((stat("evalsha", "calls"), stat("get", "calls")), (1000, 3000));
    println!("1,000 stores: {took:?} in all, of which Redis works {} us in scripts", stat("evalsha", "usec"));
}
