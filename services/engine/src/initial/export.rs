//! Shopify writes its catalogue to a file; we wait for it and read it.

use futures::TryStreamExt;
use shopbeat_domain::catalog::{SkuCheck, Variant};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::Export;
use shopbeat_domain::run::{Run, RunPhase};
use url::Url;

use super::Context;
use crate::transfer::Stop;

/// A file that is ready.
pub(super) struct Ready {
    url: Option<Url>,
    objects: u64,
}

/// The catalogue, in rising order of variant ids, and the check of its SKUs.
pub(super) struct Catalog {
    pub(super) variants: Vec<Variant>,
    pub(super) skus: SkuCheck,
}

/// Starts the export unless the run has one, and waits for it. The run's cursor stays good over a new export: it is
/// a variant's id, and the rows are sorted by it. `None`: the store may not be written for any more.
pub(super) async fn ensure(context: &Context<'_>, run: &mut Run) -> Result<Option<Ready>, Stop> {
    loop {
        let Some(bulk) = run.bulk else {
            run.bulk = Some(context.shop.start_export().await?);
            run.phase = RunPhase::Exporting;
            context.save(run).await?;
            continue;
        };
        match context.shop.export(bulk).await {
            Ok(Export::Ready { url, objects }) => return Ok(Some(Ready { url, objects })),
            Ok(Export::Running(_)) if !context.may_go_on().await? => return Ok(None),
            Ok(Export::Running(_)) => context.ports.clock.sleep(limits::EXPORT_POLL).await,
            Ok(Export::Failed(code)) => {
                let message = format!("Shopify could not write the export: {code}");
                return Err(Block::new(ParkCode::RunFailed, code, message).into());
            }
            // Results are kept for a week only: a run that slept longer asks for another.
            Err(failure) if failure.is_missing() => run.bulk = None,
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// Reads the whole file, sorted.
pub(super) async fn read(context: &Context<'_>, ready: &Ready) -> Result<Catalog, Stop> {
    let mut variants: Vec<Variant> = match &ready.url {
        Some(url) => context.shop.read_export(url, ready.objects).await?.try_collect().await?,
        None => Vec::new(),
    };
    variants.sort_by_key(|variant| variant.id);
    let mut skus = SkuCheck::default();
    for variant in &variants {
        skus.note(&variant.sku);
    }
    Ok(Catalog { variants, skus })
}
