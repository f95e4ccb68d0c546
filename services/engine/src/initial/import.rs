//! Several variants on their way at once, so that Rackbeat's rate is the only bound: round trips hide behind each
//! other. They end in any order; counts and cursor follow in the order of ids.

use std::collections::{BTreeMap, HashMap, VecDeque};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered};
use shopbeat_domain::catalog::{SkipReason, SkuCheck, Variant};
use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{ItemNumber, VariantId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, ExportedCatalog, Family};
use shopbeat_domain::run::{Run, RunPhase, RunRow};

use super::bring::{Brought, Importer, number_of};
use super::claims::Claims;
use super::notes::{Notes, count, row_key};
use super::{Context, Going, cost};
use crate::transfer::Stop;

/// Rows whose claims are read by one call.
const ROWS_PER_READ: usize = 250;

/// Brings over every variant after the run's cursor, unless the run may not go on.
pub(super) async fn import(
    context: &Context<'_>,
    run: &mut Run,
    catalog: ExportedCatalog,
) -> Result<Going, Stop> {
    let importer = Importer::prepare(context, run).await?;
    let ExportedCatalog { variants, skus, rows } = catalog;
    let ahead = begin(context, run, variants, &skus, &importer).await?;
    let rows = rows.chunks(ROWS_PER_READ).boxed();
    let source = Source { importer: &importer, skus, rows, ahead, broken: None };
    let mut line = Line {
        importer: &importer,
        source,
        read: VecDeque::new(),
        failed: None,
        going: Going::On,
        fed: 0,
        through: 0,
        ready: BTreeMap::new(),
        notes: Notes::default(),
        saved: run.clone(),
        looked_at: context.ports.now(),
    };
    line.run(run).await
}

/// Clears the report of the run before, tells what this one will take, and reads what was done beyond the cursor.
async fn begin(
    context: &Context<'_>,
    run: &mut Run,
    variants: u64,
    skus: &SkuCheck,
    importer: &Importer<'_>,
) -> Result<HashMap<VariantId, RunRow>, Stop> {
    let records = &context.ports.state.records;
    let family = Family::RunReport(context.store.id.clone());
    let mut ahead = HashMap::new();
    if run.phase == RunPhase::Importing {
        let after = run.cursor.map(row_key);
        let most = u32::try_from(limits::IMPORT_ROWS).unwrap_or(u32::MAX).saturating_mul(2);
        let rows = records.page(&family, after.as_deref(), most).await?;
        let rows = rows.iter().filter_map(|(_, text)| serde_json::from_str::<RunRow>(text).ok());
        ahead.extend(rows.map(|row| (row.variant, row)));
    } else {
        records.clear(&family).await?;
    }
    run.phase = RunPhase::Importing;
    run.counts.variants = variants;
    run.importing_since = Some((context.ports.now(), run.counts.done));
    if run.estimate.is_none() {
        let made = importer.made_takes_stock();
        let calls = skus.items().map(|item| cost::calls(&run.plan, importer.present.get(&item), made)).sum();
        run.estimate = Some(cost::estimate(calls));
    }
    context.save(run).await?;
    Ok(ahead)
}

/// A variant to be brought, with the number of its item or why it has none.
struct ToBring {
    variant: Variant,
    number: Result<ItemNumber, SkipReason>,
    claims: Option<Claims>,
}

/// A variant that is about to be brought.
enum Next {
    /// It is to be brought.
    Bring(Box<ToBring>),
    /// It was, before the run was cut off.
    Was(Box<RunRow>),
}

/// Reads rows, a batch at a time, and what is written down of their items.
struct Source<'a> {
    importer: &'a Importer<'a>,
    skus: SkuCheck,
    rows: BoxStream<'static, Vec<Answer<Variant>>>,
    /// Rows that were through beyond the cursor when the run was cut off.
    ahead: HashMap<VariantId, RunRow>,
    /// Why the file could not be read on.
    broken: Option<Failure>,
}

impl Source<'_> {
    /// The next rows; false at the end. Those before a failure are brought first.
    async fn read(&mut self, into: &mut VecDeque<Next>) -> Result<bool, Stop> {
        if let Some(failure) = self.broken.take() {
            return Err(failure.into());
        }
        let Some(batch) = self.rows.next().await else { return Ok(false) };
        let mut rows = Vec::with_capacity(batch.len());
        for row in batch {
            match row {
                Ok(variant) => {
                    let number = number_of(&variant, &self.skus);
                    rows.push((variant, number));
                }
                Err(failure) => {
                    self.broken = Some(failure);
                    break;
                }
            }
        }
        let mut claims = claims(self.importer, &rows).await?.into_iter();
        for (variant, number) in rows {
            if let Some(row) = self.ahead.remove(&variant.id) {
                if number.is_ok() {
                    claims.next();
                }
                into.push_back(Next::Was(Box::new(row)));
                continue;
            }
            let claims = if number.is_ok() { claims.next() } else { None };
            into.push_back(Next::Bring(Box::new(ToBring { variant, number, claims })));
        }
        Ok(true)
    }
}

/// What is written down of the items of these rows, in their order.
async fn claims(
    importer: &Importer<'_>,
    rows: &[(Variant, Result<ItemNumber, SkipReason>)],
) -> Result<Vec<Claims>, Stop> {
    let context = importer.context;
    let Some(stock) = importer.stock.as_ref().filter(|stock| stock.reads_ahead()) else {
        return Ok(Vec::new());
    };
    let numbers: Vec<&ItemNumber> = rows.iter().filter_map(|(_, number)| number.as_ref().ok()).collect();
    let ids = context.ports.state.ids.as_ref();
    Ok(Claims::read(ids, &stock.map(context), &context.store.id, &numbers).await?)
}

/// What became of one: a row of this try, or one from before.
enum Ended {
    Brought(Box<Brought>),
    Was(Box<RunRow>),
}

/// The variants under way.
struct Line<'a> {
    importer: &'a Importer<'a>,
    source: Source<'a>,
    read: VecDeque<Next>,
    /// The first thing that a run cannot pass; those under way are let to their end.
    failed: Option<Stop>,
    going: Going,
    /// How many were begun, and how many are noted, without a gap.
    fed: u64,
    through: u64,
    /// Ended before one that was begun earlier.
    ready: BTreeMap<u64, Ended>,
    notes: Notes,
    /// The run as it was last saved.
    saved: Run,
    looked_at: jiff::Timestamp,
}

impl Line<'_> {
    async fn run(&mut self, run: &mut Run) -> Result<Going, Stop> {
        let (importer, context) = (self.importer, self.importer.context);
        let mut under_way: FuturesUnordered<BoxFuture<'_, (u64, Result<Brought, Stop>)>> =
            FuturesUnordered::new();
        loop {
            while under_way.len() < limits::IMPORTS_AT_ONCE {
                let Some((place, next)) = self.next().await else { break };
                match next {
                    Next::Was(row) => {
                        self.ready.insert(place, Ended::Was(row));
                        self.drain(run);
                    }
                    Next::Bring(next) => under_way.push(Box::pin(async move {
                        let ToBring { variant, number, claims } = *next;
                        (place, importer.bring(variant, number, claims).await)
                    })),
                }
            }
            if under_way.is_empty() {
                break;
            }
            tokio::select! {
                Some((place, brought)) = under_way.next() => self.ended(place, brought, run)?,
                () = context.ports.clock.sleep(limits::RUN_LOOK) => {}
            }
            self.look(run).await;
            if self.failed.is_none()
                && self.notes.are_due(context.ports.now())
                && let Err(stop) = self.save(run).await
            {
                self.stop(stop);
            }
        }
        let stop = self.failed.take();
        // Whoever owns the job now saves what it does itself.
        let saved = if stop == Some(Stop::Fenced) { Ok(()) } else { self.save(run).await };
        if saved.is_err() {
            run.clone_from(&self.saved);
        }
        match stop {
            Some(stop) => Err(stop),
            None => saved.map(|()| self.going),
        }
    }

    /// The next to be begun, unless nothing more is to be.
    async fn next(&mut self) -> Option<(u64, Next)> {
        if self.failed.is_some()
            || self.going != Going::On
            || self.fed - self.through >= limits::IMPORT_WINDOW
        {
            return None;
        }
        while self.read.is_empty() {
            match self.source.read(&mut self.read).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(stop) => {
                    // What came before it is still brought by the next try.
                    self.stop(stop);
                    return None;
                }
            }
        }
        let place = self.fed;
        self.fed += 1;
        self.read.pop_front().map(|next| (place, next))
    }

    fn stop(&mut self, stop: Stop) {
        self.importer.over.cancel();
        self.failed.get_or_insert(stop);
    }

    fn ended(&mut self, place: u64, brought: Result<Brought, Stop>, run: &mut Run) -> Result<(), Stop> {
        match brought {
            Ok(brought) => {
                self.importer.context.held.got_further();
                self.notes.take(self.importer, &brought)?;
                self.ready.insert(place, Ended::Brought(Box::new(brought)));
                self.drain(run);
            }
            Err(stop) => self.stop(stop),
        }
        Ok(())
    }

    /// Counts all that are through without a gap.
    fn drain(&mut self, run: &mut Run) {
        while let Some(ended) = self.ready.remove(&self.through) {
            self.through += 1;
            match ended {
                Ended::Brought(brought) => count(run, brought.row),
                Ended::Was(row) => count(run, *row),
            }
        }
    }

    /// Looks, now and then, whether the run may go on.
    async fn look(&mut self, run: &Run) {
        let context = self.importer.context;
        let now = context.ports.now();
        let since = now.duration_since(self.looked_at).unsigned_abs();
        if since < limits::RUN_LOOK || self.going != Going::On {
            return;
        }
        self.looked_at = now;
        match context.look(&run.id).await {
            Ok(going) => self.going = going,
            Err(stop) => self.stop(stop),
        }
        if self.going != Going::On {
            self.importer.over.cancel();
        }
    }

    /// Saves what is through. If it cannot, the notes wait for the next time.
    async fn save(&mut self, run: &mut Run) -> Result<(), Stop> {
        self.notes.save(self.importer.context, run).await?;
        self.notes = Notes::default();
        self.saved.clone_from(run);
        Ok(())
    }
}
