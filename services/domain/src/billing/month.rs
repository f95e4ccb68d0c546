//! Months of bills, and where their days begin.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::ids::BadId;

/// Europe/Copenhagen as a rule instead of a name: the image has no time zone files. The rule is the European Union's
/// since 1996: forward on the last Sunday of March, back on the last Sunday of October, both at 01:00 UTC.
static COPENHAGEN: LazyLock<TimeZone> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a literal; every test of this module reads it")]
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule of POSIX")
});

/// A month in Europe/Copenhagen; written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    first: Date,
}

impl Month {
    /// The month in which a moment lies.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self { first: at.to_zoned(COPENHAGEN.clone()).date().first_of_month() }
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> u32 {
        u32::from(self.first.days_in_month().unsigned_abs())
    }

    /// When it begins.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        midnight(self.first)
    }

    /// When the next one begins.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.midnights().pop().unwrap_or(Timestamp::MAX)
    }

    /// When each of its days begins, and last, when it ends.
    pub(super) fn midnights(self) -> Vec<Timestamp> {
        let days = (0..=self.days()).map(|day| self.first.saturating_add(i64::from(day).days()));
        days.map(midnight).collect()
    }
}

/// When a day begins. Copenhagen's clocks jump at 02:00 and 03:00: there is one midnight each day.
fn midnight(day: Date) -> Timestamp {
    day.to_zoned(COPENHAGEN.clone()).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            what: "month",
            text: text.chars().take(40).collect(),
            allowed: "a month from 2000-01 to 2999-12, such as 2026-11",
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text
            .split_once('-')
            .filter(|(year, month)| year.len() == 4 && month.len() == 2 && digits(year) && digits(month))
            .ok_or_else(bad)?;
        let year = year.parse().ok().filter(|year| (2000..3000).contains(year)).ok_or_else(bad)?;
        let first = month.parse().ok().and_then(|month| Date::new(year, month, 1).ok()).ok_or_else(bad)?;
        Ok(Self { first })
    }
}
