//! What a merchant changes in the shop besides orders.

use serde_json::json;

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
}
