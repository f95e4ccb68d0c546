//! Lists that a caller reads page by page, by the rows' item numbers.
//!
//! There is no cursor: an item that goes away moves all that follow it one place forward, and one of them onto the
//! page that was read already. The list's `total` shows that; the pages before are then read again. What cannot be
//! seen is an item that goes away while another comes: the next sweep finds what slipped past then.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::pages::List;

/// A row that is told from others by an item number.
pub(crate) trait Keyed {
    /// The number as the row has it.
    fn number(&self) -> &str;
}

/// Where a reader of a list is: the last page it got.
#[derive(Debug, Clone)]
struct Walk {
    page: u64,
    /// Rows in all, where told.
    total: Option<u64>,
    /// Rows on that page.
    size: u64,
    seen: HashSet<String>,
}

impl Walk {
    /// So many pages must be read again, if there are so many rows in all now.
    fn slipped(&self, total: Option<u64>) -> u64 {
        match (self.total, total) {
            (Some(before), Some(now)) if now < before => (before - now).div_ceil(self.size.max(1)),
            _ => 0,
        }
    }
}

/// Where the readers of one handle are, by what they read.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    lists: Mutex<HashMap<&'static str, Walk>>,
    /// Of the list of all stock: how many pages its products had.
    turn: Mutex<Option<u64>>,
}

impl Walks {
    fn before(&self, reader: &str, page: u64) -> Option<Walk> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(reader).filter(|walk| walk.page + 1 == page).cloned()
    }

    fn keep(&self, reader: &'static str, walk: Walk) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(reader, walk);
    }

    /// Whether the page before this one was the reader's last.
    pub(crate) fn is_at(&self, reader: &str, page: u64) -> bool {
        self.before(reader, page).is_some()
    }

    pub(crate) fn turn(&self) -> Option<u64> {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_turn(&self, pages: Option<u64>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = pages;
    }
}

/// A page, with what slipped onto the pages before.
#[derive(Debug)]
pub(crate) struct Step<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) page: u64,
    /// How many pages there are; `None`: this one is past the end and does not tell.
    pub(crate) pages: Option<u64>,
}

impl<T> Step<T> {
    pub(crate) fn is_last(&self) -> bool {
        self.pages.is_none_or(|pages| self.page >= pages)
    }

    /// The next page, as the ports tell it.
    pub(crate) fn next(&self) -> Option<String> {
        (!self.is_last()).then(|| (self.page + 1).to_string())
    }
}

impl RackbeatClient {
    /// One page for a reader that asks for page after page. No row comes twice on two pages in a row.
    pub(crate) async fn step<T>(&self, reader: &'static str, list: &List, page: u64) -> Answer<Step<T>>
    where
        T: DeserializeOwned + Keyed,
    {
        let before = self.walks.before(reader, page);
        let (mut rows, pages, total) = match self.page::<T>(list, page).await {
            // A page past the end may be empty or 404.
            Err(gone) if gone.is_missing() && page > 1 => (Vec::new(), None, None),
            answer => answer.map(|listing| (listing.rows, Some(listing.pages), listing.total))?,
        };
        let size = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let mut seen: HashSet<String> = rows.iter().map(|row| row.number().to_owned()).collect();
        if let Some(before) = before {
            // Where there was to be a page and there is none, at least one row slipped past.
            let again = before.slipped(total).max(u64::from(pages.is_none()));
            // Backwards: what moves on meanwhile moves onto a page that is still to be read.
            for back in (page.saturating_sub(again).max(1)..page).rev() {
                match self.page::<T>(list, back).await {
                    Err(gone) if gone.is_missing() => {}
                    answer => rows.extend(answer?.rows),
                }
            }
            let mut told = before.seen;
            rows.retain(|row| told.insert(row.number().to_owned()));
            seen.extend(rows.iter().map(|row| row.number().to_owned()));
        }
        self.walks.keep(reader, Walk { page, total, size, seen });
        Ok(Step { rows, page, pages })
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
