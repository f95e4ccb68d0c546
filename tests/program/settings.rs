//! Settings changed while the store runs.

use shopbeat_proto::v1;
use shopbeat_tests::{Expect, Plan, Process, SHORT, World, until};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::mix::plain;

async fn update(
    world: &World,
    paths: &[&str],
    settings: v1::Settings,
) -> Result<v1::UpdateStoreResponse, Status> {
    let request = v1::UpdateStoreRequest {
        store_id: "fjeld".to_owned(),
        settings: Some(settings),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..v1::UpdateStoreRequest::default()
    };
    Ok(world.api.clone().update_store(request).await?.into_inner())
}

fn orders(orders: v1::OrderSettings) -> v1::Settings {
    v1::Settings { orders: Some(orders), ..v1::Settings::default() }
}

/// The one violation of a refusal: field and description.
fn violation(status: &Status) -> (String, String) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    (violations[0].field.clone(), violations[0].description.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_trigger_counts_at_once_and_the_rest_stays() {
    let mut world = World::start(Plan::new(241)).await;
    world.connect("fjeld").await;
    let before = world.store("fjeld").await.store.unwrap();
    let fulfilled =
        v1::OrderSettings { trigger: v1::Trigger::Fulfilled.into(), ..v1::OrderSettings::default() };
    let answer = update(&world, &["orders.trigger"], orders(fulfilled)).await.unwrap();
    assert_eq!(answer.changed, ["orders.trigger"]);
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    world.expect("fjeld", order, Expect::Pending);
    let ledger = world.settled("fjeld", SHORT).await;
    assert_eq!((ledger.pending, ledger.transferred), (1, 0));
    // Back by its default: what waited is looked at again.
    let answer = update(&world, &["orders.trigger"], v1::Settings::default()).await.unwrap();
    assert_eq!(answer.changed, ["orders.trigger"]);
    world.expect("fjeld", order, Expect::Transferred);
    until("it is transferred", SHORT, async || {
        let transfer = world.transfer("fjeld", order).await.map_err(|status| status.to_string())?;
        if transfer.state() == v1::OrderState::Transferred { Ok(()) } else { Err(format!("{transfer:?}")) }
    })
    .await;
    assert_eq!(answer.store.unwrap().settings, before.settings, "nothing else changed");
    let same = update(&world, &["orders", "stock"], before.settings.clone().unwrap()).await.unwrap();
    assert_eq!(same.changed, Vec::<String>::new());
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_value_names_field_value_and_what_is_allowed_and_changes_nothing() {
    let mut world = World::start(Plan::new(242)).await;
    world.connect("fjeld").await;
    let before = world.store("fjeld").await.store.unwrap();
    let tolerant =
        || orders(v1::OrderSettings { rounding_tolerance: Some("7".to_owned()), ..Default::default() });
    let refused = update(&world, &["orders.rounding_tolerance"], tolerant()).await.unwrap_err();
    let (field, told) = violation(&refused);
    assert_eq!(field, "settings.orders.rounding_tolerance");
    assert!(told.contains('7') && told.contains("give 0 to 1"), "{told}");

    let refused = update(&world, &["orders.triger"], tolerant()).await.unwrap_err();
    let (field, told) = violation(&refused);
    assert_eq!(field, "update_mask");
    assert!(told.contains("orders.triger") && told.contains("did you mean orders.trigger?"), "{told}");
    let refused = update(&world, &[], tolerant()).await.unwrap_err();
    assert_eq!(violation(&refused).0, "update_mask");
    // What names nothing at the remotes is refused as well.
    let nothing =
        orders(v1::OrderSettings { freight_product: Some("NOBODY".to_owned()), ..Default::default() });
    let refused = update(&world, &["orders.freight_product"], nothing).await.unwrap_err();
    assert!(refused.message().contains("NOBODY"), "{refused:?}");
    assert_eq!(world.store("fjeld").await.store.unwrap(), before, "nothing was changed");

    let told = cli(&world, &["store", "update", "fjeld", "--set", "stock.buffer=many"], Some(2)).await;
    assert!(told.contains("stock.buffer") && told.contains("many"), "{told}");
    cli(&world, &["store", "update", "fjeld", "--set", "stock.buffer=4"], Some(0)).await;
    let now = world.store("fjeld").await.store.unwrap().settings.unwrap();
    assert_eq!(now.stock.unwrap().buffer, Some(4));
    let listed = cli(&world, &["settings"], Some(0)).await;
    assert!(listed.contains("orders.trigger") && listed.contains("stock.negative"), "{listed}");
    world.finish(SHORT).await;
}

/// Runs a command of the program to its end and answers what it said; it must end with this code.
pub(crate) async fn cli(world: &World, words: &[&str], code: Option<i32>) -> String {
    let (verb, rest) = words.split_first().unwrap();
    let mut command = world.service.command(verb);
    command.env("SHOPBEAT_ADDR", format!("http://{}", world.service.grpc)).args(rest);
    let mut process = Process::start("cli", command, &world.service.dir);
    let status = process.end(SHORT).await;
    assert_eq!(status.code(), code, "{words:?}: {}", process.log());
    process.log()
}
