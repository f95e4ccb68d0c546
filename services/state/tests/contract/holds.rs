use shopbeat_domain::ids::{ItemNumber, OrderId, StoreId};
use shopbeat_domain::job::{Offer, Outcome, Settled};

use crate::bench::{Bench, done, on_every_engine, order, store};
use crate::random::Seeded;

on_every_engine!(
    what_an_order_holds_replaces_what_it_held_and_sums_up,
    settling_releases_in_the_same_step_and_a_late_holder_releases_nothing,
    sums_follow_a_random_walk,
);

fn item(number: &str) -> ItemNumber {
    ItemNumber::parse(number).unwrap()
}

impl Bench {
    async fn hold(&self, id: u64, units: &[(&str, u64)]) -> Vec<String> {
        let units: Vec<_> = units.iter().map(|(name, units)| (item(name), *units)).collect();
        let changed = self.state.holds.hold(&store(), OrderId(id), &units).await.unwrap();
        changed.iter().map(ToString::to_string).collect()
    }

    async fn held(&self, names: &[&str]) -> Vec<u64> {
        let items: Vec<_> = names.iter().map(|name| item(name)).collect();
        self.state.holds.held(&store(), &items).await.unwrap()
    }
}

async fn what_an_order_holds_replaces_what_it_held_and_sums_up(bench: Bench) {
    assert_eq!(bench.hold(1, &[("A", 2), ("B", 1), ("A", 1), ("C", 0)]).await, ["A", "B"]);
    assert!(bench.hold(1, &[("B", 1), ("A", 3)]).await.is_empty(), "nothing changed");
    assert_eq!(bench.hold(2, &[("A", 5)]).await, ["A"]);
    assert_eq!(bench.held(&["C", "A", "B", "none"]).await, [0, 8, 1, 0]);
    assert_eq!(bench.hold(1, &[("C", 4), ("A", 3)]).await, ["B", "C"]);
    let held = bench.state.holds.held_by(&store(), OrderId(1)).await.unwrap();
    assert_eq!(held, [(item("A"), 3), (item("C"), 4)]);
    assert_eq!(bench.held(&["A", "B", "C"]).await, [8, 0, 4]);
    assert_eq!(bench.hold(1, &[]).await, ["A", "C"]);
    assert!(bench.state.holds.held_by(&store(), OrderId(1)).await.unwrap().is_empty());
    assert_eq!(bench.held(&["A", "B", "C"]).await, [5, 0, 0]);
    let other = StoreId::parse("acme-2").unwrap();
    assert_eq!(bench.state.holds.held(&other, &[item("A")]).await.unwrap(), [0]);
    assert!(bench.state.holds.held(&store(), &[]).await.unwrap().is_empty());
}

async fn settling_releases_in_the_same_step_and_a_late_holder_releases_nothing(bench: Bench) {
    bench.offer(order(1)).await;
    bench.hold(1, &[("A", 2)]).await;
    bench.hold(12, &[("A", 1)]).await;
    let dead = bench.claim().await.unwrap();
    bench.advance(30);
    let claim = bench.claim().await.unwrap();
    let (jobs, verdict, now) = (&bench.state.jobs, done(Outcome::Transferred), bench.now());
    assert_eq!(jobs.settle(&dead, &verdict, None, true, now).await.unwrap(), Settled::Fenced);
    assert_eq!(bench.held(&["A"]).await, [3]);
    bench.offer(order(1)).await;
    assert_eq!(jobs.settle(&claim, &verdict, None, false, now).await.unwrap(), Settled::Again);
    assert_eq!(bench.held(&["A"]).await, [3], "it was not to be released yet");
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.offer(order(1)).await;
    assert_eq!(jobs.settle(&claim, &verdict, None, true, now).await.unwrap(), Settled::Again);
    assert_eq!(bench.held(&["A"]).await, [1], "what another order holds stays");
    assert!(bench.state.holds.held_by(&store(), OrderId(1)).await.unwrap().is_empty());
    // What holds nothing releases nothing, twice over.
    let claim = bench.claim().await.unwrap();
    jobs.settle(&claim, &verdict, None, true, now).await.unwrap();
    bench.offer(Offer::stock()).await;
    let claim = bench.claim().await.unwrap();
    jobs.settle(&claim, &verdict, None, true, now).await.unwrap();
    assert_eq!(bench.held(&["A"]).await, [1]);
}

async fn sums_follow_a_random_walk(bench: Bench) {
    let mut random = Seeded(5);
    let names = ["A", "B", "C", "D"];
    let mut model = std::collections::BTreeMap::<u64, [u64; 4]>::new();
    for _ in 0..300 {
        let id = random.below(6);
        let mut units = [0; 4];
        for unit in &mut units {
            *unit = random.below(3);
        }
        let before = model.insert(id, units).unwrap_or_default();
        let held: Vec<_> = names.into_iter().zip(units).collect();
        let expected: Vec<_> = names
            .iter()
            .enumerate()
            .filter(|(at, _)| before[*at] != units[*at])
            .map(|(_, name)| *name)
            .collect();
        assert_eq!(bench.hold(id, &held).await, expected);
        let sums: Vec<u64> = (0..4).map(|at| model.values().map(|units| units[at]).sum()).collect();
        assert_eq!(bench.held(&names).await, sums);
    }
}
