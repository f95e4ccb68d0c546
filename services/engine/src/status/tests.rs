use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{AgreementId, OrderId};
use shopbeat_domain::job::Offer;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::run::{RunPhase, RunPlan};
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::Desired;

use super::*;
use crate::connect::{ConnectRequest, WRITE_INVENTORY};
use crate::testing::{World, WorldBuilder};

async fn look(world: &World, stores: &mut Stores) -> StoreStatus {
    let mut all = stores.look().await.unwrap();
    let at = all.iter().position(|status| status.store.id == world.id).unwrap();
    all.swap_remove(at)
}

fn stores(world: &World) -> Stores {
    Stores::new(world.ports.clone(), Terms::default())
}

#[tokio::test(start_paused = true)]
async fn a_status_tells_queue_worker_last_order_and_what_waits() {
    let world = WorldBuilder::default().build().await;
    let mut stores = stores(&world);
    let quiet = look(&world, &mut stores).await;
    assert_eq!((quiet.jobs, quiet.waiting_since, quiet.worker), (JobCounts::default(), None, None));
    assert_eq!((quiet.report, quiet.last_order, quiet.latest_run), (None, None, None));
    assert_eq!(quiet.scopes_missing, [""; 0]);
    let begin = world.ports.now();
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    let waiting = look(&world, &mut stores).await;
    assert_eq!((waiting.jobs.ready, waiting.waiting_since), (1, Some(begin)));
    let working = world.work();
    world
        .until("all is told", async || {
            let status = look(&world, &mut stores).await;
            status.last_order.is_some_and(|last| last.order == OrderId(1))
                && status.report.map(|report| report.worker) == status.worker
                && status.worker.as_deref() == Some("worker-0")
                && status.waiting_since.is_none()
        })
        .await;
    working.stop().await;
    assert_eq!(look(&world, &mut stores).await.worker, None);
}

#[tokio::test(start_paused = true)]
async fn scopes_that_the_settings_want_are_told_where_the_shop_did_not_grant_them() {
    let world = WorldBuilder::default().settings(|all| all.stock.enabled = true).build().await;
    let mut store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    store.scopes.retain(|scope| scope != WRITE_INVENTORY && scope != "read_orders");
    world.raw.registry.put_store(&store).await.unwrap();
    let missing = look(&world, &mut stores(&world)).await.scopes_missing;
    assert_eq!(missing, ["read_orders", WRITE_INVENTORY]);
}

#[tokio::test(start_paused = true)]
async fn places_follow_the_order_of_connection_and_close_up_when_a_store_leaves() {
    let world = WorldBuilder::default().build().await;
    let mut ids = vec![world.id.clone()];
    for handle in ["zeta", "beta"] {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let shop = world.add_shop(&format!("{handle}.myshopify.com"));
        let request = ConnectRequest { shop: shop.domain.clone(), ..world.request(Settings::default()) };
        ids.push(world.connector.connect(request).await.unwrap().store.id);
    }
    let mut stores = stores(&world);
    let places = |all: Vec<StoreStatus>| -> Vec<(String, u32, bool)> {
        let place = |status: StoreStatus| {
            let place = status.place.unwrap_or(Place { position: 0, free: false });
            (status.store.id.to_string(), place.position, place.free)
        };
        all.into_iter().map(place).collect()
    };
    let row = |id: &str, position, free| (id.to_owned(), position, free);
    let told = places(stores.look().await.unwrap());
    assert_eq!(told, [row("acme", 1, true), row("beta", 3, false), row("zeta", 2, false)]);
    crate::intake::set_hold(&world.ports, &ids[0], Some(Hold::Uninstalled)).await.unwrap();
    let told = places(stores.look().await.unwrap());
    assert_eq!(told, [row("acme", 0, false), row("beta", 2, false), row("zeta", 1, true)]);
    world.connector.disconnect(&ids[1]).await.unwrap();
    let told = places(stores.look().await.unwrap());
    assert_eq!(told, [row("acme", 0, false), row("beta", 1, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_read_again_only_while_it_is_under_way() {
    let world = WorldBuilder::default().build().await;
    let mut stores = stores(&world);
    let plan = RunPlan { products: true, dry_run: true, ..RunPlan::default() };
    let run = world.desk().begin_run_named(&world.id, plan, "first").await.unwrap();
    let told = look(&world, &mut stores).await.latest_run.unwrap();
    assert_eq!((told.id, told.phase, told.token.as_str()), (run.id, RunPhase::Queued, "first"));
    let working = world.work();
    world
        .until("it is over", async || {
            look(&world, &mut stores).await.latest_run.is_some_and(|run| run.is_over())
        })
        .await;
    working.stop().await;
    let reads = world.hooks.count("state.run");
    for _ in 0..5 {
        assert!(look(&world, &mut stores).await.latest_run.unwrap().is_over());
    }
    assert_eq!(world.hooks.count("state.run"), reads);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stores_take_four_calls_and_a_call_that_fails_is_told_and_leaves_the_next_look_whole() {
    let world = WorldBuilder::default().build().await;
    let first = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    for n in 0..999 {
        let shop = shopbeat_domain::ids::ShopDomain::parse(&format!("shop-{n}.myshopify.com")).unwrap();
        let id = StoreId::of(&shop);
        let store = Store {
            revision: 0,
            id: id.clone(),
            shop,
            agreement: AgreementId::parse(&format!("agreement-{}", n % 10)).unwrap(),
            desired: Desired::Paused,
            ..first.clone()
        };
        world.raw.registry.put_store(&store).await.unwrap();
        if n % 100 == 0 {
            world
                .raw
                .jobs
                .offer(&id, &[Offer::order(OrderId(n + 1))], None, world.ports.now())
                .await
                .unwrap();
        }
    }
    let mut stores = stores(&world);
    let all = stores.look().await.unwrap();
    assert_eq!((all.len(), all.iter().filter(|status| status.jobs.ready == 1).count()), (1000, 10));
    let before = world.hooks.calls().len();
    stores.look().await.unwrap();
    let calls = world.hooks.calls().split_off(before);
    assert_eq!(
        calls,
        ["state.pulses"],
        "and the registry's list and the leases' holders, which have no hooks"
    );
    let fails = crate::testing::Trouble::Fails(FailureKind::Unreachable);
    world.hooks.trouble("state.pulses", 0, 1, fails);
    assert!(stores.look().await.is_err());
    assert_eq!(stores.look().await.unwrap(), all);
}
