//! What no webhook told of a shop's products: by `updated_at`, at the start and on a timer.

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::job::Offer;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Heap, Shop};
use shopbeat_domain::settings::Master;
use shopbeat_domain::store::Store;
use tokio_util::sync::CancellationToken;

use crate::ports::Ports;
use crate::{retry, worker};

/// The watermark's name.
pub(crate) const PRODUCTS: &str = "products";

/// Sweeps at once and then on a timer, until `over`.
pub(crate) async fn keep_swept(ports: &Ports, store: &Store, over: &CancellationToken) {
    let mut failures = 0;
    while !over.is_cancelled() {
        // Boxed: the worker's own future holds this one all the time.
        let wait = match Box::pin(sweep_now(ports, store)).await {
            Ok(marked) => {
                failures = 0;
                tracing::debug!(store.id = %store.id, marked, "products swept");
                limits::SHOP_PRODUCT_SWEEP_EVERY
            }
            Err(failure) => {
                worker::tell(ports, store, "the sweep of products has to wait", &failure);
                failures += 1;
                retry::backoff(failures, ports.random.as_ref())
            }
        };
        worker::pause(ports, wait, over).await;
    }
}

async fn sweep_now(ports: &Ports, store: &Store) -> Answer<u64> {
    let store = ports.state.registry.store(&store.id).await?.filter(Store::is_connected);
    let Some(store) = store else { return Ok(0) };
    let settings = &store.settings;
    if settings.products.master == Master::None && !settings.stock.enabled {
        return Ok(0);
    }
    let shop = ports.remotes.shop(&store).await?;
    sweep(ports, shop.as_ref(), &store).await
}

/// Marks all products changed since the watermark, less an overlap. The watermark moves after the marks of each page:
/// it never passes a product that is not marked. Answers how many were marked.
async fn sweep(ports: &Ports, shop: &dyn Shop, store: &Store) -> Answer<u64> {
    let state = &ports.state;
    let since = start(ports, store).await?;
    let mut page: Option<String> = None;
    let mut marked = 0;
    loop {
        let answer = shop.products_updated(since, page.as_deref(), limits::SWEEP_PAGE).await?;
        if let Some(newest) = answer.rows.iter().map(|head| head.updated_at).max() {
            let keys: Vec<String> = answer.rows.iter().map(|head| head.id.to_string()).collect();
            state.heaps.mark(&Heap::ShopProducts(store.id.clone()), &keys, false, ports.now()).await?;
            state.jobs.offer(&store.id, &[Offer::products()], None, ports.now()).await?;
            state.watermarks.move_watermark(&store.id, PRODUCTS, newest).await?;
            marked += u64::try_from(keys.len()).unwrap_or_default();
        }
        let Some(next) = answer.next else { return Ok(marked) };
        page = Some(next);
    }
}

/// Products that were there before the store was connected are brought by the initial sync, by choice.
async fn start(ports: &Ports, store: &Store) -> Answer<Timestamp> {
    let mark = ports.state.watermarks.watermark(&store.id, PRODUCTS).await?;
    let overlap = SignedDuration::try_from(limits::SWEEP_OVERLAP).unwrap_or_default();
    let mark = mark.unwrap_or(store.connected_at);
    Ok(mark.saturating_sub(overlap).unwrap_or(mark))
}
