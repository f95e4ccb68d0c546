//! Answers as tables, for people.

mod order;
mod run;
mod store;

pub(crate) use order::{order, parked_table, state_cell};
pub(crate) use run::{counts_line, run, skipped_table};
pub(crate) use store::{ledger_line, report, stores_table};

#[cfg(test)]
mod tests;
