//! What a merchant changes in the shop besides orders.

use rust_decimal::Decimal;
use serde_json::json;

use super::docs::gid;
use super::shop::Shop;
use super::webhook::Event;

impl Shop {
    /// Uninstalling kills tokens and subscriptions; the webhook that tells of it still goes out.
    pub(crate) fn set_installed(&mut self, installed: bool) {
        self.installed = installed;
        if installed {
            return;
        }
        self.tokens.clear();
        let (at, action) = (self.stamp(), self.ids.take());
        let body = json!({
            "id": 60_000_000_000 + self.number,
            "name": self.spec.name,
            "domain": self.spec.domain,
            "myshopify_domain": self.spec.domain,
        });
        self.outbox.push(Event { topic: "APP_UNINSTALLED", body, at, action });
    }

    pub(crate) fn set_sku(&mut self, variant: u64, sku: Option<&str>) {
        let Some(found) = self.docs.get_mut(&gid("ProductVariant", variant)) else {
            return;
        };
        found["sku"] = json!(sku);
        let item = found["inventoryItem"]["$ref"].as_str().map(ToOwned::to_owned);
        if let Some(item) = item.and_then(|id| self.docs.get_mut(&id)) {
            item["sku"] = json!(sku);
        }
        match sku {
            None => self.offers.retain(|offer| offer.variant.0 != variant),
            Some(sku) => {
                for offer in self.offers.iter_mut().filter(|offer| offer.variant.0 == variant) {
                    sku.clone_into(&mut offer.sku);
                }
            }
        }
    }

    pub(crate) fn set_price(&mut self, variant: u64, price: Decimal) {
        if let Some(found) = self.docs.get_mut(&gid("ProductVariant", variant)) {
            found["price"] = json!(format!("{price:.2}"));
        }
        for offer in self.offers.iter_mut().filter(|offer| offer.variant.0 == variant) {
            offer.price = price;
        }
    }
}
