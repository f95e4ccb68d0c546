//! Stock in a test's world: what shops show, what they should show, and how both are waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use shopbeat_proto::v1;
use shopbeat_sandbox::shopify::StockTruth;

use crate::settings::settings;
use crate::wait::{LONG, until};
use crate::world::{World, domain};

/// So many differences are told at most.
const TOLD: usize = 12;

impl World {
    /// A shop's first location: all stock goes there.
    ///
    /// # Panics
    /// When there is no such shop.
    #[must_use]
    pub fn location(&self, handle: &str) -> u64 {
        let locations = self.shopify().locations(&domain(handle)).expect("the shop is there");
        locations.first().expect("it has a location").id
    }

    /// The usual settings, and all of Rackbeat's stock on the way to the shop's first location.
    #[must_use]
    pub fn stocked(&self, handle: &str) -> v1::Settings {
        let route = v1::StockRoute { from: None, to: self.location(handle) };
        let stock = v1::StockSettings { locations: vec![route], ..v1::StockSettings::default() };
        v1::Settings { stock: Some(stock), ..settings() }
    }

    /// What a store would be told.
    ///
    /// # Errors
    /// The service's.
    pub async fn preview(&mut self, handle: &str) -> Result<v1::PreviewStockResponse, tonic::Status> {
        let request = v1::PreviewStockRequest { store_id: handle.to_owned() };
        Ok(self.api.preview_stock(request).await?.into_inner())
    }

    /// Lets quantities be sent to a store after a report with this digest.
    ///
    /// # Errors
    /// The service's.
    pub async fn accept(&mut self, handle: &str, digest: &str) -> Result<v1::Store, tonic::Status> {
        let request = v1::AcceptStockRequest { store_id: handle.to_owned(), digest: digest.to_owned() };
        Ok(self.api.accept_stock(request).await?.into_inner().store.expect("the store is told"))
    }

    /// Connects a shop, looks at the report and accepts it; where Rackbeat's budget is used up, as soon as it is not.
    ///
    /// # Panics
    /// When any of it is refused.
    pub async fn connect_stocked(&mut self, handle: &str, settings: v1::Settings) {
        self.connect_with(handle, settings).await;
        until(&format!("the report of {handle} is accepted"), LONG, async || {
            let busy = |status: tonic::Status| {
                assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
                status.message().to_owned()
            };
            let report = self.preview(handle).await.map_err(busy)?;
            self.accept(handle, &report.digest).await.map(|_| ()).map_err(busy)
        })
        .await;
    }

    /// What stands at a shop's first location, by SKU.
    ///
    /// # Panics
    /// When there is no such shop.
    #[must_use]
    pub fn shelf(&self, handle: &str) -> BTreeMap<String, StockTruth> {
        let location = self.location(handle);
        let rows = self.shopify().quantities(&domain(handle)).expect("the shop is there");
        let rows = rows.into_iter().filter(|row| row.location == location);
        rows.filter_map(|row| Some((row.sku.clone()?, row))).collect()
    }

    /// What a shop shows of one SKU.
    ///
    /// # Panics
    /// When it does not have it.
    #[must_use]
    pub fn on_shelf(&self, handle: &str, sku: &str) -> StockTruth {
        self.shelf(handle).remove(sku).unwrap_or_else(|| panic!("{handle} has no {sku}"))
    }

    /// Waits until all these shops show this quantity.
    pub async fn show(&self, handles: &[&str], sku: &str, quantity: i64, within: Duration) {
        until(&format!("{sku} stands at {quantity} in {handles:?}"), within, async || {
            let shown: Vec<i64> = handles.iter().map(|handle| self.on_shelf(handle, sku).available).collect();
            if shown.iter().all(|shown| *shown == quantity) { Ok(()) } else { Err(format!("{shown:?}")) }
        })
        .await;
    }

    /// What a shop shows otherwise than Rackbeat, less what is held of each SKU.
    #[must_use]
    pub fn unequal(&self, handle: &str, held: &BTreeMap<String, i64>) -> Vec<String> {
        let kept = self.rackbeat().quantities(self.account());
        let shelf = self.shelf(handle).into_iter();
        let shelf = shelf.filter(|(_, row)| row.tracked && !row.bundle);
        let differences = shelf.filter_map(|(sku, row)| {
            let available =
                kept.get(&sku)?.available.floor() - Decimal::from(held.get(&sku).copied().unwrap_or(0));
            let wanted = available.max(Decimal::ZERO).to_i64()?;
            let differs = row.available != wanted;
            differs.then(|| format!("{sku} shows {}, not {wanted}", row.available))
        });
        differences.collect()
    }

    /// Waits until all shops show what Rackbeat has, where nothing is held.
    pub async fn even(&self, handles: &[&str], within: Duration) {
        let nothing = BTreeMap::new();
        until(&format!("{handles:?} show what Rackbeat has"), within, async || {
            for handle in handles {
                let wrong = self.unequal(handle, &nothing);
                if !wrong.is_empty() {
                    let some: Vec<&String> = wrong.iter().take(TOLD).collect();
                    return Err(format!("{handle}: {} differ: {some:?}", wrong.len()));
                }
            }
            Ok(())
        })
        .await;
    }

    /// Counts an item in Rackbeat's warehouse: so many lie there.
    ///
    /// # Panics
    /// When there is no such item, or so many lay there before.
    pub fn count(&self, sku: &str, quantity: i64) {
        let counted = self.rackbeat().set_stock(self.account(), sku, 1, quantity.into());
        assert!(counted, "{sku} cannot be counted as {quantity}");
    }

    /// Asks to have Rackbeat's stock read again, of one item or (with an empty number) of all.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn refresh(&mut self, item: &str) -> u64 {
        let whose = v1::refresh_stock_request::Whose::AgreementId("nordlys".to_owned());
        let request = v1::RefreshStockRequest { whose: Some(whose), item: item.to_owned() };
        self.api.refresh_stock(request).await.expect("it is read again").into_inner().items
    }

    /// The items of a store whose quantity is not sent: number and code, by number.
    ///
    /// # Panics
    /// When the service does not tell.
    pub async fn troubles(&mut self, handle: &str) -> Vec<(String, String)> {
        let request = v1::ListStockTroublesRequest {
            store_id: handle.to_owned(),
            page_size: 500,
            ..Default::default()
        };
        let told = self.api.list_stock_troubles(request).await.expect("troubles are told").into_inner();
        assert_eq!(u64::try_from(told.troubles.len()).ok(), Some(told.total));
        assert!(told.troubles.iter().all(|trouble| !trouble.remedy.is_empty() && trouble.since.is_some()));
        told.troubles.into_iter().map(|trouble| (trouble.item, trouble.code)).collect()
    }

    /// How often each SKU's quantity was written to a shop.
    ///
    /// # Panics
    /// When there is no such shop.
    #[must_use]
    pub fn quantities_written(&self, handle: &str) -> BTreeMap<String, usize> {
        let domain = domain(handle);
        let of_item: BTreeMap<u64, String> =
            self.shelf(handle).into_iter().map(|(sku, row)| (row.item, sku)).collect();
        let mut written = BTreeMap::new();
        for write in self.shopify().inventory_writes(&domain).expect("the shop is there") {
            let sku = of_item.get(&write.item).cloned().unwrap_or_else(|| write.item.to_string());
            *written.entry(sku).or_default() += 1;
        }
        written
    }
}
