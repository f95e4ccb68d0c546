//! What a person can see and do in Rackbeat, for tests and the control API.

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, AccountSetup, Mail};
use super::call::{Call, Refusal};
use super::http::{dispatch, segments};
use super::number::number;
use super::orders::{change, remove};
use super::rows::{CustomerRow, HookRow, InvoiceRow, OrderRow, ProductRow, ShipmentRow};
use super::{CallRecord, ClientHeaders, HookCounts, HookScript, RackbeatSim};

/// Looking.
impl RackbeatSim {
    /// Ids of the accounts, in the order they were added.
    #[must_use]
    pub fn account_ids(&self) -> Vec<i64> {
        self.lock().accounts.iter().map(|account| account.setup.id).collect()
    }

    /// Tokens of an account.
    #[must_use]
    pub fn tokens(&self, account: i64) -> Vec<String> {
        self.look(account, |account| account.setup.tokens.clone())
    }

    /// All orders that exist, by number.
    #[must_use]
    pub fn orders(&self, account: i64) -> Vec<OrderRow> {
        let facts = &self.core().facts;
        self.look(account, |account| {
            account.orders.values().map(|order| OrderRow::of(order, account, facts)).collect()
        })
    }

    /// One order.
    #[must_use]
    pub fn order(&self, account: i64, number: i64) -> Option<OrderRow> {
        let facts = &self.core().facts;
        self.look(account, |account| {
            account.orders.get(&number).map(|order| OrderRow::of(order, account, facts))
        })
    }

    /// The orders whose heading or note holds `reference`, cancelled ones too.
    #[must_use]
    pub fn orders_with(&self, account: i64, reference: &str) -> Vec<OrderRow> {
        let mut rows = self.orders(account);
        rows.retain(|order| order.heading.contains(reference) || order.note.contains(reference));
        rows
    }

    /// All products and lots, by number.
    #[must_use]
    pub fn products(&self, account: i64) -> Vec<ProductRow> {
        self.look(account, |account| account.products.values().map(ProductRow::of).collect())
    }

    /// One product or lot with its stock.
    #[must_use]
    pub fn stock(&self, account: i64, item: &str) -> Option<ProductRow> {
        self.look(account, |account| account.products.get(item).map(ProductRow::of))
    }

    /// All customers, by number.
    #[must_use]
    pub fn customers(&self, account: i64) -> Vec<CustomerRow> {
        self.look(account, |account| account.customers.values().map(CustomerRow::of).collect())
    }

    /// All invoices, by number.
    #[must_use]
    pub fn invoices(&self, account: i64) -> Vec<InvoiceRow> {
        self.look(account, |account| account.invoices.values().map(InvoiceRow::of).collect())
    }

    /// All shipments, by id.
    #[must_use]
    pub fn shipments(&self, account: i64) -> Vec<ShipmentRow> {
        self.look(account, |account| account.shipments.values().map(ShipmentRow::of).collect())
    }

    /// Mails the real one would have sent.
    #[must_use]
    pub fn mails(&self, account: i64) -> Vec<Mail> {
        self.look(account, |account| account.mails.clone())
    }

    /// Registered webhooks.
    #[must_use]
    pub fn webhooks(&self, account: i64) -> Vec<HookRow> {
        let row = |hook: &super::hooks::Hook| HookRow {
            id: hook.id,
            event: hook.event.clone(),
            url: hook.url.clone(),
            active: hook.active,
            failures: hook.failures,
        };
        self.look(account, |account| account.hooks.values().map(row).collect())
    }

    /// Every call that reached the handlers since the start or the last [`Self::clear_calls`].
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().calls.clone()
    }

    /// How many of them had this method and a path starting so.
    #[must_use]
    pub fn calls_to(&self, method: &str, path: &str) -> usize {
        let state = self.lock();
        state.calls.iter().filter(|call| call.method == method && call.path.starts_with(path)).count()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// The different ways clients have named themselves.
    #[must_use]
    pub fn request_headers_seen(&self) -> Vec<ClientHeaders> {
        self.lock().headers.iter().cloned().collect()
    }

    /// How webhooks are sent at present.
    #[must_use]
    pub fn hook_script(&self) -> HookScript {
        self.lock().script
    }

    /// Deliveries so far.
    #[must_use]
    pub fn hook_counts(&self) -> HookCounts {
        self.counters().read()
    }

    pub(super) fn look<T: Default>(&self, account: i64, look: impl FnOnce(&mut Account) -> T) -> T {
        self.with_account(account, look).unwrap_or_default()
    }
}

/// Acting.
impl RackbeatSim {
    /// Adds an account.
    pub fn add_account(&self, setup: AccountSetup) {
        let account = Account::new(setup, self.core().seed);
        self.lock().accounts.push(account);
    }

    /// Gives an account another token.
    pub fn add_token(&self, account: i64, token: &str) {
        self.look(account, |account| account.setup.tokens.push(token.to_owned()));
    }

    /// Deletes a token; calls with it get 401 from then on.
    pub fn revoke_token(&self, account: i64, token: &str) {
        self.look(account, |account| account.setup.tokens.retain(|own| own != token));
    }

    /// Changes how webhooks are sent.
    pub fn set_hook_script(&self, script: HookScript) {
        self.lock().script = script;
    }

    /// Makes an API call without token, rate limit, faults or log: status and body. The path is below
    /// the base URL and may have no query. 404 for an unknown account.
    pub fn act(&self, account: i64, method: Method, path: &str, body: Value) -> (u16, Value) {
        let acted = self.with_call(account, method, path, body, |account, call| {
            dispatch(account, call).unwrap_or_else(Refusal::reply)
        });
        acted.map_or((404, Value::Null), |reply| (reply.status, reply.body))
    }

    /// Makes a product in the first group, with stock at the default location. False when refused.
    pub fn add_product(&self, account: i64, item: &str, name: &str, price: Decimal, stock: Decimal) -> bool {
        let body = json!({ "number": item, "name": name, "group": 1, "sales_price": number(price) });
        let (status, _) = self.act(account, Method::POST, "/products", body);
        if status == 201 && !stock.is_zero() {
            let location = self.look(account, |account| account.default_location());
            self.set_stock(account, item, location, stock);
        }
        status == 201
    }

    /// Makes a product in a group without inventory, as freight and fees are. False when refused.
    pub fn add_service(&self, account: i64, item: &str, name: &str, price: Decimal) -> bool {
        let groups = self.look(account, |account| account.setup.groups.clone());
        let group = groups.iter().find(|group| !group.has_inventory).map(|group| group.number);
        let body = json!({ "number": item, "name": name, "group": group, "sales_price": number(price) });
        self.act(account, Method::POST, "/products", body).0 == 201
    }

    /// Sets the physical stock of an item at a location, as a count in the warehouse does. False
    /// when there is no such item or nothing changed.
    pub fn set_stock(&self, account: i64, item: &str, location: i64, stock: Decimal) -> bool {
        let body = json!({ "item_id": item, "adjustment_type": "quantity", "quantity": number(stock), "location": location });
        let (_, made) = self.act(account, Method::POST, "/inventory-adjustments", body);
        let Some(id) = made["inventory_regulation"]["id"].as_i64() else {
            return false;
        };
        self.act(account, Method::POST, &format!("/inventory-adjustments/{id}/book"), Value::Null).0 == 200
    }

    /// Makes a customer; its number, or `None` when refused.
    pub fn add_customer(&self, account: i64, name: &str, email: Option<&str>) -> Option<i64> {
        let body = json!({ "company_name": name, "contact_email": email, "payment_terms_id": 1 });
        self.act(account, Method::POST, "/customers", body).1["customer"]["number"].as_i64()
    }

    /// Bars or unbars an item. False when there is none.
    pub fn bar_product(&self, account: i64, item: &str, barred: bool) -> bool {
        self.edit_product(account, item, json!({ "is_barred": barred }))
    }

    /// Cancels an order, which only people can. False when there is none.
    pub fn cancel_order(&self, account: i64, number: i64) -> bool {
        let done = self.with_call(account, Method::POST, "orders", Value::Null, |account, call| {
            change(account, call, number, |account, order| {
                order.cancelled = true;
                order.updated = call.now;
                account.tell(call, order.event("updated"));
                Ok(())
            })
        });
        done.is_some_and(|done| done.is_ok())
    }

    /// Deletes an order whatever its state. False when there is none.
    pub fn delete_order(&self, account: i64, number: i64) -> bool {
        let done = self.with_call(account, Method::DELETE, "orders", Value::Null, |account, call| {
            remove(account, call, number)
        });
        done.unwrap_or(false)
    }

    /// Works on an account as a call that nobody sent.
    pub(super) fn with_call<T>(
        &self,
        account: i64,
        method: Method,
        path: &str,
        body: Value,
        work: impl FnOnce(&mut Account, &Call<'_>) -> T,
    ) -> Option<T> {
        let core = self.core();
        let call = Call {
            method,
            segments: segments(path),
            query: Vec::new(),
            body,
            facts: &core.facts,
            now: core.clock.now(),
            page_cap: None,
        };
        self.with_account(account, |account| work(account, &call))
    }
}
