//! A bill as CSV.

use std::fmt::Write as _;

use shopbeat_domain::billing::{Bill, BillLine};

/// The columns; new ones are only ever added at the end.
const HEADER: [&str; 15] = [
    "agreement",
    "month",
    "until",
    "store",
    "shop",
    "connected_at",
    "days",
    "days_paused",
    "days_free",
    "days_billed",
    "amount",
    "currency",
    "place_paid",
    "ended_at",
    "events",
];

/// A bill as CSV: a header and a line for each store, in order of connection; the sum of the amounts is the total.
/// Times in UTC, amounts with a decimal point, `events` as `time event` with semicolons between.
#[must_use]
pub fn csv(bill: &Bill) -> String {
    let mut text = String::new();
    row(&mut text, &HEADER.map(ToOwned::to_owned));
    for line in &bill.lines {
        row(&mut text, &cells(bill, line));
    }
    text
}

fn cells(bill: &Bill, line: &BillLine) -> [String; HEADER.len()] {
    let events: Vec<_> = line.events.iter().map(|(at, event)| format!("{at} {}", event.name())).collect();
    [
        bill.agreement.to_string(),
        bill.month.to_string(),
        bill.until.to_string(),
        line.store.to_string(),
        line.shop.to_string(),
        line.connected_at.to_string(),
        line.days.to_string(),
        line.days_paused.to_string(),
        line.days_free.to_string(),
        line.days_billed.to_string(),
        line.amount.to_string(),
        bill.terms.currency().to_string(),
        line.place_paid.to_string(),
        line.ended_at.map(|at| at.to_string()).unwrap_or_default(),
        events.join("; "),
    ]
}

fn row(text: &mut String, cells: &[String; HEADER.len()]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        // Quoted by the rules of RFC 4180.
        if cell.contains([',', '"', '\n', '\r']) {
            let _written = write!(text, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            text.push_str(cell);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_separator_or_a_quote_is_quoted() {
        let mut text = String::new();
        let mut cells: [String; HEADER.len()] = Default::default();
        cells[0] = "a,b".to_owned();
        cells[1] = "say \"no\"".to_owned();
        cells[2] = "two\nlines".to_owned();
        row(&mut text, &cells);
        assert_eq!(text, "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,,,,,,,,,,,\n");
    }
}
