//! Shopify writes its catalogue to a file; we wait for it and read it.

use futures::StreamExt;
use shopbeat_domain::catalog::SkuCheck;
use shopbeat_domain::ids::VariantId;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::{Answer, Export, ExportedCatalog, Shop};
use shopbeat_domain::run::{Run, RunPhase};
use url::Url;

use super::{Context, Going};
use crate::transfer::Stop;

/// A file that is ready.
pub(crate) struct Ready {
    pub(crate) url: Option<Url>,
    pub(crate) objects: u64,
}

/// Starts the export unless the run has one, and waits for it. The run's cursor stays good over a new export: it is
/// a variant's id, and the rows come in the order of ids. The inner error: the run may not go on.
pub(super) async fn ensure(context: &Context<'_>, run: &mut Run) -> Result<Result<Ready, Going>, Stop> {
    loop {
        match context.look(&run.id).await? {
            Going::On => {}
            going => return Ok(Err(going)),
        }
        let Some(bulk) = run.bulk else {
            run.bulk = Some(context.shop.start_export().await?);
            run.phase = RunPhase::Exporting;
            context.save(run).await?;
            continue;
        };
        match context.shop.export(bulk).await {
            Ok(Export::Ready { url, objects }) => return Ok(Ok(Ready { url, objects })),
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

/// Opens the file: it is known to be whole before the first row is taken.
pub(super) async fn read(context: &Context<'_>, run: &Run, ready: &Ready) -> Result<ExportedCatalog, Stop> {
    Ok(open(context.shop, ready, run.cursor).await?)
}

/// The variants after one; a shop without any has no file.
pub(crate) async fn open(
    shop: &dyn Shop,
    ready: &Ready,
    after: Option<VariantId>,
) -> Answer<ExportedCatalog> {
    match &ready.url {
        Some(url) => shop.read_export(url, ready.objects, after).await,
        None => Ok(ExportedCatalog {
            variants: 0,
            skus: SkuCheck::default(),
            rows: futures::stream::empty().boxed(),
        }),
    }
}
