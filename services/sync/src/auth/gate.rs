//! The gate in front of the API: knows the caller by their token, turns away whose role is too low, and answers a
//! passed deadline itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument as _;

use super::{Caller, Deadline, Role, Rpc, Tokens};
use crate::grpc::status;
use crate::metrics::Metrics;

/// A service behind the gate. With no tokens everyone is an operator.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    tokens: Option<Arc<Tokens>>,
    metrics: Metrics,
}

impl<S> Gate<S> {
    /// Puts a service behind the gate.
    #[must_use]
    pub fn new(inner: S, tokens: Option<Arc<Tokens>>, metrics: Metrics) -> Self {
        Self { inner, tokens, metrics }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone is the one that was polled ready.
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        let rpc = Rpc::of(request.uri().path());
        let deadline = Deadline::of(request.headers());
        let metrics = self.metrics.clone();
        let name = rpc.map_or("unknown", Rpc::name);
        let unknown = tracing::field::Empty;
        let span = tracing::info_span!("rpc", rpc.name = name, caller.name = unknown, store.id = unknown);
        let admitted = span.in_scope(|| admit(self.tokens.as_deref(), request.headers(), rpc));
        let work = async move {
            let begun = Instant::now();
            let response = match admitted {
                Err(status) => status.into_http(),
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    request.extensions_mut().insert(deadline);
                    match tokio::time::timeout_at(deadline.at(), inner.call(request)).await {
                        Ok(response) => response?,
                        Err(_) => too_late().into_http(),
                    }
                }
            };
            let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
            metrics.rpc(name, code, begun.elapsed());
            // Changes and refusals are told; looking is not worth a line.
            if code != Code::Ok || rpc.is_some_and(|rpc| rpc.least() > Role::Reader) {
                tracing::info!(rpc.code = ?code, "answered");
            }
            Ok(response)
        };
        Box::pin(work.instrument(span))
    }
}

fn too_late() -> Status {
    status::refuse(
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "the deadline passed; what was begun may still be done",
    )
}

fn admit(tokens: Option<&Tokens>, headers: &HeaderMap, rpc: Option<Rpc>) -> Result<Caller, Status> {
    let caller = match tokens {
        None => Caller::anyone(),
        Some(tokens) => known(tokens, headers)?,
    };
    // Whose role is too low is worth knowing, too.
    tracing::Span::current().record("caller.name", caller.name.as_str());
    match rpc {
        // A call that is not there answers UNIMPLEMENTED further in.
        None => Ok(caller),
        Some(rpc) if caller.role >= rpc.least() => Ok(caller),
        Some(rpc) => {
            let needed = format!(
                "{} needs the role {}; the token's is {}",
                rpc.name(),
                rpc.least().name(),
                caller.role.name()
            );
            Err(status::refuse(Code::PermissionDenied, "ROLE_TOO_LOW", needed))
        }
    }
}

fn known(tokens: &Tokens, headers: &HeaderMap) -> Result<Caller, Status> {
    let token = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        None => Err(status::refuse(
            Code::Unauthenticated,
            "TOKEN_MISSING",
            "send `authorization: Bearer <token>`",
        )),
        Some(token) => tokens.caller(token).cloned().ok_or_else(|| {
            status::refuse(Code::Unauthenticated, "TOKEN_UNKNOWN", "the token opens nothing here")
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FILE: &str = r#"[
        {"name": "r", "token": "reader-reader-reader", "role": "reader", "agreements": ["acme"]},
        {"name": "s", "token": "support-support-support", "role": "support", "agreements": ["acme"]},
        {"name": "o", "token": "operator-operator-operator", "role": "operator", "agreements": ["*"]}
    ]"#;

    fn tokens() -> Option<Arc<Tokens>> {
        Some(Arc::new(Tokens::parse(FILE.as_bytes()).unwrap()))
    }

    #[derive(Clone)]
    struct Slow(Duration);

    impl Service<Request<Body>> for Slow {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, request: Request<Body>) -> Self::Future {
            assert!(request.extensions().get::<Caller>().is_some(), "whoever gets in has a name");
            let wait = self.0;
            Box::pin(async move {
                tokio::time::sleep(wait).await;
                Ok(Status::ok("").into_http())
            })
        }
    }

    async fn call(tokens: Option<Arc<Tokens>>, path: &str, headers: &[(&str, &str)], wait: Duration) -> Code {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut gate = Gate::new(Slow(wait), tokens, Metrics::new());
        let response = gate.call(request.body(Body::empty()).unwrap()).await.unwrap();
        Status::from_header_map(response.headers()).unwrap().code()
    }

    #[tokio::test]
    async fn every_call_is_tried_with_every_role() {
        let roles = [
            (Role::Reader, "Bearer reader-reader-reader"),
            (Role::Support, "bearer support-support-support"),
            (Role::Operator, "Bearer operator-operator-operator"),
        ];
        for rpc in Rpc::ALL {
            for (role, header) in roles {
                let expected = if role >= rpc.least() { Code::Ok } else { Code::PermissionDenied };
                let got = call(tokens(), &rpc.path(), &[("authorization", header)], Duration::ZERO).await;
                assert_eq!(got, expected, "{} as {}", rpc.name(), role.name());
            }
            for header in [
                "Bearer wrong-wrong-wrong-wrong",
                "Bearer ",
                "Basic reader-reader-reader",
                "reader-reader-reader",
            ] {
                let got = call(tokens(), &rpc.path(), &[("authorization", header)], Duration::ZERO).await;
                assert_eq!(got, Code::Unauthenticated, "{} with {header}", rpc.name());
            }
            assert_eq!(call(tokens(), &rpc.path(), &[], Duration::ZERO).await, Code::Unauthenticated);
            assert_eq!(call(None, &rpc.path(), &[], Duration::ZERO).await, Code::Ok, "authentication is off");
        }
    }

    #[tokio::test]
    async fn a_call_that_is_not_there_needs_a_token_too() {
        let path = "/shopbeat.sync.v1.SyncService/Nonsense";
        assert_eq!(call(tokens(), path, &[], Duration::ZERO).await, Code::Unauthenticated);
    }

    #[tokio::test(start_paused = true)]
    async fn a_passed_deadline_is_deadline_exceeded() {
        let path = Rpc::GetStore.path();
        let headers = [("grpc-timeout", "100m")];
        assert_eq!(call(None, &path, &headers, Duration::from_secs(5)).await, Code::DeadlineExceeded);
        assert_eq!(call(None, &path, &headers, Duration::from_millis(5)).await, Code::Ok);
    }
}
