use std::time::{Duration, Instant};

use shopbeat_domain::ports::Lease;

use crate::bench::{Bench, on_every_engine};
use crate::server::DEADLINE;

on_every_engine!(a_lease_has_one_holder_at_a_time, a_lease_that_ran_out_goes_to_the_next_with_a_higher_fence,);

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

async fn a_lease_has_one_holder_at_a_time(bench: Bench) {
    let leases = &bench.state.leases;
    assert_eq!(leases.holder("worker/acme").await.unwrap(), None);
    let lease = leases.take("worker/acme", "one", LONG).await.unwrap().unwrap();
    assert_eq!(leases.take("worker/acme", "two", LONG).await.unwrap(), None);
    assert_eq!(leases.holder("worker/acme").await.unwrap(), Some("one".to_owned()));
    let same = leases.take("worker/acme", "one", LONG).await.unwrap();
    assert_eq!(same.as_ref(), Some(&lease), "taking what one has renews it");
    assert!(leases.renew(&lease, LONG).await.unwrap());
    let forged = Lease { owner: "two".to_owned(), ..lease.clone() };
    assert!(!leases.renew(&forged, LONG).await.unwrap());
    leases.free(&forged).await.unwrap();
    assert_eq!(leases.take("worker/acme", "two", LONG).await.unwrap(), None);
    leases.free(&lease).await.unwrap();
    let next = leases.take("worker/acme", "two", LONG).await.unwrap().unwrap();
    assert!(next.fence > lease.fence);
    assert!(leases.take("worker/other", "three", LONG).await.unwrap().is_some(), "another name is free");
}

async fn a_lease_that_ran_out_goes_to_the_next_with_a_higher_fence(bench: Bench) {
    let leases = &bench.state.leases;
    let late = leases.take("worker/acme", "one", SHORT).await.unwrap().unwrap();
    let started = Instant::now();
    let next = loop {
        if let Some(next) = leases.take("worker/acme", "two", LONG).await.unwrap() {
            break next;
        }
        assert!(started.elapsed() < DEADLINE, "the lease never ran out");
        // Redis counts by its own clock, the embedded engine by ours.
        bench.advance(1);
    };
    assert!(next.fence > late.fence);
    assert!(!leases.renew(&late, LONG).await.unwrap());
    leases.free(&late).await.unwrap();
    assert_eq!(leases.holder("worker/acme").await.unwrap(), Some("two".to_owned()), "compare, then delete");
    // The same owner comes back as a new holder.
    leases.free(&next).await.unwrap();
    let back = leases.take("worker/acme", "one", LONG).await.unwrap().unwrap();
    assert!(back.fence > next.fence);
    assert!(!leases.renew(&late, LONG).await.unwrap(), "same owner, older fence");
}
