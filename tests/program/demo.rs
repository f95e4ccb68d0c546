//! What the README promises a stranger.

use shopbeat_tests::{LONG, Process, Redis, Service, StateAt};

async fn demo(more: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    // The demo has a state of its own.
    let service = Service::new(StateAt::Memory, dir.path().to_owned());
    let mut command = service.command("demo");
    command.env_remove("SHOPBEAT_STATE").args(["--orders", "40", "--seed", "7"]).args(more);
    let mut process = Process::start("demo", command, dir.path());
    let status = process.end(LONG).await;
    assert!(status.success(), "{status}");
    let told = process.log();
    assert!(told.contains("#10") && told.to_lowercase().contains("ledger"), "{told}");
    assert!(!told.contains("panicked at"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_of_the_readme_ends_well() {
    demo(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_well_on_redis() {
    let redis = Redis::start().await;
    let url = format!("redis://{}/0", redis.address());
    demo(&["--redis-url", &url]).await;
}
