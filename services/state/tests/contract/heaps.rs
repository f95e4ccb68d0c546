use std::time::Duration;

use jiff::Timestamp;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::{Heap, Marked};

use crate::bench::{Bench, after, on_every_engine, store};

on_every_engine!(
    a_thing_is_on_a_heap_once_however_often_it_changed,
    what_changed_while_it_was_dealt_with_stays_on_the_heap,
    what_is_put_off_comes_back_and_is_counted,
    a_new_mark_makes_due_at_once_what_was_put_off,
    what_was_dealt_with_and_marked_anew_is_not_what_it_was,
    what_has_been_due_longest_comes_first,
    heaps_do_not_meet,
    a_heap_of_very_many_things_is_worked_off,
    a_wait_for_a_heap_ends_with_a_mark_even_one_from_before,
);

fn heap() -> Heap {
    Heap::StoreStock(store())
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

impl Bench {
    async fn mark(&self, names: &[&str]) {
        self.state.heaps.mark(&heap(), &keys(names), false, self.now()).await.unwrap();
    }

    async fn due(&self) -> Vec<Marked> {
        self.state.heaps.due(&heap(), 100, self.now()).await.unwrap()
    }

    async fn next(&self) -> Option<Timestamp> {
        self.state.heaps.next_due(&heap()).await.unwrap()
    }

    async fn dealt_with(&self, things: &[Marked]) {
        self.state.heaps.done(&heap(), things).await.unwrap();
    }

    async fn on_heap(&self) -> u64 {
        self.state.heaps.count(&heap()).await.unwrap()
    }
}

fn names(due: &[Marked]) -> Vec<&str> {
    due.iter().map(|marked| marked.key.as_str()).collect()
}

async fn a_thing_is_on_a_heap_once_however_often_it_changed(bench: Bench) {
    assert_eq!((bench.next().await, bench.on_heap().await), (None, 0));
    assert!(bench.due().await.is_empty());
    let first = bench.now();
    bench.mark(&["A", "B"]).await;
    let before = bench.due().await;
    bench.advance(5);
    bench.state.heaps.mark(&heap(), &keys(&["A"]), true, bench.now()).await.unwrap();
    bench.mark(&["A"]).await;
    bench.mark(&[]).await;
    let due = bench.due().await;
    assert_eq!((names(&due), bench.on_heap().await), (vec!["A", "B"], 2));
    assert!(due[0].mark > before[0].mark);
    assert_eq!((due[0].since, due[0].doubt, due[0].tries), (first, true, 0), "the first time, any doubt");
    assert_eq!(due[1], before[1]);
    assert_eq!(bench.next().await, Some(first));
    bench.dealt_with(&due).await;
    assert_eq!((bench.next().await, bench.on_heap().await), (None, 0));
    bench.mark(&["A"]).await;
    let [again] = bench.due().await.try_into().unwrap();
    assert_eq!((again.since, again.doubt), (bench.now(), false), "nothing is left of what was dealt with");
}

async fn what_changed_while_it_was_dealt_with_stays_on_the_heap(bench: Bench) {
    bench.mark(&["A", "B"]).await;
    let due = bench.due().await;
    bench.mark(&["B"]).await;
    bench.dealt_with(&due).await;
    assert_eq!(names(&bench.due().await), ["B"]);
    assert_eq!(bench.on_heap().await, 1);
    // Said twice, as after a lost answer.
    bench.dealt_with(&due).await;
    bench.state.heaps.put_off(&heap(), &due, after(bench.now(), 60)).await.unwrap();
    let left = bench.due().await;
    assert_eq!((names(&left), left[0].tries), (vec!["B"], 0));
}

async fn what_is_put_off_comes_back_and_is_counted(bench: Bench) {
    bench.mark(&["A", "B"]).await;
    let first = bench.now();
    for tries in 0..3 {
        let due = bench.due().await;
        assert_eq!(due.iter().find(|marked| marked.key == "A").unwrap().tries, tries);
        let only: Vec<Marked> = due.into_iter().filter(|marked| marked.key == "A").collect();
        bench.state.heaps.put_off(&heap(), &only, after(bench.now(), 60)).await.unwrap();
        assert_eq!(names(&bench.due().await), ["B"]);
        bench.advance(59);
        assert_eq!(names(&bench.due().await), ["B"]);
        bench.advance(1);
    }
    let due = bench.due().await;
    assert_eq!((names(&due), due[1].since), (vec!["B", "A"], first));
    bench.dealt_with(&due[..1]).await;
    bench.state.heaps.put_off(&heap(), &due[1..], after(bench.now(), 60)).await.unwrap();
    assert_eq!(bench.next().await, Some(after(bench.now(), 60)));
}

async fn a_new_mark_makes_due_at_once_what_was_put_off(bench: Bench) {
    bench.mark(&["A"]).await;
    bench.state.heaps.put_off(&heap(), &bench.due().await, after(bench.now(), 600)).await.unwrap();
    assert!(bench.due().await.is_empty());
    bench.mark(&["A"]).await;
    let due = bench.due().await;
    assert_eq!((names(&due), due[0].tries), (vec!["A"], 1));
    // A time that is told by a clock that goes ahead puts nothing off.
    bench.state.heaps.mark(&heap(), &keys(&["B"]), false, after(bench.now(), 600)).await.unwrap();
    assert_eq!(names(&bench.due().await), ["A", "B"]);
}

async fn what_was_dealt_with_and_marked_anew_is_not_what_it_was(bench: Bench) {
    bench.mark(&["A"]).await;
    let slow = bench.due().await;
    bench.dealt_with(&slow).await;
    bench.mark(&["A"]).await;
    bench.dealt_with(&slow).await;
    assert_eq!(bench.on_heap().await, 1, "the slow one knows nothing of the new mark");
}

async fn what_has_been_due_longest_comes_first(bench: Bench) {
    for name in ["C", "A", "B"] {
        bench.mark(&[name]).await;
        bench.advance(1);
    }
    assert_eq!(names(&bench.due().await), ["C", "A", "B"]);
    let two = bench.state.heaps.due(&heap(), 2, bench.now()).await.unwrap();
    assert_eq!(names(&two), ["C", "A"]);
}

async fn heaps_do_not_meet(bench: Bench) {
    // A store and an agreement may bear the same name.
    let agreement = AgreementId::parse("acme").unwrap();
    let heaps = [
        heap(),
        Heap::StoreStock(StoreId::parse("acme-2").unwrap()),
        Heap::StoreProducts(store()),
        Heap::ShopProducts(store()),
        Heap::AgreementStock(agreement.clone()),
        Heap::AgreementProducts(agreement),
    ];
    for (number, heap) in heaps.iter().enumerate() {
        bench.state.heaps.mark(heap, &[number.to_string()], false, bench.now()).await.unwrap();
    }
    for (number, heap) in heaps.iter().enumerate() {
        let due = bench.state.heaps.due(heap, 10, bench.now()).await.unwrap();
        assert_eq!(names(&due), [number.to_string()]);
        assert_eq!(bench.state.heaps.count(heap).await.unwrap(), 1);
    }
}

async fn a_heap_of_very_many_things_is_worked_off(bench: Bench) {
    let many = bench.many();
    let all: Vec<String> = (0..many).map(|number| format!("SKU-{number:06}")).collect();
    bench.state.heaps.mark(&heap(), &all, false, bench.now()).await.unwrap();
    assert_eq!(bench.on_heap().await, u64::try_from(many).unwrap());
    let first = bench.state.heaps.due(&heap(), 2500, bench.now()).await.unwrap();
    assert_eq!((first.len(), first[2499].key.as_str()), (2500, "SKU-002499"));
    bench.dealt_with(&first).await;
    let rest = bench.state.heaps.due(&heap(), u32::MAX, bench.now()).await.unwrap();
    assert_eq!(rest.len(), many - 2500);
    bench.state.heaps.put_off(&heap(), &rest, after(bench.now(), 60)).await.unwrap();
    assert!(bench.due().await.is_empty());
    assert_eq!(bench.on_heap().await, u64::try_from(many - 2500).unwrap());
}

async fn a_wait_for_a_heap_ends_with_a_mark_even_one_from_before(bench: Bench) {
    let heaps = bench.state.heaps.clone();
    bench.mark(&["A"]).await;
    heaps.wait(&heap(), Duration::from_secs(600)).await.unwrap();
    let waiting = tokio::spawn(async move { heaps.wait(&heap(), Duration::from_secs(600)).await });
    tokio::task::yield_now().await;
    bench.mark(&["B"]).await;
    waiting.await.unwrap().unwrap();
    let other = Heap::StoreProducts(store());
    bench.state.heaps.wait(&other, Duration::from_millis(20)).await.unwrap();
}
