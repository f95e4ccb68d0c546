//! Whether a journal is as it was written.
//!
//! Each entry's seal is keyed and holds the seal before: who does not have the key cannot change, leave out, insert or
//! reorder entries. Cutting off the end leaves a good, shorter chain: that shows only against a [`JournalHead`] that
//! was kept elsewhere (sealed beside the credentials, in the log, on an earlier bill).

use std::fmt;
use std::str::FromStr;

use super::BillingEntry;
use crate::ids::BadId;

/// How far a journal had come: its length and the seal of its last entry. Written `12:seal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalHead {
    /// How many entries there were.
    pub entries: u64,
    /// The seal of the last.
    pub seal: String,
}

impl JournalHead {
    /// The head of a journal; `None` if it is empty.
    #[must_use]
    pub fn of(entries: &[BillingEntry]) -> Option<Self> {
        entries
            .iter()
            .max_by_key(|entry| entry.number)
            .map(|last| Self { entries: last.number, seal: last.seal.clone() })
    }
}

impl fmt::Display for JournalHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entries, self.seal)
    }
}

impl FromStr for JournalHead {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let (entries, seal) = text.split_once(':').unwrap_or_default();
        match entries.parse() {
            Ok(entries) if entries > 0 && !seal.is_empty() => Ok(Self { entries, seal: seal.to_owned() }),
            _ => Err(BadId {
                what: "head of a billing journal",
                text: text.chars().take(40).collect(),
                allowed: "a number of entries, a colon and a seal",
            }),
        }
    }
}

/// What is wrong with a journal, at the first entry where it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Another number was due here: an entry is missing, doubled or out of its place.
    #[error(
        "where entry {due} of the journal should be is number {found}: entries were left out, inserted or reordered"
    )]
    Number {
        /// The number that was due.
        due: u64,
        /// The number that is there.
        found: u64,
    },
    /// This entry's seal does not fit: it, or what comes before it, is not what was written.
    #[error("entry {number} of the journal does not fit its seal: it was changed, or one before it was")]
    Seal {
        /// The entry.
        number: u64,
    },
    /// There were more entries once.
    #[error("the journal ends with entry {found}, and had {known} once: its end was cut off")]
    CutOff {
        /// So many there were.
        known: u64,
        /// So many there are.
        found: u64,
    },
    /// What was kept of the journal's head cannot be opened or read.
    #[error(
        "what was kept of the head of the journal cannot be read: whether its end was cut off is not known"
    )]
    Head,
    /// The entry that was once the last is another now: the journal was written anew.
    #[error("entry {number} of the journal is not the one that was last once: the journal was written anew")]
    Rewritten {
        /// The entry.
        number: u64,
    },
}

/// Checks a journal, oldest entry first, against its seals and against a head that was kept elsewhere.
/// `fits(text, seal)` tells whether this is the seal of that text.
///
/// # Errors
/// The first flaw.
pub fn check(
    entries: &[BillingEntry],
    head: Option<&JournalHead>,
    fits: impl Fn(&str, &str) -> bool,
) -> Result<(), Flaw> {
    let mut before = "";
    for (due, entry) in (1..).zip(entries) {
        if entry.number != due {
            return Err(Flaw::Number { due, found: entry.number });
        }
        if !fits(&entry.sealed_text(before), &entry.seal) {
            return Err(Flaw::Seal { number: due });
        }
        if head.is_some_and(|head| head.entries == due && head.seal != entry.seal) {
            return Err(Flaw::Rewritten { number: due });
        }
        before = &entry.seal;
    }
    let found = entries.last().map_or(0, |last| last.number);
    match head {
        Some(head) if head.entries > found => Err(Flaw::CutOff { known: head.entries, found }),
        _ => Ok(()),
    }
}
