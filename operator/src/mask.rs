//! Which settings differ: the update mask, exact to the field. Pure. Fields are compared by their encoded bytes and named
//! by the API's own description, so that none can be forgotten.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};
use shopbeat_proto::v1::Settings;

/// A section of the settings: its number, its name, the names of its fields by number.
struct Section {
    number: u32,
    name: String,
    fields: BTreeMap<u32, String>,
}

static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(sections);

fn sections() -> Vec<Section> {
    let Ok(files) = FileDescriptorSet::decode(shopbeat_proto::FILE_DESCRIPTOR_SET) else { return Vec::new() };
    let messages: Vec<DescriptorProto> = files.file.into_iter().flat_map(|file| file.message_type).collect();
    let find = |name: &str| messages.iter().find(|message| message.name() == name);
    let Some(settings) = find("Settings") else { return Vec::new() };
    let number = |number: i32| u32::try_from(number).unwrap_or(0);
    let mut sections = Vec::new();
    for field in settings.field.iter().filter(|field| field.r#type() == Type::Message) {
        let message = field.type_name().rsplit('.').next().and_then(find);
        let fields = message.iter().flat_map(|message| &message.field);
        sections.push(Section {
            number: number(field.number()),
            name: field.name().to_owned(),
            fields: fields.map(|field| (number(field.number()), field.name().to_owned())).collect(),
        });
    }
    sections
}

/// How two settings differ, by path such as `orders.trigger`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Said by `wanted`, and said otherwise by `known`.
    pub other: Vec<String>,
    /// Left out by `wanted`, said by `known`: the service's default, or a value that was taken out of the resource.
    pub left_out: Vec<String>,
}

/// How what is wanted differs from what the service has.
#[must_use]
pub fn difference(wanted: &Settings, known: &Settings) -> Difference {
    let (wanted, known) = (fields(&wanted.encode_to_vec()), fields(&known.encode_to_vec()));
    let mut difference = Difference::default();
    for section in SECTIONS.iter() {
        let of = |side: &BTreeMap<u32, Vec<u8>>| {
            side.get(&section.number).map(|bytes| fields(bytes)).unwrap_or_default()
        };
        let (wanted, known) = (of(&wanted), of(&known));
        for (number, name) in &section.fields {
            let path = || format!("{}.{name}", section.name);
            match (wanted.get(number), known.get(number)) {
                (Some(wanted), known) if known != Some(wanted) => difference.other.push(path()),
                (None, Some(_)) => difference.left_out.push(path()),
                (Some(_) | None, _) => {}
            }
        }
    }
    difference
}

/// The encoded values of a message by field number. A message field's bytes are its content; all else keeps its form.
/// What cannot be read (never made by our encoder) ends the list.
fn fields(mut bytes: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut fields: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    while let Some(tag) = varint(&mut bytes) {
        let Ok(number) = u32::try_from(tag >> 3) else { break };
        let start = bytes;
        let value = match tag & 7 {
            0 => varint(&mut bytes).map(|_| &start[..start.len() - bytes.len()]),
            1 => take(&mut bytes, 8),
            2 => varint(&mut bytes).and_then(|length| take(&mut bytes, usize::try_from(length).ok()?)),
            5 => take(&mut bytes, 4),
            _ => None,
        };
        let Some(value) = value else { break };
        let kept = fields.entry(number).or_default();
        // Several of a repeated field: with their lengths, so that no two lists look alike.
        if !kept.is_empty() {
            kept.extend_from_slice(&value.len().to_be_bytes());
        }
        kept.extend_from_slice(value);
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopbeat_proto::v1::{OrderSettings, PriceSettings, StockRoute, StockSettings, Trigger};

    #[test]
    fn every_section_of_the_api_is_known_with_its_fields() {
        let names: Vec<&str> = SECTIONS.iter().map(|section| section.name.as_str()).collect();
        for name in ["orders", "customers", "products", "prices", "stock"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(SECTIONS.iter().all(|section| !section.fields.is_empty()));
    }

    #[test]
    fn the_mask_names_what_differs_and_nothing_else() {
        let orders = |trigger: Trigger, layout| {
            Some(OrderSettings {
                enabled: Some(false),
                trigger: trigger.into(),
                layout,
                ..OrderSettings::default()
            })
        };
        let wanted = Settings { orders: orders(Trigger::Paid, None), ..Settings::default() };
        let known = Settings { orders: orders(Trigger::Received, Some(3)), ..Settings::default() };
        let found = difference(&wanted, &known);
        assert_eq!(found.other, ["orders.trigger"]);
        assert_eq!(found.left_out, ["orders.layout"]);
        assert_eq!(difference(&wanted, &wanted), Difference::default());
    }

    #[test]
    fn lists_and_sections_that_one_side_lacks_are_told() {
        let route = |to| StockRoute { from: None, to };
        let stock = |locations| Some(StockSettings { locations, ..StockSettings::default() });
        let wanted = Settings { stock: stock(vec![route(1), route(2)]), ..Settings::default() };
        let known = Settings { stock: stock(vec![route(2), route(1)]), ..Settings::default() };
        assert_eq!(difference(&wanted, &known).other, ["stock.locations"]);
        assert_eq!(difference(&wanted, &Settings::default()).other, ["stock.locations"]);
        let prices = PriceSettings { rate: Some("7.46".to_owned()), ..PriceSettings::default() };
        let priced = Settings { prices: Some(prices), ..known.clone() };
        assert_eq!(difference(&known, &priced).left_out, ["prices.rate"]);
    }
}
