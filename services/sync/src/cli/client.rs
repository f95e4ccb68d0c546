//! The way to the service.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use shopbeat_proto::v1::sync_service_client::SyncServiceClient;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use super::failure::{Exit, Failed};
use crate::options::ClientOptions;

/// The service's client.
pub type Api = SyncServiceClient<InterceptedService<Channel, Bearer>>;

/// A service that does not answer within this is away.
const CONNECT: Duration = Duration::from_secs(5);
/// A page of 500 orders with their reasons is far below this.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Adds the bearer token to each call.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    fn new(token: Option<&SecretString>) -> Result<Self, Failed> {
        let Some(token) = token else { return Ok(Self(None)) };
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.expose_secret().trim())
            .parse()
            .map_err(|_| Failed::new(Exit::Usage, "the token holds characters that no token has"))?;
        // Then no Debug shows it.
        value.set_sensitive(true);
        Ok(Self(Some(value)))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Connects to the service.
///
/// # Errors
/// An address or a token that cannot stand; nobody answers there.
pub async fn connect(options: &ClientOptions) -> Result<Api, Failed> {
    let bearer = Bearer::new(options.token.as_ref())?;
    let bad = |_| {
        Failed::new(
            Exit::Usage,
            format!("--addr {} is no address such as http://127.0.0.1:50051", options.addr),
        )
    };
    let mut endpoint = Endpoint::from_shared(options.addr.clone()).map_err(bad)?.connect_timeout(CONNECT);
    if options.addr.starts_with("https:") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(bad)?;
    }
    let away = |error: tonic::transport::Error| {
        let why =
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source()).last();
        let why = why.map(ToString::to_string).unwrap_or_default();
        let text =
            format!("no service answers at {} ({why}); is `shopbeat serve` running there?", options.addr);
        Failed::new(Exit::Unavailable, text)
    };
    let channel = endpoint.connect().await.map_err(away)?;
    let service = InterceptedService::new(channel, bearer);
    let api = SyncServiceClient::new(service).accept_compressed(CompressionEncoding::Gzip);
    Ok(api.max_decoding_message_size(LARGEST_ANSWER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Output;

    fn options(addr: &str, token: Option<&str>) -> ClientOptions {
        let token = token.map(SecretString::from);
        ClientOptions { addr: addr.to_owned(), token, output: Output::Table }
    }

    #[test]
    fn the_token_is_never_shown() {
        let token = SecretString::from("very-secret");
        let bearer = Bearer::new(Some(&token)).unwrap();
        assert!(!format!("{bearer:?} {:?}", options("x", Some("very-secret"))).contains("very-secret"));
        let refused = Bearer::new(Some(&SecretString::from("very-secret\n\u{1}"))).unwrap_err();
        assert!(!format!("{refused:?}{refused}").contains("very-secret"));
    }

    #[tokio::test]
    async fn a_service_that_is_away_is_told_with_its_address() {
        // A listener that is gone again: the port was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let failed = connect(&options(&format!("http://127.0.0.1:{port}"), None)).await.unwrap_err();
        assert_eq!(failed.exit(), Exit::Unavailable);
        assert!(failed.to_string().contains(&port.to_string()), "{failed}");
        assert_eq!(connect(&options("no address", None)).await.unwrap_err().exit(), Exit::Usage);
    }
}
