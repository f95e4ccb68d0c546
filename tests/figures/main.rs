//! The figures that a promise was made about, measured on the machine at hand: how many webhooks the service takes
//! in, beside a bare handler in the same run, and what an idle worker costs; with the argument `freshness` how soon
//! every shop shows a change in Rackbeat, with `initial` what the initial sync takes, with `worker` how soon a worker is
//! ready and what hundreds cost at once. `tests/run figures` builds what ships and runs this; it is no test and no part
//! of the default run, since machines differ: the ratio is what counts.

#![recursion_limit = "512"] // a whole order is one json!
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on says so and ends; what it prints is what it is for"
)]

mod cost;
mod freshness;
mod genuine;
mod initial;
mod intake;
mod load;
mod numbers;
mod place;
mod told;
mod worker;
mod workers;
mod yardstick;

use tokio::runtime::Builder;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(yardstick::VERB) {
        let (redis, secret) = (arguments.next(), arguments.next());
        let (redis, secret) = redis.zip(secret).expect("the yardstick is told a Redis and a secret");
        // The runtime that the service has.
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(yardstick::serve(&redis, &secret));
        return;
    }
    place::clean_up_after_panics();
    if first.as_deref().is_some_and(|part| [freshness::VERB, initial::VERB].contains(&part)) {
        // Both remotes run in this process, and many shops.
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            if first.as_deref() == Some(initial::VERB) {
                initial::measure(arguments).await;
            } else {
                freshness::measure(arguments).await;
            }
        });
        return;
    }
    if first.as_deref() == Some(workers::VERB) {
        // The machine is left to the workers.
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(workers::measure(arguments));
        return;
    }
    let plan = intake::Plan::read(first.into_iter().chain(arguments));
    // One thread: the load must leave the machine to what is measured.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(&plan));
}

async fn run(plan: &intake::Plan) {
    let place = place::Place::start().await;
    let idle = worker::measure(&place).await;
    let intake = intake::measure(&place, plan).await;
    told::tell(plan, &idle, &intake);
}
