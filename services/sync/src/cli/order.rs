//! `shopbeat order …`.

use std::time::Duration;

use clap::{Args, Subcommand};
use shopbeat_proto::v1;
use tonic::Request;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::Out;
use super::{client, json, show, words};
use crate::options::{ClientOptions, Output};

/// Shopify's ids have thirteen digits; no shop has counted its orders that far.
const ID_DIGITS: usize = 12;

/// `shopbeat order …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct OrderArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: OrderCommand,
}

#[derive(Debug, Subcommand)]
enum OrderCommand {
    /// Transfer one order now, ahead of others, and wait for it; asked again it gives the same number.
    #[command(after_help = EXIT_CODES)]
    Transfer(TransferArgs),
    /// Show all that is known of one order: steps, remarks, the proof of its money.
    #[command(after_help = EXIT_CODES)]
    Show(OrderName),
}

#[derive(Debug, Args)]
struct OrderName {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// The order: its name such as `#1042` or `1042`, or Shopify's id (twelve digits or more).
    #[arg(value_name = "ORDER")]
    order: String,
}

#[derive(Debug, Args)]
struct TransferArgs {
    #[command(flatten)]
    name: OrderName,
    /// Transfer even if the trigger is not reached or the order is older than the start.
    #[arg(long)]
    force: bool,
    /// Wait at most so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
}

/// Which order is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// By Shopify's id.
    Id(u64),
    /// By its name.
    Name(String),
}

impl Ask {
    /// Reads an order as a person gives it.
    pub(super) fn read(text: &str) -> Self {
        let digits = text.strip_prefix("gid://shopify/Order/").unwrap_or(text);
        let long = digits.len() >= ID_DIGITS || digits.len() < text.len();
        match digits.parse() {
            Ok(id) if long => Self::Id(id),
            _ => Self::Name(text.to_owned()),
        }
    }
}

/// Runs one of the commands.
pub(super) async fn run(args: &OrderArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    match &args.command {
        OrderCommand::Transfer(transfer) => {
            let mut request = Request::new(transfer_request(transfer));
            request.set_timeout(Duration::from_secs(transfer.wait));
            let answer = api.transfer_order(request).await?.into_inner();
            match output {
                Output::Json => out.json(&json::progress(&answer)),
                Output::Table => out.line(told(&answer)),
            }
            in_time(&answer)
        }
        OrderCommand::Show(name) => {
            use v1::get_transfer_request::Order;
            let order = match Ask::read(&name.order) {
                Ask::Id(id) => Order::OrderId(id),
                Ask::Name(text) => Order::OrderName(text),
            };
            let request = v1::GetTransferRequest { store_id: name.store.clone(), order: Some(order) };
            let answer = api.get_transfer(request).await?.into_inner();
            let transfer = answer.transfer.unwrap_or_default();
            match output {
                Output::Json => out.json(&json::transfer(&transfer)),
                Output::Table => show::order(out, &transfer),
            }
            Ok(())
        }
    }
}

fn transfer_request(args: &TransferArgs) -> v1::TransferOrderRequest {
    use v1::transfer_order_request::Order;
    let order = match Ask::read(&args.name.order) {
        Ask::Id(id) => Order::OrderId(id),
        Ask::Name(text) => Order::OrderName(text),
    };
    v1::TransferOrderRequest { store_id: args.name.store.clone(), order: Some(order), force: args.force }
}

fn told(answer: &v1::TransferOrderResponse) -> String {
    let name =
        if answer.order_name.is_empty() { answer.order_id.to_string() } else { answer.order_name.clone() };
    let waits = if answer.waiting_for_stock { ", waiting for stock" } else { "" };
    let reached = words::or_dash(words::reached(answer.reached));
    let state = words::or_dash(words::state(answer.state));
    match answer.rackbeat_order_number {
        Some(number) => format!("{name}: {state}, Rackbeat order {number}, {reached}{waits}"),
        None => format!("{name}: {state}"),
    }
}

/// An order that is still on its way when the time is up is told by the exit code too.
fn in_time(answer: &v1::TransferOrderResponse) -> Result<(), Failed> {
    if answer.state == i32::from(v1::OrderState::Pending) {
        return Err(Failed::new(Exit::Unavailable, "the time is up; the order goes on, ask again"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_told_apart() {
        for name in ["#1042", "1042", "#1042-A", "NO123456789012"] {
            assert_eq!(Ask::read(name), Ask::Name(name.to_owned()));
        }
        assert_eq!(Ask::read("6123456789012"), Ask::Id(6_123_456_789_012));
        assert_eq!(Ask::read("gid://shopify/Order/77"), Ask::Id(77));
    }

    #[test]
    fn an_order_that_is_not_done_in_time_is_told_by_the_exit_code() {
        let mut answer = v1::TransferOrderResponse {
            order_id: 7,
            state: v1::OrderState::Pending.into(),
            ..v1::TransferOrderResponse::default()
        };
        assert_eq!(in_time(&answer).unwrap_err().exit(), Exit::Unavailable);
        answer.state = v1::OrderState::Transferred.into();
        answer.rackbeat_order_number = Some(1001);
        answer.reached = v1::Reached::Booked.into();
        assert!(in_time(&answer).is_ok());
        assert_eq!(told(&answer), "7: transferred, Rackbeat order 1001, booked");
    }
}
