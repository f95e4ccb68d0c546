//! The ways that stock takes to a shop.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::ids::{LocationId, StoreId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Shop};
use shopbeat_domain::settings::StockRoute;
use shopbeat_domain::store::Store;

use crate::ports::Ports;

/// Remembers for a while which single active location a shop has: it is asked for with every quantity.
#[derive(Debug, Default)]
pub struct RouteMemo(Mutex<HashMap<StoreId, (Timestamp, Vec<LocationId>)>>);

impl RouteMemo {
    fn get(&self, store: &StoreId, now: Timestamp) -> Option<Vec<LocationId>> {
        let memo = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, active) = memo.get(store)?;
        let memory = SignedDuration::try_from(limits::LOCATION_MEMORY).unwrap_or_default();
        (now.duration_since(*at) < memory).then(|| active.clone())
    }

    fn put(&self, store: &StoreId, now: Timestamp, active: Vec<LocationId>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(store.clone(), (now, active));
    }
}

/// As set, or all of Rackbeat's locations to the shop's only active one. Empty where the shop has several or none and
/// nothing is set.
pub(super) async fn routes(ports: &Ports, store: &Store, shop: &dyn Shop) -> Answer<Vec<StockRoute>> {
    if !store.settings.stock.locations.is_empty() {
        return Ok(store.settings.stock.locations.clone());
    }
    let active = match ports.routes.get(&store.id, ports.now()) {
        Some(active) => active,
        None => {
            let locations = shop.locations().await?.into_iter().filter(|location| location.active);
            let active: Vec<LocationId> = locations.map(|location| location.id).collect();
            ports.routes.put(&store.id, ports.now(), active.clone());
            active
        }
    };
    Ok(match active.as_slice() {
        [only] => vec![StockRoute { from: None, to: *only }],
        _ => Vec::new(),
    })
}
