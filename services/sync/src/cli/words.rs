//! The API's enumerations as words, the same in tables and in JSON; `None` where nothing is said.

use shopbeat_proto::v1;

macro_rules! words {
    ($( $(#[$doc:meta])* $function:ident: $Enum:ident, $prefix:literal; )+) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub(crate) fn $function(value: i32) -> Option<String> {
                match v1::$Enum::try_from(value) {
                    Ok(v1::$Enum::Unspecified) => None,
                    Ok(known) => {
                        let name = known.as_str_name();
                        Some(name.strip_prefix($prefix).unwrap_or(name).to_lowercase())
                    }
                    // A service newer than this program.
                    Err(_) => Some(format!("unknown_{value}")),
                }
            }
        )+
    };
}

words! {
    /// What the owner of a store wants.
    desired: Desired, "DESIRED_";
    /// What forbids writing.
    hold: Hold, "HOLD_";
    /// How a store's token is got.
    grant: Grant, "GRANT_";
    /// What became of an order.
    state: OrderState, "ORDER_STATE_";
    /// How far an order is.
    reached: Reached, "REACHED_";
    /// A step of the transfer.
    step: Step, "STEP_";
    /// How far an order should go.
    target: Target, "TARGET_";
    /// What starts a transfer.
    trigger: Trigger, "TRIGGER_";
    /// What happens to test orders.
    test_orders: TestOrders, "TEST_ORDERS_";
    /// The customer of an order without e-mail.
    without_email: WithoutEmail, "WITHOUT_EMAIL_";
    /// A VAT zone.
    vat_zone: VatZone, "VAT_ZONE_";
    /// Where a run is.
    phase: RunPhase, "RUN_PHASE_";
    /// Where a replay is.
    replay_phase: ReplayPhase, "REPLAY_PHASE_";
    /// Why a variant was skipped.
    skip_reason: SkipReason, "SKIP_REASON_";
    /// What becomes of items that have a quantity.
    stock_policy: StockPolicy, "STOCK_POLICY_";
    /// Which quantity is imported.
    stock_count: StockCount, "STOCK_COUNT_";
    /// What became of a product.
    row_product: RowProduct, "ROW_PRODUCT_";
    /// What became of an item's stock.
    row_stock: RowStock, "ROW_STOCK_";
    /// Whose products are followed.
    master: Master, "MASTER_";
    /// A field of a product.
    product_field: ProductField, "PRODUCT_FIELD_";
    /// The state of a new product.
    publish: Publish, "PUBLISH_";
    /// What becomes of a deleted variant's item.
    on_delete: OnDelete, "ON_DELETE_";
    /// Which quantity is sent.
    stock_kind: StockKind, "STOCK_KIND_";
    /// What is sent for fewer than none.
    negative: Negative, "NEGATIVE_";
    /// How bad a finding is.
    severity: Severity, "SEVERITY_";
    /// How a month that was not used whole is billed.
    billing_rule: BillingRule, "BILLING_RULE_";
    /// What happened to a store.
    billing_event: BillingEvent, "BILLING_EVENT_";
    /// Whether a shop has an item.
    presence: Presence, "PRESENCE_";
}

/// The word, or a dash.
#[must_use]
pub(crate) fn or_dash(word: Option<String>) -> String {
    word.unwrap_or_else(|| "-".to_owned())
}

/// The number, or a dash.
#[must_use]
pub(crate) fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_names_of_the_api_without_their_prefix() {
        assert_eq!(target(v1::Target::ShippedAndInvoiced.into()).unwrap(), "shipped_and_invoiced");
        assert_eq!(hold(v1::Hold::Unspecified.into()), None);
        assert_eq!(state(99).unwrap(), "unknown_99");
        assert_eq!(or_dash(None), "-");
    }
}
