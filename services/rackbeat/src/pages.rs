//! Lists, page by page. There is no cursor: rows move between pages while one reads, and whether the asked-for
//! order is honoured shows only in the rows. So the rows are looked at, never the request.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::transport::{Request, failure};
use crate::wire::Listing;

/// The most rows a page can have (comment in the older SDK; a running client uses it).
pub(crate) const LARGEST_PAGE: u32 = 1000;
/// A list that loses rows while it is read is begun again this often.
const SCANS: usize = 3;
/// So many rows in a row must show an order before reading stops early because of it: that rows in no order do so
/// by chance has odds of one in 362 880.
const EVIDENCE: u32 = 8;

/// A list to be read.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// `GET /path` with ids left out.
    pub(crate) name: &'static str,
    pub(crate) path: String,
    /// The key of the rows.
    pub(crate) key: &'static str,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) limit: u32,
}

impl List {
    pub(crate) fn new(name: &'static str, path: impl Into<String>, key: &'static str) -> Self {
        Self { name, path: path.into(), key, query: Vec::new(), limit: LARGEST_PAGE }
    }

    pub(crate) fn query(mut self, key: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    pub(crate) fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

/// A row that has its place in an order of age.
pub(crate) trait Aged {
    /// What tells it from other rows.
    fn id(&self) -> u64;
    /// Rises with newer rows; `None` where the row does not tell.
    fn age_rank(&self) -> Option<i64>;
}

/// Which way ranks go, as far as the rows show it.
#[derive(Debug, Default)]
struct Trend {
    last: Option<i64>,
    falls: u32,
    rises: u32,
    blind: bool,
}

impl Trend {
    fn push(&mut self, rank: Option<i64>) {
        match (self.last, rank) {
            (_, None) => self.blind = true,
            (Some(last), Some(rank)) if rank < last => self.falls += 1,
            (Some(last), Some(rank)) if rank > last => self.rises += 1,
            _ => {}
        }
        self.last = rank.or(self.last);
    }

    fn only_rises(&self) -> bool {
        self.rises > 0 && self.falls == 0 && !self.blind
    }

    /// Whether the rows are seen to come newest first and have come below the floor. Equal rows, or a single one,
    /// show nothing.
    fn has_passed(&self, floor: Option<i64>) -> bool {
        let newest_first = self.falls >= EVIDENCE && self.rises == 0 && !self.blind;
        newest_first && matches!((self.last, floor), (Some(last), Some(floor)) if last < floor)
    }
}

/// What was read so far; a row that moved onto a later page is kept once.
struct Scan<T> {
    rows: Vec<T>,
    seen: HashSet<u64>,
    trend: Trend,
}

impl<T: Aged> Scan<T> {
    fn take(&mut self, rows: Vec<T>) {
        for row in rows {
            if self.seen.insert(row.id()) {
                self.trend.push(row.age_rank());
                self.rows.push(row);
            }
        }
    }
}

impl RackbeatClient {
    /// One page.
    pub(crate) async fn page<T: DeserializeOwned>(&self, list: &List, page: u64) -> Answer<Listing<T>> {
        let mut request = Request::get(list.name, list.path.as_str());
        for (key, value) in &list.query {
            request = request.query(key, value);
        }
        let request = request.query("page", &page).query("limit", &list.limit);
        self.send(request).await?.list(list.key)
    }

    /// All rows of a list that is short or whose order does not matter.
    pub(crate) async fn all<T: DeserializeOwned>(&self, list: &List) -> Answer<Vec<T>> {
        let first = self.page::<T>(list, 1).await?;
        let (mut rows, mut pages, mut page) = (first.rows, first.pages, 2);
        while page <= pages {
            match self.page::<T>(list, page).await {
                Ok(next) => {
                    rows.extend(next.rows);
                    pages = next.pages;
                }
                // A page past the end may be empty or 404: rows went away meanwhile.
                Err(gone) if gone.is_missing() => break,
                Err(other) => return Err(other),
            }
            page += 1;
        }
        Ok(rows)
    }

    /// At least all rows at or above `floor`, by their rank; everything without a floor. Ask for newest first in
    /// the list's query: if the rows show that it is honoured, reading stops below the floor; if they come oldest
    /// first, it is read from its end; else every page is read.
    pub(crate) async fn newest<T>(&self, list: &List, floor: Option<i64>) -> Answer<Vec<T>>
    where
        T: DeserializeOwned + Aged,
    {
        for _ in 0..SCANS {
            if let Some(rows) = self.scan(list, floor).await? {
                return Ok(rows);
            }
        }
        let busy = FailureKind::Busy { retry_after: None };
        Err(failure(busy, list.name, "rows keep disappearing while the list is read"))
    }

    /// `None`: rows went away between two pages, so that others may have slipped past.
    async fn scan<T>(&self, list: &List, floor: Option<i64>) -> Answer<Option<Vec<T>>>
    where
        T: DeserializeOwned + Aged,
    {
        let first = self.page::<T>(list, 1).await?;
        let (mut pages, mut total) = (first.pages, first.total);
        let mut scan = Scan { rows: Vec::new(), seen: HashSet::new(), trend: Trend::default() };
        scan.take(first.rows);
        if scan.trend.only_rises() && pages > 1 && self.read_from_end(list, pages, floor, &mut scan).await? {
            return Ok(Some(scan.rows));
        }
        let mut page = 2;
        while page <= pages && !scan.trend.has_passed(floor) {
            let next = match self.page::<T>(list, page).await {
                Err(gone) if gone.is_missing() => return Ok(None),
                answer => answer?,
            };
            if matches!((total, next.total), (Some(before), Some(now)) if now < before) {
                return Ok(None);
            }
            (pages, total) = (next.pages, next.total);
            scan.take(next.rows);
            page += 1;
        }
        Ok(Some(scan.rows))
    }

    /// Reads a list that comes oldest first from its last page on. Rows that go away move others onto pages that
    /// are still to be read, so nothing slips past. False: it does not come oldest first after all.
    async fn read_from_end<T>(
        &self,
        list: &List,
        pages: u64,
        floor: Option<i64>,
        scan: &mut Scan<T>,
    ) -> Answer<bool>
    where
        T: DeserializeOwned + Aged,
    {
        let mut oldest_so_far: Option<i64> = None;
        let mut evidence = scan.trend.rises;
        for page in (2..=pages).rev() {
            let rows = match self.page::<T>(list, page).await {
                Ok(listing) => listing.rows,
                Err(gone) if gone.is_missing() => continue,
                Err(other) => return Err(other),
            };
            let mut trend = Trend::default();
            rows.iter().for_each(|row| trend.push(row.age_rank()));
            let first = rows.first().and_then(Aged::age_rank);
            let overlaps = matches!((trend.last, oldest_so_far), (Some(last), Some(oldest)) if last > oldest);
            let newest_here = trend.last;
            let in_order = trend.falls == 0 && !trend.blind && !overlaps;
            evidence = evidence.saturating_add(trend.rises);
            scan.take(rows);
            if !in_order {
                return Ok(false);
            }
            oldest_so_far = first.or(oldest_so_far);
            let below = matches!((newest_here, floor), (Some(newest), Some(floor)) if newest < floor);
            if below && evidence >= EVIDENCE {
                break;
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
