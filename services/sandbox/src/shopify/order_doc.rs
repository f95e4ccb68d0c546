//! An order as GraphQL shows it.

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};

use super::docs::{gid, reference};
use super::money::{Bag, Currencies, decimal_text, money_json};
use super::order::{Allocation, Application, DiscountValue, Line, Order, Shipping, Tax, TransactionKind};
use super::people::{Address, Company, Customer};

/// Why protected data is withheld, in Shopify's words.
const PROTECTED: &str = "This app is not approved to use the protected customer data field. See \
    https://shopify.dev/docs/apps/launch/protected-customer-data for more details.";

/// The `Order` document.
pub(crate) fn order_doc(order: &Order) -> Value {
    let mut doc = Map::new();
    for part in [heads(order), amounts(order), people(order), events(order)] {
        if let Value::Object(fields) = part {
            doc.extend(fields);
        }
    }
    doc.insert("lineItems".to_owned(), order.lines.iter().map(|line| line_doc(order, line)).collect());
    doc.insert(
        "shippingLines".to_owned(),
        order.shipping.iter().map(|line| shipping_doc(order, line)).collect(),
    );
    doc.insert(
        "discountApplications".to_owned(),
        order.applications.iter().enumerate().map(|(at, given)| application_doc(order, at, given)).collect(),
    );
    Value::Object(doc)
}

fn heads(order: &Order) -> Value {
    json!({
        "__typename": "Order",
        "id": gid("Order", order.id),
        "name": order.name(),
        "number": order.number,
        "confirmationNumber": format!("SB{:07}", order.id % 9_999_991),
        "poNumber": null,
        "sourceName": order.source,
        "test": order.test,
        "confirmed": true,
        "edited": order.edited,
        "createdAt": instant(order.created_at),
        "processedAt": instant(order.created_at),
        "updatedAt": instant(order.updated_at),
        "cancelledAt": order.cancelled_at.map(instant),
        "cancelReason": order.cancelled_at.map(|_| "CUSTOMER"),
        "closedAt": null,
        "displayFinancialStatus": order.financial_status(),
        "displayFulfillmentStatus": order.fulfillment_status(),
        "currencyCode": order.currencies.shop,
        "presentmentCurrencyCode": order.currencies.presentment,
        "taxesIncluded": order.taxes_included,
        "taxExempt": false,
        "estimatedTaxes": false,
        "dutiesIncluded": false,
        "note": order.note,
        "tags": order.tags,
        "paymentGatewayNames": [gateway(order)],
        "customerLocale": "da",
    })
}

fn amounts(order: &Order) -> Value {
    let bag = |amount: Bag| order.currencies.bag_json(amount);
    let (placed, current) = (order.totals(), order.current());
    let (paid, refunded) = (order.moved(TransactionKind::Sale), order.moved(TransactionKind::Refund));
    let open = (current.total + refunded - paid).map(|side| side.max(rust_decimal::Decimal::ZERO));
    let optional = |amount: Bag| if amount.is_zero() { Value::Null } else { bag(amount) };
    json!({
        "totalPriceSet": bag(placed.total),
        "subtotalPriceSet": bag(placed.subtotal),
        "totalTaxSet": bag(placed.tax),
        "totalDiscountsSet": bag(placed.discounts),
        "totalShippingPriceSet": bag(placed.shipping),
        "currentTotalPriceSet": bag(current.total),
        "currentTotalTaxSet": bag(current.tax),
        "currentSubtotalPriceSet": bag(current.subtotal),
        "currentTotalDiscountsSet": bag(current.discounts),
        "currentShippingPriceSet": bag(current.shipping),
        "currentTotalDutiesSet": optional(current.duties),
        "currentTotalAdditionalFeesSet": optional(current.fees),
        "totalTipReceivedSet": bag(placed.tip),
        "totalRefundedSet": bag(refunded),
        "totalOutstandingSet": bag(if order.cancelled_at.is_some() { Bag::default() } else { open }),
        "totalCashRoundingAdjustment": {
            "paymentSet": bag(order.cash_rounding),
            "refundSet": bag(Bag::default()),
        },
        "currentTaxLines": taxes_doc(&order.currencies, &order.current_taxes()),
        "taxLines": taxes_doc(&order.currencies, &order.current_taxes()),
        "additionalFees": order.fees.iter().map(|fee| json!({
            "id": gid("AdditionalFee", fee.id),
            "name": fee.name,
            "price": bag(fee.price),
        })).collect::<Value>(),
    })
}

fn people(order: &Order) -> Value {
    let guard = |value: Value| {
        if order.protected && !value.is_null() { json!({ "$denied": PROTECTED }) } else { value }
    };
    json!({
        "email": guard(json!(order.email)),
        "phone": null,
        "customer": order.customer.as_ref().map(|customer| customer_doc(customer, &guard)),
        "purchasingEntity": match (&order.company, &order.customer) {
            (Some(company), _) => company_doc(company),
            (None, Some(customer)) => customer_doc(customer, &guard),
            (None, None) => Value::Null,
        },
        "billingAddress": order.billing.as_ref().map(|address| address_doc(order.id, address, &guard)),
        "shippingAddress": order.ship_to.as_ref().map(|address| address_doc(order.id + 1, address, &guard)),
    })
}

fn events(order: &Order) -> Value {
    let bag = |amount: Bag| order.currencies.bag_json(amount);
    json!({
        "transactions": order.transactions.iter().map(|moved| json!({
            "id": gid("OrderTransaction", moved.id),
            "kind": match moved.kind {
                TransactionKind::Sale => "SALE",
                TransactionKind::Refund => "REFUND",
            },
            "status": "SUCCESS",
            "test": order.test,
            "gateway": gateway(order),
            "processedAt": instant(moved.at),
            "amountSet": bag(moved.amount),
        })).collect::<Value>(),
        "refunds": order.refunds.iter().map(|refund| json!({
            "id": gid("Refund", refund.id),
            "createdAt": instant(refund.at),
            "totalRefundedSet": bag(refund.amount),
        })).collect::<Value>(),
        "fulfillments": order.fulfillments.iter().map(|(id, at)| json!({
            "id": gid("Fulfillment", *id),
            "createdAt": instant(*at),
        })).collect::<Value>(),
    })
}

fn line_doc(order: &Order, line: &Line) -> Value {
    let name = match &line.variant_title {
        Some(variant) => format!("{} - {variant}", line.title),
        None => line.title.clone(),
    };
    let link = |kind: &str, id: Option<u64>| id.map(|id| reference(&gid(kind, id)));
    json!({
        "id": gid("LineItem", line.id),
        "title": line.title,
        "variantTitle": line.variant_title,
        "name": name,
        "sku": line.sku,
        "vendor": line.vendor,
        "quantity": line.quantity,
        "currentQuantity": line.current_quantity,
        "unfulfilledQuantity": line.unfulfilled(),
        "requiresShipping": line.requires_shipping,
        "isGiftCard": line.gift_card,
        "taxable": !line.taxes.is_empty(),
        "variant": link("ProductVariant", line.variant.map(|ids| ids.0)),
        "product": link("Product", line.variant.map(|ids| ids.1)),
        "lineItemGroup": null,
        "originalUnitPriceSet": order.currencies.bag_json(line.unit_price),
        "discountAllocations": allocations_doc(order, &line.allocations),
        "taxLines": taxes_doc(&order.currencies, &line.taxes),
        "duties": line.duty.iter().map(|duty| json!({
            "id": gid("Duty", line.id),
            "price": order.currencies.bag_json(*duty),
        })).collect::<Value>(),
    })
}

fn shipping_doc(order: &Order, line: &Shipping) -> Value {
    let now = if line.removed { Bag::default() } else { line.total() };
    json!({
        "id": gid("ShippingLine", line.id),
        "title": line.title,
        "code": line.title,
        "isRemoved": line.removed,
        "originalPriceSet": order.currencies.bag_json(line.price),
        "discountedPriceSet": order.currencies.bag_json(line.total()),
        "currentDiscountedPriceSet": order.currencies.bag_json(now),
        "discountAllocations": allocations_doc(order, &line.allocations),
        "taxLines": taxes_doc(&order.currencies, &line.taxes),
    })
}

fn allocations_doc(order: &Order, allocations: &[Allocation]) -> Value {
    allocations
        .iter()
        .filter_map(|share| {
            let given = order.applications.get(share.application)?;
            Some(json!({
                "allocatedAmountSet": order.currencies.bag_json(share.amount),
                "discountApplication": application_doc(order, share.application, given),
            }))
        })
        .collect()
}

fn application_doc(order: &Order, index: usize, given: &Application) -> Value {
    let value = match given.value {
        DiscountValue::Percentage(percent) => {
            json!({ "__typename": "PricingPercentageValue", "percentage": percent.to_f64() })
        }
        DiscountValue::Fixed(amount) => {
            money_json(order.currencies.bag(amount).presentment, &order.currencies.presentment)
        }
    };
    json!({
        "__typename": if given.code.is_some() { "DiscountCodeApplication" } else { "ManualDiscountApplication" },
        "index": index,
        "targetType": if given.on_shipping { "SHIPPING_LINE" } else { "LINE_ITEM" },
        "allocationMethod": if given.on_chosen_lines { "EACH" } else { "ACROSS" },
        "value": value,
        "code": given.code,
        "title": given.title,
    })
}

fn taxes_doc(currencies: &Currencies, taxes: &[Tax]) -> Value {
    taxes
        .iter()
        .map(|tax| {
            json!({
                "title": tax.title,
                "rate": tax.rate.to_f64(),
                "ratePercentage": (tax.rate * rust_decimal::Decimal::ONE_HUNDRED).to_f64(),
                "channelLiable": false,
                "priceSet": currencies.bag_json(tax.amount),
            })
        })
        .collect()
}

fn customer_doc(customer: &Customer, guard: &impl Fn(Value) -> Value) -> Value {
    let name = format!("{} {}", customer.first_name, customer.last_name);
    // `emailAddress` is non-null: withholding it nulls its parent, with the error at the leaf.
    let email = customer.email.as_ref().map(|email| json!({ "emailAddress": guard(json!(email)) }));
    json!({
        "__typename": "Customer",
        "id": gid("Customer", customer.id),
        "firstName": guard(json!(customer.first_name)),
        "lastName": guard(json!(customer.last_name)),
        "displayName": guard(json!(name)),
        "locale": "da",
        "taxExempt": false,
        "defaultEmailAddress": email,
        "defaultPhoneNumber": null,
        "taxSettings": { "taxId": customer.tax_id },
    })
}

fn company_doc(company: &Company) -> Value {
    json!({
        "__typename": "PurchasingCompany",
        "company": { "id": gid("Company", company.id), "name": company.name },
        "location": {
            "id": gid("CompanyLocation", company.id + 1),
            "name": company.name,
            "taxSettings": { "taxRegistrationId": company.vat_number, "taxExempt": false },
        },
    })
}

fn address_doc(id: u64, address: &Address, guard: &impl Fn(Value) -> Value) -> Value {
    let name = format!("{} {}", address.first_name, address.last_name);
    json!({
        "id": gid("MailingAddress", id),
        "name": guard(json!(name)),
        "firstName": guard(json!(address.first_name)),
        "lastName": guard(json!(address.last_name)),
        "company": address.company,
        "address1": guard(json!(address.street)),
        "address2": null,
        "city": address.city,
        "zip": guard(json!(address.zip)),
        "province": null,
        "provinceCode": null,
        "country": address.country.1,
        "countryCodeV2": address.country.0,
        "phone": null,
    })
}

fn gateway(order: &Order) -> &'static str {
    match (order.test, order.by_gift_card) {
        (true, _) => "bogus",
        (false, true) => "gift_card",
        (false, false) => "shopify_payments",
    }
}

/// Shopify's `DateTime`: seconds, `Z`.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An amount of a variant's `Money` scalar, such as `149.00`; shared with the catalogue documents.
pub(crate) fn unit_cost(amount: rust_decimal::Decimal, currency: &str) -> Value {
    json!({ "__typename": "MoneyV2", "amount": decimal_text(amount), "currencyCode": currency })
}
