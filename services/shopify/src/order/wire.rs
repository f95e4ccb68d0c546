//! The answer of `OrderById` as Shopify writes it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use shopbeat_domain::ports::Answer;

use super::OrderById;
use crate::wire::{Bag, Connection, Id, Operation as _, garbled};

#[derive(Debug, Deserialize)]
pub(crate) struct OrderData {
    pub(crate) order: Option<OrderNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderNode {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) processed_at: Timestamp,
    pub(crate) cancelled_at: Option<Timestamp>,
    pub(crate) test: bool,
    pub(crate) edited: bool,
    pub(crate) display_financial_status: Option<String>,
    pub(crate) display_fulfillment_status: String,
    pub(crate) currency_code: String,
    pub(crate) presentment_currency_code: String,
    pub(crate) taxes_included: bool,
    pub(crate) note: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) customer_locale: Option<String>,
    pub(crate) total_price_set: Bag,
    pub(crate) current_total_price_set: Bag,
    pub(crate) current_total_tax_set: Bag,
    pub(crate) current_total_duties_set: Option<Bag>,
    pub(crate) current_total_additional_fees_set: Option<Bag>,
    pub(crate) total_tip_received_set: Bag,
    pub(crate) total_cash_rounding_adjustment: CashRounding,
    pub(crate) refunds: Vec<Id>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) customer: Option<Customer>,
    pub(crate) purchasing_entity: Option<PurchasingEntity>,
    pub(crate) billing_address: Option<MailingAddress>,
    pub(crate) shipping_address: Option<MailingAddress>,
    pub(crate) shipping_lines: Connection<ShippingNode>,
    pub(crate) line_items: Connection<LineNode>,
}

/// Holds personal data: only the id is shown.
impl std::fmt::Debug for OrderNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderNode").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CashRounding {
    pub(crate) payment_set: Bag,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transaction {
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) gateway: Option<String>,
    pub(crate) amount_set: Bag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) locale: String,
    pub(crate) default_email_address: Option<EmailAddress>,
    pub(crate) default_phone_number: Option<PhoneNumber>,
    pub(crate) tax_settings: TaxSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmailAddress {
    pub(crate) email_address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhoneNumber {
    pub(crate) phone_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaxSettings {
    pub(crate) tax_id: Option<String>,
}

/// A customer buys as a person or for a company; only the latter has members here.
#[derive(Deserialize)]
pub(crate) struct PurchasingEntity {
    pub(crate) company: Option<Company>,
    pub(crate) location: Option<CompanyLocation>,
}

#[derive(Deserialize)]
pub(crate) struct Company {
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompanyLocation {
    pub(crate) tax_settings: CompanyTax,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompanyTax {
    pub(crate) tax_registration_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailingAddress {
    pub(crate) name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) address1: Option<String>,
    pub(crate) address2: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) zip: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) country_code_v2: Option<String>,
    pub(crate) phone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShippingNode {
    pub(crate) title: String,
    pub(crate) is_removed: bool,
    pub(crate) original_price_set: Bag,
    pub(crate) discount_allocations: Vec<Allocation>,
    pub(crate) tax_lines: Vec<Tax>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineNode {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) sku: Option<String>,
    pub(crate) vendor: Option<String>,
    pub(crate) quantity: u64,
    pub(crate) current_quantity: u64,
    pub(crate) unfulfilled_quantity: u64,
    pub(crate) requires_shipping: bool,
    pub(crate) is_gift_card: bool,
    pub(crate) variant: Option<Id>,
    pub(crate) product: Option<Id>,
    pub(crate) original_unit_price_set: Bag,
    pub(crate) discount_allocations: Vec<Allocation>,
    pub(crate) tax_lines: Vec<Tax>,
    pub(crate) duties: Vec<Duty>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    pub(crate) allocated_amount_set: Bag,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Duty {
    pub(crate) price: Bag,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tax {
    pub(crate) title: String,
    /// A fraction of one, `0.25`; the only amount Shopify sends as a number.
    #[serde(default, deserialize_with = "fraction")]
    pub(crate) rate: Option<Decimal>,
    pub(crate) price_set: Bag,
}

/// A JSON number by its shortest text, so that `0.07` is 0.07 and not what a float holds.
fn fraction<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let text = number.to_string();
    let read = text.parse().or_else(|_| Decimal::from_scientific(&text));
    read.map(Some).map_err(|_| serde::de::Error::custom("a rate that is no decimal"))
}

/// An amount that must be in the order's own currency.
pub(crate) fn amount(bag: &Bag, currency: &str) -> Answer<Decimal> {
    if bag.shop_money.currency_code == currency {
        Ok(bag.shop_money.amount)
    } else {
        Err(garbled(
            OrderById::NAME,
            format!("an amount is in {}, the order in {currency}", bag.shop_money.currency_code),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_keeps_its_decimal_digits() {
        let tax = |rate: &str| {
            let json = format!(
                r#"{{"title": "VAT", "rate": {rate}, "priceSet": {{"shopMoney": {{"amount": "1", "currencyCode": "DKK"}}}}}}"#
            );
            serde_json::from_str::<Tax>(&json).map(|tax| tax.rate)
        };
        assert_eq!(tax("0.07").unwrap(), Some(Decimal::new(7, 2)));
        assert_eq!(tax("0.255").unwrap(), Some(Decimal::new(255, 3)));
        assert_eq!(tax("2.5e-1").unwrap(), Some(Decimal::new(25, 2)));
        assert_eq!(tax("0").unwrap(), Some(Decimal::ZERO));
        assert_eq!(tax("null").unwrap(), None);
        assert!(tax("\"0.25\"").is_err());
    }
}
