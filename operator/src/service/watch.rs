//! The stream of all stores' statuses, begun anew whenever it ends.

use std::time::Duration;

use futures::StreamExt as _;
use shopbeat_proto::v1::WatchStoresRequest;
use tonic::{Request, Status};

use super::{Change, Service, Shelf};
use crate::backoff;

/// The longest wait for the stream: a service that came back is noticed within it.
const LONGEST: Duration = Duration::from_secs(15);
/// The stream's first answer must come within this, be it an empty one.
const FIRST: Duration = Duration::from_secs(30);

/// Something to be told about the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEnd {
    /// It told something.
    Told(Change),
    /// It broke off.
    Broke,
}

/// Follows the stream for as long as it is polled, and tells each change.
pub async fn follow(service: Service, shelf: Shelf, tell: impl Fn(WatchEnd)) {
    let mut failures = 0;
    loop {
        let mut complete = false;
        let ended = once(&service, &shelf, &mut |change: Change| {
            complete |= change.complete;
            tell(WatchEnd::Told(change));
        })
        .await;
        service.metrics.streaming(false);
        shelf.broke();
        tell(WatchEnd::Broke);
        failures = if complete { 1 } else { failures + 1 };
        let wait = backoff::wait("stream", failures).min(LONGEST);
        match ended {
            // The service ends streams when it is rolled out.
            Ok(()) => tracing::info!(?wait, "the service ended the stream; it is begun anew"),
            Err(status) => {
                if status.code() == tonic::Code::Unauthenticated {
                    service.token.forget();
                }
                tracing::warn!(
                    code = ?status.code(), message = status.message(), ?wait, "the service's stream broke off"
                );
            }
        }
        tokio::time::sleep(wait).await;
    }
}

async fn once(service: &Service, shelf: &Shelf, tell: &mut impl FnMut(Change)) -> Result<(), Status> {
    let mut api = service.api.clone();
    let asked = api.watch_stores(Request::new(WatchStoresRequest::default()));
    let away = |_| Status::deadline_exceeded("no answer in time");
    let mut stream = tokio::time::timeout(FIRST, asked).await.map_err(away)??.into_inner();
    let mut told = Vec::new();
    while let Some(answer) = stream.next().await {
        let change = shelf.take(answer?, &mut told);
        if change.complete {
            tracing::info!("the service has told of all its stores");
            service.metrics.streaming(true);
        }
        tell(change);
    }
    Ok(())
}
