use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::ports::{Notice, Topic};
use shopbeat_state::Sealing;

use crate::bench::{Bench, kind, on_every_engine};

on_every_engine!(
    a_notice_gets_a_new_number_only_if_its_text_changed,
    a_late_holder_of_the_lease_posts_nothing,
    topics_and_agreements_do_not_meet,
    very_many_notices_are_posted_and_read,
);

fn agreement() -> AgreementId {
    AgreementId::parse("acme").unwrap()
}

fn item(number: &str) -> ItemNumber {
    ItemNumber::parse(number).unwrap()
}

impl Bench {
    async fn post(&self, fence: u64, texts: &[(&str, &str)]) -> Vec<(u64, bool)> {
        let texts: Vec<_> = texts.iter().map(|(name, text)| (item(name), (*text).to_owned())).collect();
        self.state.board.post(&agreement(), Topic::Stock, fence, &texts).await.unwrap()
    }

    async fn notice(&self, topic: Topic, name: &str) -> Option<Notice> {
        self.state.board.notices(&agreement(), topic, &[item(name)]).await.unwrap().pop().unwrap()
    }
}

async fn a_notice_gets_a_new_number_only_if_its_text_changed(bench: Bench) {
    assert!(bench.post(1, &[]).await.is_empty());
    let first = bench.post(1, &[("A", "a|1"), ("B", "b")]).await;
    assert!(first.iter().all(|(_, new)| *new));
    assert_eq!(bench.post(1, &[("B", "b"), ("A", "a|1")]).await, [(first[1].0, false), (first[0].0, false)]);
    let second = bench.post(1, &[("A", "a|2"), ("B", "b")]).await;
    assert!(second[0].0 > first[0].0 && second[0].1);
    assert_eq!(second[1], (first[1].0, false));
    let back = bench.post(1, &[("A", "a|1")]).await;
    assert!(back[0].0 > second[0].0 && back[0].1, "what changed back has changed");
    let asked = [item("none"), item("B"), item("A")];
    let notices = bench.state.board.notices(&agreement(), Topic::Stock, &asked).await.unwrap();
    let expected = [
        None,
        Some(Notice { seq: first[1].0, text: "b".to_owned() }),
        Some(Notice { seq: back[0].0, text: "a|1".to_owned() }),
    ];
    assert_eq!(notices, expected);
}

async fn a_late_holder_of_the_lease_posts_nothing(bench: Bench) {
    let fence = u64::try_from(bench.now().as_millisecond()).unwrap();
    bench.post(fence, &[("A", "old")]).await;
    bench.post(fence + 1, &[("B", "new")]).await;
    let texts = [(item("A"), "late".to_owned())];
    for topic in [Topic::Stock, Topic::Product] {
        let late = bench.state.board.post(&agreement(), topic, fence, &texts).await;
        assert_eq!(kind(late), FailureKind::Conflict);
    }
    assert_eq!(bench.notice(Topic::Stock, "A").await.unwrap().text, "old");
    assert_eq!(bench.notice(Topic::Product, "A").await, None);
    bench.post(fence + 1, &[("A", "new")]).await;
    assert_eq!(bench.notice(Topic::Stock, "A").await.unwrap().text, "new");
}

async fn topics_and_agreements_do_not_meet(bench: Bench) {
    bench.post(9, &[("A", "stock")]).await;
    let texts = [(item("A"), "product".to_owned())];
    bench.state.board.post(&agreement(), Topic::Product, 9, &texts).await.unwrap();
    assert_eq!(bench.notice(Topic::Stock, "A").await.unwrap().text, "stock");
    assert_eq!(bench.notice(Topic::Product, "A").await.unwrap().text, "product");
    let other = AgreementId::parse("acme-2").unwrap();
    bench.state.board.post(&other, Topic::Stock, 1, &texts).await.unwrap();
    assert_eq!(bench.notice(Topic::Stock, "A").await.unwrap().text, "stock");
}

async fn very_many_notices_are_posted_and_read(bench: Bench) {
    let texts: Vec<_> =
        (0..bench.many()).map(|n| (item(&format!("SKU-{n}")), format!("{{\"n\":{n}}}"))).collect();
    let posted = bench.state.board.post(&agreement(), Topic::Stock, 1, &texts).await.unwrap();
    assert_eq!(posted.len(), texts.len());
    let items: Vec<_> = texts.iter().map(|(item, _)| item.clone()).collect();
    let notices = bench.state.board.notices(&agreement(), Topic::Stock, &items).await.unwrap();
    for (((_, text), notice), (seq, _)) in texts.iter().zip(&notices).zip(&posted) {
        assert_eq!(notice.as_ref().map(|notice| (&notice.text, notice.seq)), Some((text, *seq)));
    }
    assert_eq!(bench.post(1, &[("SKU-9999", "{\"n\":9999}")]).await, [(posted[9999].0, false)]);
}

/// A process that starts anew on its file, or on Redis, gets a lease with which it may post.
async fn is_posted_on_after_a_restart(bench: Bench) {
    let lease = |bench: &Bench| {
        let leases = bench.state.leases.clone();
        async move {
            let taken = leases.take("agreement/acme", "me", std::time::Duration::from_secs(60)).await;
            taken.unwrap().unwrap()
        }
    };
    let first = lease(&bench).await;
    let posted = bench.post(first.fence, &[("A", "a")]).await;
    bench.state.leases.free(&first).await.unwrap();
    if let Some(server) = &bench.server {
        // Nobody took the lease for ninety days.
        server.run::<()>(&["DEL", "test:{agreement/acme}:lease-fence"]);
    }
    let bench = bench.reopened(Sealing::generate().unwrap()).await;
    let second = lease(&bench).await;
    assert_eq!(bench.post(second.fence, &[("A", "a")]).await, [(posted[0].0, false)]);
    assert!(bench.post(second.fence, &[("A", "b")]).await[0].0 > posted[0].0);
}

#[tokio::test]
async fn a_file_opened_again_is_posted_on() {
    is_posted_on_after_a_restart(Bench::file().await).await;
}

#[tokio::test]
async fn a_board_outlives_the_memory_of_its_leases_fence() {
    is_posted_on_after_a_restart(Bench::redis().await).await;
}
