//! What people ask about runs of the initial sync.

use shopbeat_domain::ids::{StockLocation, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits;
use shopbeat_domain::ports::Family;
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan, RunRow};
use shopbeat_domain::store::{RECORD_VERSION, Store};

use super::Desk;
use crate::problem::{Problem, Violation};

impl Desk {
    /// Begins a run of the initial sync; if one is under way, that one is the answer.
    ///
    /// # Errors
    /// Unknown or paused store; a plan that would do nothing.
    pub async fn begin_run(&self, id: &StoreId, plan: RunPlan) -> Result<Run, Problem> {
        self.begin_run_named(id, plan, "").await
    }

    /// The same under a text of the caller's: if the run that was begun last bears it, that one is the answer, over or
    /// not, whatever the plan.
    ///
    /// # Errors
    /// Unknown or paused store; a plan that would do nothing; a text that is too long.
    pub async fn begin_run_named(&self, id: &StoreId, plan: RunPlan, token: &str) -> Result<Run, Problem> {
        if token.chars().count() > limits::RUN_TOKEN_LENGTH || token.contains(char::is_control) {
            let most = limits::RUN_TOKEN_LENGTH;
            let problem = format!("give at most {most} letters, none of them a control character");
            return Err(Problem::BadInput(vec![Violation::new("token", problem)]));
        }
        if !token.is_empty() {
            self.store(id).await?;
            let latest = self.ports.state.runs.latest_run(id).await?;
            if let Some(run) = latest.filter(|run| run.token == token) {
                return Ok(run);
            }
        }
        let store = self.writable(id).await?;
        if !plan.products && !plan.stock {
            let problem = "choose products, stock or both; a run that brings neither does nothing";
            return Err(Problem::BadInput(vec![Violation::new("products", problem)]));
        }
        if let Some(location) = plan.location {
            self.check_location(&store, location).await?;
        }
        let now = self.ports.now();
        let run = Run {
            version: RECORD_VERSION,
            id: self.ports.new_id(),
            store: store.id,
            token: token.to_owned(),
            plan,
            phase: RunPhase::Queued,
            failure: None,
            bulk: None,
            cursor: None,
            counts: RunCounts::default(),
            estimate: None,
            importing_since: None,
            skipped: Vec::new(),
            started_at: now,
            updated_at: now,
        };
        Ok(self.ports.state.runs.begin_run(&run, now).await?)
    }

    /// A run; without an id the one that was begun last.
    ///
    /// # Errors
    /// Unknown store or run.
    pub async fn run(&self, id: &StoreId, run: Option<&str>) -> Result<Run, Problem> {
        self.store(id).await?;
        let found = match run {
            Some(run) => self.ports.state.runs.run(id, run).await?,
            None => self.ports.state.runs.latest_run(id).await?,
        };
        found.ok_or_else(|| Problem::Unknown { what: "run", name: run.unwrap_or("latest").to_owned() })
    }

    /// Ends a run; without an id the one that was begun last. What was brought over stays; one that is over stays as
    /// it is. Its worker ends it within moments.
    ///
    /// # Errors
    /// Unknown store or run.
    pub async fn cancel_run(&self, id: &StoreId, run: Option<&str>) -> Result<Run, Problem> {
        let run = self.run(id, run).await?;
        if run.is_over() {
            return Ok(run);
        }
        self.ports.state.runs.cancel_run(id, &run.id).await?;
        tracing::info!(store.id = %id, run.id, "the end of the initial sync was asked for");
        self.run(id, Some(&run.id)).await
    }

    /// Lines of the report of the run that was begun last, after a key of [`RunRow`]s, with that run.
    ///
    /// # Errors
    /// Unknown store; no run, or another than the last was asked for: the rows of those are gone.
    pub async fn run_rows(
        &self,
        id: &StoreId,
        run: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Run, Vec<RunRow>), Problem> {
        let latest = self.run(id, None).await?;
        if let Some(asked) = run.filter(|asked| *asked != latest.id) {
            let name = format!("{asked}: only the rows of the last run, {}, are kept", latest.id);
            return Err(Problem::Unknown { what: "run", name });
        }
        let family = Family::RunReport(id.clone());
        let page = self.ports.state.records.page(&family, after, limit).await?;
        let rows = page.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
        Ok((latest, rows))
    }

    async fn check_location(&self, store: &Store, location: StockLocation) -> Result<(), Problem> {
        let erp = self.ports.remotes.erp(&store.agreement, Lane::Order).await?;
        let known = erp.locations().await?;
        if known.iter().any(|known| known.number == location) {
            return Ok(());
        }
        let known: Vec<String> = known.iter().map(|known| known.number.to_string()).collect();
        let problem = format!("Rackbeat has no location {location}; it has {}", known.join(", "));
        Err(Problem::BadInput(vec![Violation::new("location", problem)]))
    }
}
