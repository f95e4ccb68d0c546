use shopbeat_domain::failure::{FailureKind, Remote};
use shopbeat_domain::ids::OrderNumber;
use shopbeat_domain::ids::StockLocation;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::Financial;
use shopbeat_domain::run::{RunPhase, RunPlan};
use shopbeat_domain::settings::Trigger;
use shopbeat_domain::store::Hold;

use super::*;
use crate::testing::{Trouble, World, WorldBuilder};

const ORDER: OrderId = OrderId(5001);
const MINUTE: Duration = Duration::from_secs(60);

async fn world() -> World {
    let world = WorldBuilder::default().build().await;
    world.shop.put(samples::order());
    world
}

/// One order that is not paid, in a shop whose orders go over when they are.
async fn unpaid() -> World {
    let world = WorldBuilder::default().trigger(Trigger::Paid).build().await;
    let mut order = samples::order();
    order.financial = Some(Financial::Pending);
    world.shop.put(order);
    world
}

fn named(name: &str) -> OrderAsk {
    OrderAsk::Name(name.to_owned())
}

async fn ask(world: &World, ask: &OrderAsk, force: bool) -> Result<OrderReport, Problem> {
    world.desk().transfer_order(&world.id, ask, force, MINUTE).await
}

fn number(report: &OrderReport) -> Option<OrderNumber> {
    report.transfer.as_ref().and_then(|transfer| transfer.number)
}

fn reason(problem: &Problem) -> &'static str {
    let Problem::Precondition { reason, .. } = problem else { panic!("{problem:?}") };
    reason
}

async fn seen(world: &World) -> u64 {
    world.desk().report(&world.id).await.unwrap().ledger.iter().map(|row| row.seen).sum()
}

#[tokio::test(start_paused = true)]
async fn an_order_is_transferred_by_id_and_by_name_with_or_without_its_hash() {
    for which in [OrderAsk::Id(ORDER), named("#5001"), named("5001"), named(" #5001 ")] {
        let world = world().await;
        let working = world.work();
        let report = ask(&world, &which, false).await.unwrap();
        let living = world.erp.living(&world.reference(ORDER));
        assert_eq!((report.order, report.job.outcome), (ORDER, Outcome::Transferred), "{which:?}");
        assert_eq!((living.len(), number(&report)), (1, Some(living[0].number)), "{which:?}");
        assert_eq!(world.desk().order(&world.id, &which).await.unwrap().transfer, report.transfer);
        working.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_several_orders_bear_is_answered_with_their_ids() {
    let world = world().await;
    let mut twin = samples::numbered(6002);
    twin.head.name = "#5001".to_owned();
    world.shop.put(twin);
    let problem = ask(&world, &named("#5001"), false).await.unwrap_err();
    assert_eq!(reason(&problem), "ORDER_NAME_AMBIGUOUS");
    assert!(problem.to_string().contains("5001, 6002"), "{problem}");
    assert_eq!(seen(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_shop_does_not_have_leaves_no_trace_in_the_ledger() {
    let world = world().await;
    for which in [OrderAsk::Id(OrderId(404)), named("#404")] {
        let problem = ask(&world, &which, false).await.unwrap_err();
        assert!(matches!(problem, Problem::Unknown { what: "order", .. }), "{problem:?}");
    }
    let problem = ask(&world, &named("  "), false).await.unwrap_err();
    assert!(matches!(&problem, Problem::BadInput(bad) if bad[0].field == "order"), "{problem:?}");
    assert_eq!(seen(&world).await, 0);
    assert_eq!(world.raw.jobs.counts(&world.id).await.unwrap(), JobCounts::default());
    let nobody = StoreId::parse("nobody").unwrap();
    let problem =
        world.desk().transfer_order(&nobody, &OrderAsk::Id(ORDER), false, MINUTE).await.unwrap_err();
    assert_eq!(problem, Problem::Unknown { what: "store", name: "nobody".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn a_paused_store_and_one_on_hold_take_no_orders_from_people() {
    let world = world().await;
    world.connector.pause(&world.id).await.unwrap();
    assert_eq!(reason(&ask(&world, &OrderAsk::Id(ORDER), true).await.unwrap_err()), "STORE_PAUSED");
    let plan = RunPlan { products: true, stock: true, ..RunPlan::default() };
    assert_eq!(reason(&world.desk().begin_run(&world.id, plan).await.unwrap_err()), "STORE_PAUSED");
    world.connector.resume(&world.id).await.unwrap();
    crate::intake::set_hold(&world.ports, &world.id, Some(Hold::TokenDead)).await.unwrap();
    let problem = ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap_err();
    assert_eq!(reason(&problem), "STORE_ON_HOLD");
    assert!(problem.to_string().contains("connect the store again"), "{problem}");
    assert_eq!(reason(&world.desk().begin_run(&world.id, plan).await.unwrap_err()), "STORE_ON_HOLD");
    assert_eq!(seen(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_before_its_trigger_is_refused_with_the_reason_and_force_transfers_it() {
    let world = unpaid().await;
    let problem = ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap_err();
    assert_eq!(reason(&problem), "TRIGGER_NOT_REACHED");
    assert!(problem.to_string().contains("force"), "{problem}");
    assert_eq!(seen(&world).await, 0);
    let working = world.work();
    assert_eq!(ask(&world, &OrderAsk::Id(ORDER), true).await.unwrap().job.outcome, Outcome::Transferred);
    assert_eq!(world.erp.living(&world.reference(ORDER)).len(), 1);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_a_webhook_brought_before_its_trigger_gets_the_same_answers() {
    let world = unpaid().await;
    world.offer(ORDER).await;
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Pending);
    let working = world.work();
    assert_eq!(reason(&ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap_err()), "TRIGGER_NOT_REACHED");
    assert_eq!(ask(&world, &OrderAsk::Id(ORDER), true).await.unwrap().job.outcome, Outcome::Transferred);
    working.stop().await;
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_from_before_the_start_is_refused_with_the_reason_and_force_transfers_it() {
    let world = world().await;
    let mut old = samples::numbered(7);
    old.head.created_at = "2026-01-31T23:59:59Z".parse().unwrap();
    world.shop.put(old);
    let problem = ask(&world, &named("#7"), false).await.unwrap_err();
    assert_eq!(reason(&problem), "BEFORE_START");
    assert!(problem.to_string().contains("force"), "{problem}");
    let working = world.work();
    assert_eq!(ask(&world, &named("#7"), true).await.unwrap().job.outcome, Outcome::Transferred);
    let mut test = samples::numbered(8);
    test.test = true;
    world.shop.put(test);
    let problem = ask(&world, &named("#8"), true).await.unwrap_err();
    assert_eq!(reason(&problem), "TEST_ORDER");
    assert!(!problem.to_string().contains("force"), "{problem}");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn asked_again_and_by_several_at_once_it_gives_the_same_number_and_no_second_order() {
    let world = world().await;
    let working = world.work();
    let which = OrderAsk::Id(ORDER);
    let name = named("#5001");
    let (one, two, three) =
        tokio::join!(ask(&world, &which, false), ask(&world, &name, false), ask(&world, &which, true));
    let first = number(&one.unwrap());
    assert!(first.is_some());
    assert_eq!((number(&two.unwrap()), number(&three.unwrap())), (first, first));
    let calls = world.hooks.calls().len();
    let again = ask(&world, &which, false).await.unwrap();
    assert_eq!((number(&again), world.erp.living(&world.reference(ORDER)).len()), (first, 1));
    let asked: Vec<String> = world.hooks.calls().split_off(calls);
    assert!(!asked.iter().any(|call| call == "state.offer" || call.starts_with("erp.")), "{asked:?}");
    assert_eq!(number(&ask(&world, &which, true).await.unwrap()), first);
    assert_eq!(world.erp.living(&world.reference(ORDER)).len(), 1);
    working.stop().await;
    assert_eq!(seen(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_up_the_answer_is_pending_and_the_job_goes_on() {
    let world = world().await;
    let desk = world.desk();
    for wait in [Duration::ZERO, Duration::from_secs(2)] {
        let asked = world.ports.now();
        let report = desk.transfer_order(&world.id, &OrderAsk::Id(ORDER), false, wait).await.unwrap();
        assert_eq!((report.job.phase, report.job.outcome), (JobPhase::Ready, Outcome::Pending));
        let took = world.ports.now().duration_since(asked).unsigned_abs();
        assert!(took >= wait && took <= wait + Duration::from_millis(500), "{took:?}");
    }
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);
    assert_eq!(world.erp.living(&world.reference(ORDER)).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_waits_comes_before_all_who_do_not() {
    let world = world().await;
    for id in 1..=40 {
        world.shop.put(samples::numbered(id));
        world.offer(OrderId(id)).await;
    }
    let asked = async {
        let report = ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap();
        (report.job.outcome, world.raw.jobs.counts(&world.id).await.unwrap().ready)
    };
    let working = async {
        world.until("the order is offered", async || seen(&world).await == 41).await;
        world.work()
    };
    let ((outcome, ready), working) = tokio::join!(asked, working);
    assert_eq!(outcome, Outcome::Transferred);
    assert!(ready > 25, "{ready} of 40 still wait");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_order_is_answered_with_its_code_and_its_remedy() {
    let world = world().await;
    world.shop.change(ORDER, world.ports.now(), |order| order.lines[0].sku = Some("NOBODY".to_owned()));
    let working = world.work();
    for _ in 0..2 {
        let problem = ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap_err();
        assert_eq!(reason(&problem), "ORDER_PARKED");
        let message = problem.to_string();
        assert!(message.contains("unknown_sku") && message.contains("NOBODY"), "{message}");
        assert!(message.contains(ParkCode::UnknownSku.remedy()), "{message}");
    }
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_is_down_is_told_with_when_to_ask_again() {
    let world = world().await;
    world.hooks.down(Some(Remote::Shopify));
    for which in [OrderAsk::Id(ORDER), named("#5001")] {
        let problem = ask(&world, &which, false).await.unwrap_err();
        let Problem::Failed { failure, retry_after } = problem else { panic!("{problem:?}") };
        assert_eq!((failure.remote, failure.kind), (Remote::Shopify, FailureKind::Unreachable));
        assert!(retry_after >= Duration::from_secs(1));
    }
    assert_eq!(seen(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn rackbeat_in_trouble_is_waited_for_and_is_no_reason_of_the_order() {
    let world = world().await;
    let busy = FailureKind::Busy { retry_after: Some(Duration::from_secs(5)) };
    world.hooks.trouble("erp.create_draft", 0, 2, Trouble::Fails(busy));
    let working = world.work();
    let report = ask(&world, &OrderAsk::Id(ORDER), false).await.unwrap();
    assert_eq!(report.job.outcome, Outcome::Transferred);
    world.hooks.down(Some(Remote::Rackbeat));
    world.shop.put(samples::numbered(6));
    let report = ask(&world, &named("#6"), false).await.unwrap();
    assert_eq!((report.job.outcome, number(&report)), (Outcome::Pending, None));
    world.hooks.down(None);
    working.stop().await;
    assert_eq!(world.settle(OrderId(6)).await.outcome, Outcome::Transferred);
}

/// Orders that are parked for want of a product.
async fn parked(world: &World, ids: impl IntoIterator<Item = u64>) -> Vec<OrderId> {
    let mut orders = Vec::new();
    for id in ids {
        let mut order = samples::numbered(id);
        order.lines[0].sku = Some("NOBODY".to_owned());
        world.shop.put(order);
        world.offer(OrderId(id)).await;
        orders.push(OrderId(id));
    }
    let working = world.work();
    let wanted = u64::try_from(orders.len()).unwrap();
    world
        .until("all are parked", async || world.raw.jobs.counts(&world.id).await.unwrap().parked == wanted)
        .await;
    working.stop().await;
    orders
}

#[tokio::test(start_paused = true)]
async fn only_parked_orders_are_put_back_and_all_or_none_of_those_that_were_named() {
    let world = world().await;
    parked(&world, [1, 2]).await;
    world.offer(ORDER).await;
    world.settle(ORDER).await;
    let desk = world.desk();
    let problem = desk.retry(&world.id, &[OrderId(1), ORDER], false).await.unwrap_err();
    assert_eq!(reason(&problem), "ORDER_NOT_PARKED");
    assert!(problem.to_string().contains("5001") && problem.to_string().contains("transferred"), "{problem}");
    let problem = desk.retry(&world.id, &[OrderId(1), OrderId(404)], false).await.unwrap_err();
    assert_eq!(problem, Problem::Unknown { what: "order", name: "404".to_owned() });
    assert_eq!(desk.parked(&world.id, None, 10).await.unwrap().len(), 2, "none was put back");
    assert_eq!(desk.retry(&world.id, &[OrderId(1)], false).await.unwrap(), [OrderId(1)]);
    assert_eq!(
        (world.job(OrderId(1)).await.phase, world.job(OrderId(2)).await.phase),
        (JobPhase::Ready, JobPhase::Parked)
    );
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn all_parked_orders_are_put_back_at_once_however_many_pages_they_fill() {
    let world = world().await;
    assert_eq!(world.desk().retry_all(&world.id).await.unwrap(), []);
    let mut orders = parked(&world, 1..=503).await;
    let mut back = world.desk().retry_all(&world.id).await.unwrap();
    orders.sort_unstable();
    back.sort_unstable();
    assert_eq!(back, orders);
    let counts = world.raw.jobs.counts(&world.id).await.unwrap();
    assert_eq!((counts.ready, counts.parked), (503, 0));
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_brings_nothing_is_refused_and_an_unknown_run_is_not_found() {
    let world = world().await;
    let desk = world.desk();
    let nothing = RunPlan { dry_run: true, ..RunPlan::default() };
    let problem = desk.begin_run(&world.id, nothing).await.unwrap_err();
    assert!(matches!(&problem, Problem::BadInput(bad) if bad[0].field == "products"), "{problem:?}");
    for run in [None, Some("none")] {
        let problem = desk.run(&world.id, run).await.unwrap_err();
        assert!(matches!(problem, Problem::Unknown { what: "run", .. }), "{problem:?}");
    }
    let nowhere = RunPlan { stock: true, location: Some(StockLocation(77)), ..nothing };
    let problem = desk.begin_run(&world.id, nowhere).await.unwrap_err();
    assert!(
        matches!(&problem, Problem::BadInput(bad) if bad[0].problem.contains("it has 1, 2")),
        "{problem:?}"
    );
    let plan = RunPlan { products: true, ..nothing };
    let first = desk.begin_run(&world.id, plan).await.unwrap();
    assert_eq!((first.phase, first.plan), (RunPhase::Queued, plan));
    assert_eq!(desk.begin_run(&world.id, plan).await.unwrap().id, first.id);
    assert_eq!(desk.run(&world.id, None).await.unwrap(), first);
    assert_eq!(seen(&world).await, 0, "the ledger counts orders only");
}

#[tokio::test(start_paused = true)]
async fn a_forced_order_is_audited_like_any_other_and_then_left_alone() {
    let world = unpaid().await;
    let working = world.work();
    ask(&world, &OrderAsk::Id(ORDER), true).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let calls = |world: &World| world.hooks.calls().iter().filter(|call| call.starts_with("erp.")).count();
    let (before, job) = (calls(&world), world.job(ORDER).await);
    assert_eq!((job.phase, job.outcome), (JobPhase::Idle, Outcome::Transferred));
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(calls(&world), before);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_with_the_text_of_the_latest_one_is_that_one_over_or_not_whatever_is_asked() {
    let world = world().await;
    let desk = world.desk();
    let plan = RunPlan { products: true, dry_run: true, ..RunPlan::default() };
    let first = desk.begin_run_named(&world.id, plan, "first").await.unwrap();
    assert_eq!(first.token, "first");
    let other = RunPlan { stock: true, ..plan };
    assert_eq!(desk.begin_run_named(&world.id, other, "first").await.unwrap(), first);
    let under_way = desk.begin_run_named(&world.id, plan, "second").await.unwrap();
    assert_eq!((under_way.id, under_way.token.as_str()), (first.id.clone(), "first"), "one at a time");
    let working = world.work();
    world.until("it is over", async || desk.run(&world.id, None).await.unwrap().is_over()).await;
    working.stop().await;
    // Asked again it needs nothing of the store: an owner that paused it meanwhile is not told an error.
    world.connector.pause(&world.id).await.unwrap();
    let again = desk.begin_run_named(&world.id, RunPlan::default(), "first").await.unwrap();
    assert!(again.id == first.id && again.is_over());
    world.connector.resume(&world.id).await.unwrap();
    let second = desk.begin_run_named(&world.id, plan, "second").await.unwrap();
    assert!(second.id != first.id && second.token == "second");
    let back = desk.begin_run_named(&world.id, plan, "first").await.unwrap();
    assert_eq!(back.id, second.id, "only the latest one's text is known");
    let problem = desk.begin_run_named(&world.id, plan, &"x".repeat(101)).await.unwrap_err();
    assert!(matches!(&problem, Problem::BadInput(bad) if bad[0].field == "token"), "{problem:?}");
}
