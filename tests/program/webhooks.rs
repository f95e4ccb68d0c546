//! What comes to the webhooks' address: refused, counted, never a panic.

use shopbeat_proto::v1;
use shopbeat_sandbox::seed::Seeded;
use shopbeat_tests::{HttpClient, Plan, SHORT, Webhook, World, settings, until};

use crate::mix::plain;

const BODY: &[u8] = br#"{"id":6110004784129,"admin_graphql_api_id":"gid://shopify/Order/6110004784129","updated_at":"2026-11-24T08:00:00Z","test":false}"#;
const SECRET: &str = "shpss_fjeld";

fn genuine(id: &str, body: &[u8]) -> Webhook {
    Webhook::signed("fjeld", SECRET, "orders/updated", id, body)
}

/// Jobs of orders that are in no shop must not disturb the books: the store is connected beside them, and paused.
async fn paused_world(seed: u64) -> World {
    let mut world = World::start(Plan::new(seed)).await;
    world.ask_to_connect(world.connect_request("fjeld", settings())).await;
    world.api.pause_store(v1::PauseStoreRequest { store_id: "fjeld".to_owned() }).await.unwrap();
    world
}

async fn counted(world: &World, outcome: &str) -> u64 {
    world.meter(&format!(r#"shopbeat_webhooks_total{{remote="shopify",outcome="{outcome}"}}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_bad_delivery_has_its_status_and_its_count() {
    let world = paused_world(121).await;
    let mut web = world.service.web();
    let cut = &BODY[..BODY.len() / 2];
    let other_store = Webhook { path: "/webhooks/shopify/nobody".to_owned(), ..genuine("a", BODY) };
    let no_store = Webhook { path: "/webhooks/shopify/%00".to_owned(), ..genuine("b", BODY) };
    let app_wide = Webhook { path: "/webhooks/shopify".to_owned(), ..genuine("c", BODY) };
    let cases: Vec<(Webhook, u16, &str)> = vec![
        (genuine("1", BODY), 200, "queued"),
        (genuine("1", BODY), 200, "repeat"),
        (app_wide, 200, "queued"),
        (Webhook::signed("fjeld", SECRET, "themes/publish", "2", b"{}"), 200, "unused"),
        (Webhook::signed("fjeld", "guessed", "orders/updated", "3", BODY), 401, "forged"),
        (genuine("4", BODY).without("x-shopify-hmac-sha256"), 401, "forged"),
        (genuine("5", BODY).with("x-shopify-hmac-sha256", "no base64!"), 401, "forged"),
        (Webhook { body: cut.to_vec(), ..genuine("6", BODY) }, 401, "forged"),
        (other_store, 401, "forged"),
        (no_store, 401, "forged"),
        (genuine("7", BODY).with("x-shopify-shop-domain", "other.myshopify.com"), 401, "wrong_shop"),
        (genuine("8", BODY).without("x-shopify-topic"), 400, "malformed"),
        (genuine("9", BODY).without("x-shopify-webhook-id"), 400, "malformed"),
        (genuine("10", BODY).with("x-shopify-webhook-id", &"x".repeat(5_000)), 400, "malformed"),
        (genuine("11", cut), 400, "malformed"),
        (genuine("12", b""), 400, "malformed"),
        (genuine("13", b"null"), 400, "malformed"),
        (genuine("14", b"[1,2,3]"), 400, "malformed"),
        (genuine("15", br#"{"id":{"id":1}}"#), 400, "malformed"),
        (genuine("16", br#"{"id":-7}"#), 400, "malformed"),
        (genuine("17", br#"{"id":1.5}"#), 400, "malformed"),
        (genuine("18", br#"{"id":123456789012345678901234567890}"#), 400, "malformed"),
        (genuine("19", b"\xff\xfe\x00\x01"), 400, "malformed"),
        (genuine("20", "[".repeat(200_000).as_bytes()), 400, "malformed"),
        (genuine("21", &vec![b' '; 2 * 1024 * 1024 + 1]), 413, "oversized"),
    ];
    for (nth, (hook, status, outcome)) in cases.iter().enumerate() {
        let before = counted(&world, outcome).await;
        let answer = web.post(hook).await;
        let answer = answer.unwrap_or_else(|error| panic!("case {nth}, {outcome}: no answer, {error}"));
        assert_eq!(answer.status, *status, "case {nth}, {outcome}");
        assert_eq!(counted(&world, outcome).await, before + 1, "case {nth}, {outcome}");
        assert!(answer.text.len() < 200, "case {nth} tells much: {}", answer.text);
    }
    let said = world.service.web().post_cut(&genuine("22", BODY)).await;
    assert!(!said.contains(" 200 "), "a cut delivery was accepted: {said}");
    let no_text = Webhook { path: "/webhooks/shopify/%FF".to_owned(), ..genuine("23", BODY) };
    assert_eq!(web.post(&no_text).await.unwrap().status, 400);
    assert_eq!(web.get("/webhooks/shopify/fjeld").await.unwrap().status, 405);
    assert_eq!(web.get("/nothing").await.unwrap().status, 404);

    let rackbeat = |headers, body: &[u8]| Webhook {
        path: "/webhooks/rackbeat/nordlys".to_owned(),
        headers,
        body: body.to_vec(),
    };
    let forged = r#"shopbeat_webhooks_total{remote="rackbeat",outcome="forged"}"#;
    for hook in
        [rackbeat(Vec::new(), b"{}"), rackbeat(vec![("x-rackbeat-token", "guessed".to_owned())], b"{}")]
    {
        let before = world.meter(forged).await;
        assert_eq!(web.post(&hook).await.unwrap().status, 401);
        assert_eq!(world.meter(forged).await, before + 1);
    }
    world.finish(SHORT).await;
}

/// A genuine body with a few bytes changed, cut short, or something else altogether.
fn garble(draw: &mut Seeded) -> Vec<u8> {
    let mut body = BODY.to_vec();
    match draw.below(4) {
        0 => body.truncate(draw.index(body.len())),
        1 => {
            for _ in 0..=draw.below(6) {
                let at = draw.index(body.len());
                body[at] = u8::try_from(draw.below(256)).unwrap();
            }
        }
        2 => {
            let parts: [&[u8]; 12] = [
                b"{",
                b"}",
                b"[",
                b"]",
                b"\"id\":",
                b"1e999",
                b"-0",
                b"\"\\ud800\"",
                b",",
                b"null",
                b"\"order_id\":",
                b"7",
            ];
            body = (0..draw.below(20)).flat_map(|_| parts[draw.index(parts.len())].to_vec()).collect();
        }
        _ => body = (0..draw.below(300)).map(|_| u8::try_from(draw.below(256)).unwrap()).collect(),
    }
    body
}

async fn bombard(mut web: HttpClient, seed: u64, count: usize) -> (u64, u64, u64) {
    let topics = [
        "orders/create",
        "orders/edited",
        "refunds/create",
        "products/update",
        "bulk_operations/finish",
        "x/y",
    ];
    let mut draw = Seeded::labelled(seed, "bodies");
    let (mut taken, mut malformed, mut forged) = (0, 0, 0);
    for nth in 0..count {
        let secret = if draw.chance(200_000) { "guessed" } else { SECRET };
        let topic = topics[draw.index(topics.len())];
        let hook = Webhook::signed("fjeld", secret, topic, &format!("{seed}-{nth}"), &garble(&mut draw));
        let answer = web.post(&hook).await.unwrap_or_else(|error| panic!("seed {seed}, {nth}: {error}"));
        match answer.status {
            200 => taken += 1,
            400 => malformed += 1,
            401 => forged += 1,
            other => panic!("seed {seed}, {nth}: {other} for {:?}", String::from_utf8_lossy(&hook.body)),
        }
        assert_eq!(answer.status == 401, secret != SECRET, "seed {seed}, {nth}");
    }
    (taken, malformed, forged)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_generated_bodies_are_taken_or_refused_and_counted() {
    let world = paused_world(122).await;
    let tasks: Vec<_> = (0..4).map(|seed| tokio::spawn(bombard(world.service.web(), seed, 2_500))).collect();
    let (mut taken, mut malformed, mut forged) = (0, 0, 0);
    for task in tasks {
        let counts = task.await.unwrap();
        (taken, malformed, forged) = (taken + counts.0, malformed + counts.1, forged + counts.2);
    }
    assert_eq!(taken + malformed + forged, 10_000);
    let count = async |outcome| counted(&world, outcome).await;
    assert_eq!(count("malformed").await, malformed);
    assert_eq!(count("forged").await, forged);
    assert_eq!(count("queued").await + count("unused").await + count("repeat").await, taken);
    assert!(malformed > 1_000 && forged > 1_000, "{taken} {malformed} {forged}");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_delivery_of_the_same_event_is_answered_and_dropped() {
    let mut world = World::start(Plan::new(123)).await;
    world.connect("fjeld").await;
    let options = shopbeat_sandbox::shopify::DeliveryOptions {
        duplicate_ppm: 1_000_000,
        ..shopbeat_sandbox::shopify::DeliveryOptions::default()
    };
    world.shopify().set_delivery(options);
    world.buy_many("fjeld", 10);
    world.shopify().settled().await;
    let counts = world.shopify().deliveries();
    assert_eq!((counts.accepted, counts.failed), (counts.due * 2, 0));
    // Quantities of items that are not followed are over with the answer.
    let (queued, handled) = (counted(&world, "queued").await, counted(&world, "handled").await);
    assert_eq!(counted(&world, "repeat").await, queued);
    assert_eq!(queued * 2 + handled, counts.accepted);
    assert!(queued >= 10 * 3, "each order and its product were told: {queued}");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rotation_the_old_and_the_new_secret_both_count() {
    let mut world = World::start(Plan::new(124)).await;
    world.connect("fjeld").await;
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    world.settled("fjeld", SHORT).await;
    let body = format!(r#"{{"id":{order}}}"#);
    let signed =
        |secret: &str, id: &str| Webhook::signed("fjeld", secret, "orders/updated", id, body.as_bytes());
    let mut web = world.service.web();
    assert_eq!(web.post(&signed("shpss_new", "1")).await.unwrap().status, 401);
    world.shopify().rotate_secret("fjeld.myshopify.com", "shpss_new").unwrap();
    let mut request = world.connect_request("fjeld", settings());
    let credentials =
        v1::ClientCredentials { client_id: "client-fjeld".to_owned(), client_secret: "shpss_new".to_owned() };
    request.credentials = Some(v1::connect_store_request::Credentials::ClientCredentials(credentials));
    world.connect_by(request).await;
    until("the new secret counts", SHORT, async || match web.post(&signed("shpss_new", "2")).await {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(web.post(&signed("shpss_fjeld", "3")).await.unwrap().status, 200);
    assert_eq!(web.post(&signed("shpss_other", "4")).await.unwrap().status, 401);
    world.finish(SHORT).await;
}
