//! Answers as tables, for people.

mod order;
mod replay;
mod run;
mod store;

pub(crate) use order::{order, parked_table};
pub(crate) use replay::replay;
pub(crate) use run::run;
pub(crate) use store::{report, stores_table, watch_table};
#[cfg(feature = "demo")]
pub(crate) use {
    order::state_cell,
    run::{counts_line, skipped_table},
    store::ledger_line,
};

#[cfg(test)]
mod tests;
