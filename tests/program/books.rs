//! The books that every test ends with are worth something: they notice what they are for.

use axum::http::Method;
use shopbeat_tests::{Expect, Plan, SHORT, World};

use crate::mix::plain;

#[tokio::test(flavor = "multi_thread")]
async fn the_books_notice_an_order_that_is_doubled_lost_or_not_what_was_expected() {
    let mut world = World::start(Plan::new(171)).await;
    world.connect("fjeld").await;
    let [good, doubled] = world.buy_many("fjeld", 2)[..] else { panic!("two orders") };
    world.settled("fjeld", SHORT).await;
    assert_eq!(world.problems("fjeld").await, "");

    let account = world.account();
    let row = &world.rackbeat().orders_with(account, &format!("fjeld/{doubled}"))[0];
    let body = serde_json::json!({ "customer_id": row.customer, "heading": row.heading, "lines": [] });
    let (status, made) = world.rackbeat().act(account, Method::POST, "/orders/drafts", body);
    assert_eq!(status, 201, "{made}");
    let told = world.problems("fjeld").await;
    assert!(told.contains("2 times") && told.lines().count() == 1, "{told}");
    let newest = world.rackbeat().orders(account).iter().map(|order| order.number).max().unwrap();
    assert!(world.rackbeat().delete_order(account, newest));
    assert_eq!(world.problems("fjeld").await, "");

    world.expect("fjeld", good, Expect::Parked("tip"));
    let told = world.problems("fjeld").await;
    assert!(told.contains("expected Parked"), "{told}");
    world.expect("fjeld", good, Expect::Transferred);

    let lost = world.buy("fjeld", &plain(&world, "fjeld"));
    world.settled("fjeld", SHORT).await;
    let number = world.rackbeat().orders_with(account, &format!("fjeld/{lost}"))[0].number;
    assert!(world.rackbeat().delete_order(account, number));
    let told = world.problems("fjeld").await;
    assert!(told.contains("does not stand in Rackbeat"), "{told}");
    // For the end of the test it is bought anew by force.
    world.transfer_now("fjeld", lost, true).await.unwrap();
    world.finish(SHORT).await;
}
