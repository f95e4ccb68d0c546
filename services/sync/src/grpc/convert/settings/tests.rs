use jiff::Timestamp;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message as _;
use rust_decimal::Decimal;
use shopbeat_domain::ids::{CustomerNumber, ItemNumber, LocationId, StockLocation};
use shopbeat_domain::product::ProductField;
use shopbeat_domain::settings::{
    CustomerSettings, LIST, Master, Negative, OnDelete, OrderSettings, PriceSettings, ProductFilter,
    ProductSettings, Publish, StockKind, StockRoute, StockSettings, Target, TestOrders, Trigger, VatZone,
    WithoutEmail,
};

use super::*;

fn orders() -> impl Strategy<Value = OrderSettings> {
    let item = || option::of("[A-Z0-9-]{1,25}".prop_map(|text| ItemNumber::parse(&text).unwrap()));
    let enums = (select(Trigger::NAMES), select(Target::NAMES), select(TestOrders::NAMES));
    let since = option::of((0_i64..4_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()));
    let tolerance = (0_i64..=100).prop_map(|cents| Decimal::new(cents, 2));
    let rest = (any::<bool>(), since, item(), item(), tolerance, any::<Option<u64>>(), any::<Option<u64>>());
    (enums, rest).prop_map(
        |((trigger, target, test), (enabled, since, freight, rounding, tolerance, layout, employee))| {
            OrderSettings {
                enabled,
                since,
                trigger: trigger.0,
                target: target.0,
                test: test.0,
                freight_product: freight,
                rounding_product: rounding,
                rounding_tolerance: tolerance,
                layout,
                employee,
            }
        },
    )
}

fn customers() -> impl Strategy<Value = CustomerSettings> {
    (select(VatZone::NAMES), any::<u64>(), any::<u64>(), any::<bool>(), any::<u64>()).prop_map(
        |(zone, group, terms, default, number)| CustomerSettings {
            vat_zone: zone.0,
            group,
            payment_terms: terms,
            without_email: if default { WithoutEmail::UseDefault } else { WithoutEmail::Create },
            default_customer: default.then_some(CustomerNumber(number)),
        },
    )
}

fn products() -> impl Strategy<Value = ProductSettings> {
    let filter = prop_oneof![
        ("[a-z]{1,9}", "[a-zA-Z0-9]{1,9}").prop_map(|(slug, value)| ProductFilter::Field { slug, value }),
        btree_set(any::<u64>(), 1..4).prop_map(ProductFilter::Groups),
    ];
    let enums = (select(Master::NAMES), select(Publish::NAMES), select(OnDelete::NAMES));
    let fields = btree_set(select(ProductField::ALL.as_slice()), 0..7);
    let rest = (any::<(bool, bool, u64, Option<u64>, Option<u64>)>(), fields, option::of(filter));
    (enums, rest).prop_map(|((master, publish, on_delete), (plain, fields, filter))| {
        let (products, boms, group, unit, location) = plain;
        // Only what stands together: the checks have their own tests.
        let fields = fields
            .into_iter()
            .filter(|field| field.goes(master.0))
            .collect::<std::collections::BTreeSet<_>>();
        ProductSettings {
            master: master.0,
            products,
            boms,
            fields: (!fields.is_empty()).then_some(fields),
            group,
            unit,
            publish: publish.0,
            filter: filter.filter(|_| master.0 == Master::Rackbeat),
            on_delete: on_delete.0,
            stock_location: location.map(StockLocation),
        }
    })
}

fn prices() -> impl Strategy<Value = PriceSettings> {
    let percent = (0_i64..=10_000).prop_map(|hundredths| Decimal::new(hundredths, 2));
    let rate = option::of((1_i64..1_000_000).prop_map(|rate| Decimal::new(rate, 4)));
    (any::<bool>(), select(VatZone::NAMES), btree_map(any::<u64>(), percent, 0..4), rate).prop_map(
        |(excludes, zone, vat_table, rate)| PriceSettings {
            rackbeat_excludes_vat: excludes,
            vat_zone: zone.0,
            vat_table,
            rate,
        },
    )
}

fn stock() -> impl Strategy<Value = StockSettings> {
    // Each to a location of its own: ways that contradict each other have their own test in the domain.
    let routes = vec(any::<Option<u64>>(), 0..4).prop_map(|froms| {
        let routes = froms.into_iter().zip(1..);
        routes.map(|(from, to)| StockRoute { from: from.map(StockLocation), to: LocationId(to) }).collect()
    });
    (any::<bool>(), select(StockKind::NAMES), routes, 0_u32..1000, select(Negative::NAMES)).prop_map(
        |(enabled, quantity, locations, buffer, negative)| StockSettings {
            enabled,
            quantity: quantity.0,
            locations,
            buffer,
            negative: negative.0,
        },
    )
}

proptest! {
    #[test]
    fn settings_are_read_back_as_they_were_written(
        orders in orders(), customers in customers(), products in products(), prices in prices(), stock in stock(),
    ) {
        let before = Settings { orders, customers, products, prices, stock };
        let mut violations = Violations::default();
        let after = read_settings(&mut violations, "settings", settings(&before));
        prop_assert!(violations.is_empty(), "{violations:?}");
        prop_assert_eq!(after, before);
    }

    #[test]
    fn no_message_panics(
        numbers in any::<[i32; 6]>(), item in ".{0,40}", text in ".{0,12}", seconds in any::<i64>(), nanos in any::<i32>(),
    ) {
        let [trigger, zone, master, field, kind, publish] = numbers;
        let message = v1::Settings {
            orders: Some(v1::OrderSettings {
                trigger,
                freight_product: Some(item.clone()),
                rounding_tolerance: Some(text.clone()),
                since: Some(prost_types::Timestamp { seconds, nanos }),
                ..v1::OrderSettings::default()
            }),
            customers: Some(v1::CustomerSettings { vat_zone: zone, ..v1::CustomerSettings::default() }),
            products: Some(v1::ProductSettings {
                master,
                publish,
                fields: vec![field],
                filter: Some(v1::ProductFilter {
                    by: Some(v1::product_filter::By::Field(v1::CustomFieldFilter { slug: item, value: text.clone() })),
                }),
                ..v1::ProductSettings::default()
            }),
            prices: Some(v1::PriceSettings { rate: Some(text), ..v1::PriceSettings::default() }),
            stock: Some(v1::StockSettings {
                quantity: kind,
                locations: vec![v1::StockRoute::default()],
                ..v1::StockSettings::default()
            }),
        };
        let mut violations = Violations::default();
        let read = read_settings(&mut violations, "settings", message);
        prop_assert!(!violations.is_empty() || read.problems().is_empty());
    }
}

#[test]
fn an_empty_message_is_the_defaults() {
    let mut violations = Violations::default();
    assert_eq!(read_settings(&mut violations, "settings", v1::Settings::default()), Settings::default());
    assert!(violations.is_empty());
}

#[test]
fn every_wrong_setting_is_named_by_its_path() {
    let message = v1::Settings {
        orders: Some(v1::OrderSettings {
            trigger: 99,
            freight_product: Some(" ".to_owned()),
            rounding_tolerance: Some("2".to_owned()),
            ..v1::OrderSettings::default()
        }),
        customers: Some(v1::CustomerSettings {
            without_email: v1::WithoutEmail::UseDefault.into(),
            ..v1::CustomerSettings::default()
        }),
        products: Some(v1::ProductSettings {
            fields: vec![99],
            filter: Some(v1::ProductFilter::default()),
            ..v1::ProductSettings::default()
        }),
        prices: Some(v1::PriceSettings {
            vat_table: vec![v1::GroupVat { group: 1, percent: "a lot".to_owned() }],
            ..v1::PriceSettings::default()
        }),
        stock: Some(v1::StockSettings {
            locations: vec![v1::StockRoute::default()],
            ..v1::StockSettings::default()
        }),
    };
    let mut violations = Violations::default();
    read_settings(&mut violations, "settings", message);
    let fields: Vec<_> = violations.0.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "settings.orders.trigger",
            "settings.orders.freight_product",
            "settings.products.fields",
            "settings.products.filter",
            "settings.prices.vat_table",
            "settings.stock.locations",
            "settings.orders.rounding_tolerance",
            "settings.customers.default_customer"
        ]
    );
}

/// The paths of the settings that the API has.
fn paths() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(shopbeat_proto::FILE_DESCRIPTOR_SET).unwrap();
    let messages: Vec<_> = set.file.into_iter().flat_map(|file| file.message_type).collect();
    let message = |name: &str| messages.iter().find(|message| message.name() == name).unwrap();
    let sections = &message("Settings").field;
    let of = |section: &prost_types::FieldDescriptorProto| {
        let kind = section.type_name().rsplit('.').next().unwrap();
        let fields = message(kind).field.iter();
        fields.map(|field| format!("{}.{}", section.name(), field.name())).collect::<Vec<_>>()
    };
    sections.iter().flat_map(of).collect()
}

#[test]
fn the_api_has_every_setting_of_the_list_and_no_other() {
    let mut api = paths();
    let mut list: Vec<String> = LIST.iter().map(|setting| setting.path.to_owned()).collect();
    api.sort();
    list.sort();
    assert_eq!(api, list);
}

/// Texts of which at least one is another value than each setting's default.
const SAMPLES: [&str; 12] = [
    "false",
    "fulfilled",
    "shipped",
    "transfer",
    "use_default",
    "eu",
    "shopify",
    "active",
    "physical",
    "send",
    "bar",
    "7",
];

#[test]
fn every_setting_goes_through_the_api_by_itself() {
    for setting in LIST {
        let mut changed = Settings::default();
        let special = ["2026-11-01T00:00:00Z", "name,price", "groups:1,3", "1=25", "2=7001", "0.5"];
        let told = SAMPLES.iter().chain(&special).any(|text| {
            setting.set(&mut changed, text).is_ok() && setting.get(&changed) != setting.default()
        });
        assert!(told, "no sample changes {}", setting.path);
        let mut violations = Violations::default();
        let read = read_values(&mut violations, "settings", settings(&changed));
        assert_eq!(setting.get(&read), setting.get(&changed), "{}", setting.path);
        assert!(violations.is_empty(), "{}: {violations:?}", setting.path);
    }
}
