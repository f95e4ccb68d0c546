//! Products and bills of materials (Rackbeat's lots) with all that is carried to a shop: read, listed, made, changed.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shopbeat_domain::erp::{ErpProduct, ItemKind, NewProduct};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Page};
use shopbeat_domain::product::ErpEdit;

use crate::RackbeatClient;
use crate::items::{GroupPart, keeps_stock, kind_of, segment};
use crate::pages::List;
use crate::quirks::{Proof, Quirks};
use crate::transport::{Request, failure};
use crate::walk::Keyed;
use crate::wire::{Flag, Loose, Num, Text, Whole, is_set, moment, text_or_empty};

/// What is read of a product; the same for one and for many, so that both tell the same.
const FIELDS: &str = "number,type,name,description,sales_price,barcode,is_barred,inventory_enabled,group_id,\
    group(number,name,has_inventory),physical(weight,weight_unit),updated_at,metadata,field_values";
const GET_PRODUCT: &str = "GET /items/{number}";

#[derive(Debug, Deserialize)]
struct ProductRow {
    number: Text,
    #[serde(default, rename = "type")]
    kind: Option<Text>,
    #[serde(default)]
    name: Option<Text>,
    #[serde(default)]
    description: Option<Text>,
    #[serde(default)]
    sales_price: Option<Num>,
    #[serde(default)]
    barcode: Option<Text>,
    #[serde(default)]
    is_barred: Option<Flag>,
    #[serde(default)]
    inventory_enabled: Option<Flag>,
    #[serde(default)]
    group_id: Option<Whole>,
    #[serde(default)]
    group: Option<GroupPart>,
    #[serde(default)]
    physical: Option<PhysicalPart>,
    #[serde(default)]
    updated_at: Option<Text>,
    #[serde(default)]
    field_values: Loose<FieldPart>,
    #[serde(default)]
    metadata: Loose<MetaPart>,
}

#[derive(Debug, Deserialize)]
struct PhysicalPart {
    #[serde(default)]
    weight: Option<Num>,
    #[serde(default)]
    weight_unit: Option<Text>,
}

#[derive(Debug, Deserialize)]
struct FieldPart {
    #[serde(default)]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    field: Option<SlugPart>,
}

#[derive(Debug, Deserialize)]
struct SlugPart {
    #[serde(default)]
    slug: Option<Text>,
}

#[derive(Debug, Deserialize)]
struct MetaPart {
    #[serde(default)]
    slug: Option<Text>,
    #[serde(default)]
    value: Option<Box<RawValue>>,
}

impl Keyed for ProductRow {
    fn number(&self) -> &str {
        &self.number.0
    }
}

impl ProductRow {
    /// `None`: no name or no price is told. Neither may be made up.
    fn into_product(self, kind: ItemKind, quirks: &Quirks) -> Option<ErpProduct> {
        let fields = told_fields(self.field_values, self.metadata);
        note_fields(quirks, fields.is_some());
        let group_id = self.group.as_ref().and_then(|group| group.number).or(self.group_id);
        let keeps_stock = keeps_stock(self.inventory_enabled, self.group.as_ref());
        Some(ErpProduct {
            number: ItemNumber::parse(&self.number.0).ok()?,
            kind,
            name: self.name?.0,
            description: text_or_empty(self.description),
            sales_price: self.sales_price?.0.normalize(),
            barcode: self.barcode.map(|code| code.0).filter(|code| !code.trim().is_empty()),
            // No group has the number 0: for it there is no VAT rate, and so no price.
            group: group_id.map(|number| number.0).unwrap_or_default(),
            group_name: text_or_empty(self.group.and_then(|group| group.name)),
            weight_kg: self.physical.and_then(kilograms),
            barred: is_set(self.is_barred),
            keeps_stock,
            fields: with_values(fields.unwrap_or_default()),
            updated_at: self.updated_at.and_then(|text| moment(&text.0)),
        })
    }
}

/// A custom field: its slug and its value.
type Field = (Option<Text>, Option<Box<RawValue>>);

/// The fields that are embedded; `None` where none are. An empty `metadata` is no proof that there are none.
fn told_fields(values: Loose<FieldPart>, metadata: Loose<MetaPart>) -> Option<Vec<Field>> {
    let slug = |part: FieldPart| (part.field.and_then(|field| field.slug), part.value);
    let values = values.0.map(|all| all.into_iter().map(slug).collect());
    let metadata = metadata.0.filter(|all| !all.is_empty());
    values.or_else(|| metadata.map(|all| all.into_iter().map(|part| (part.slug, part.value)).collect()))
}

/// Tells once that an account's items come without their custom fields: a filter by one lets nothing pass then.
fn note_fields(quirks: &Quirks, embedded: bool) {
    if embedded {
        quirks.fields_embedded.set(true);
    } else if quirks.fields_embedded.get() == Proof::Unknown {
        quirks.fields_embedded.set(false);
        tracing::warn!(
            "Rackbeat tells items without their custom fields; a product filter by field finds none"
        );
    }
}

/// Weight of one in kilograms. A weight of nothing needs no unit; one in a unit that is not known tells nothing.
fn kilograms(physical: PhysicalPart) -> Option<Decimal> {
    let weight = physical.weight?.0;
    if weight.is_zero() {
        return Some(Decimal::ZERO);
    }
    let unit = physical.weight_unit?.0.trim().to_ascii_lowercase();
    let kilograms = match unit.as_str() {
        "kg" => Decimal::ONE,
        "g" | "gr" => Decimal::new(1, 3),
        "mg" => Decimal::new(1, 6),
        "t" | "ton" => Decimal::ONE_THOUSAND,
        "lb" | "lbs" => Decimal::new(45_359_237, 8),
        "oz" => Decimal::new(28_349_523_125, 12),
        _ => return None,
    };
    Some((weight * kilograms).round_dp(limits::PRICE_DECIMALS).normalize())
}

/// Fields that have a slug and a value, by slug.
fn with_values(fields: Vec<Field>) -> Vec<(String, String)> {
    let text = |(slug, value): Field| {
        let (slug, value) = (slug?.0, value_text(value?.get())?);
        (!slug.is_empty() && !value.is_empty()).then_some((slug, value))
    };
    let mut told: Vec<_> = fields.into_iter().filter_map(text).collect();
    told.sort_unstable();
    told
}

/// A value as text, taken from the JSON itself; several chosen options are joined by commas.
fn value_text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'[' => {
            let parts: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
            let texts: Vec<_> = parts.iter().filter_map(|part| value_text(part.get())).collect();
            Some(texts.join(","))
        }
        b'{' => None,
        _ => (json != "null").then(|| json.to_owned()),
    }
}

#[derive(Debug, Serialize)]
struct ProductBody<'a> {
    number: &'a str,
    name: &'a str,
    /// `group` in running clients, `group_id` in the old form.
    group: u64,
    group_id: u64,
    sales_price: Num,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_cost_price: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical: Option<Physical>,
}

/// A weight must not come without its unit.
#[derive(Debug, Serialize)]
struct Physical {
    weight: Num,
    weight_unit: &'static str,
}

impl Physical {
    /// A pound has eight decimals of a kilogram, Rackbeat takes six.
    fn of(kilograms: Decimal) -> Self {
        Self { weight: Num(kilograms.round_dp(limits::PRICE_DECIMALS).normalize()), weight_unit: "kg" }
    }
}

/// What is not there stays as it is.
#[derive(Debug, Serialize)]
struct EditBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sales_price: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical: Option<Physical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_barred: Option<bool>,
}

/// What an answer to a change says of the number.
#[derive(Debug, Deserialize)]
struct Renamed {
    #[serde(default)]
    number: Option<Text>,
}

fn incomplete(call: &str, number: &str) -> Failure {
    failure(FailureKind::Garbled, call, format!("item {number:?} comes without a name or a price"))
}

impl RackbeatClient {
    pub(crate) async fn read_product(&self, number: &ItemNumber) -> Answer<ErpProduct> {
        let query = [("fields", FIELDS), ("expand", "field_values")];
        let row: ProductRow = self.read_row(number, &query).await?;
        let kind = kind_of(row.kind.as_ref());
        let told = row.into_product(kind, &self.shared.quirks);
        told.ok_or_else(|| incomplete(GET_PRODUCT, number.as_str()))
    }

    /// A row without a name or a price is left out and told, so that it alone stands still; if none has them, the
    /// answer is not what it was taken for.
    pub(crate) async fn list_products(&self, kind: ItemKind, page: u32) -> Answer<Page<ErpProduct>> {
        let (reader, name, path, key) = match kind {
            ItemKind::Product => ("products", "GET /products", "/products", "products"),
            ItemKind::Lot => ("lots", "GET /lots", "/lots", "lots"),
        };
        let list = List::new(name, path, key)
            .query("fields", FIELDS)
            .query("expand", "field_values")
            .query("order_by", "number")
            .query("order_direction", "ASC");
        let step = self.step::<ProductRow>(reader, &list, u64::from(page.max(1))).await?;
        let next = step.next();
        let (mut rows, mut left_out) = (Vec::with_capacity(step.rows.len()), None);
        for row in step.rows {
            let number = row.number.0.clone();
            match row.into_product(kind, &self.shared.quirks) {
                Some(product) => rows.push(product),
                None => {
                    tracing::warn!(item.number = %number, "an item comes without a name or a price: left out");
                    left_out = Some(number);
                }
            }
        }
        match left_out {
            Some(number) if rows.is_empty() => Err(incomplete(name, &number)),
            _ => Ok(Page { rows, next }),
        }
    }

    pub(crate) async fn post_product(&self, product: &NewProduct) -> Answer<()> {
        let body = ProductBody {
            number: product.number.as_str(),
            name: &product.name,
            group: product.group,
            group_id: product.group,
            sales_price: Num(product.sales_price),
            description: &product.description,
            barcode: product.barcode.as_deref().filter(|code| !code.is_empty()),
            unit_id: product.unit,
            recommended_cost_price: product.cost.map(Num),
            physical: product.weight_kg.map(Physical::of),
        };
        self.send(Request::post("POST /products", "/products").json(&body)?).await.map(drop)
    }

    pub(crate) async fn put_product(
        &self,
        number: &ItemNumber,
        kind: ItemKind,
        edit: &ErpEdit,
    ) -> Answer<()> {
        if *edit == ErpEdit::default() {
            return Ok(());
        }
        let (name, path, key) = match kind {
            ItemKind::Product => ("PUT /products/{number}", "/products", "product"),
            ItemKind::Lot => ("PUT /lots/{number}", "/lots", "lot"),
        };
        let body = EditBody {
            number: edit.number.as_ref().map(ItemNumber::as_str),
            name: edit.name.as_deref(),
            description: edit.description.as_deref(),
            sales_price: edit.sales_price.map(Num),
            barcode: edit.barcode.as_deref(),
            physical: edit.weight_kg.map(Physical::of),
            is_barred: edit.barred,
        };
        let own = segment(number, self.item_way(number).await?);
        let reply = self.send(Request::put(name, format!("{path}/{own}")).json(&body)?).await?;
        let Some(wanted) = &edit.number else { return Ok(()) };
        // That a number can be changed is documented by the webhooks' `old_key` only: so it is looked at.
        let told: Renamed = reply.one(key)?;
        match told.number {
            Some(told) if told.0.trim() != wanted.as_str() => {
                let kept = FailureKind::Refused(Refusal::Other);
                Err(failure(kept, name, "Rackbeat keeps the item's number as it was"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "products_tests.rs"]
mod tests;
