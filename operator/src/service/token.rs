//! The bearer token for the service, read anew from its file: whoever mounts it may exchange it at any time.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// A token that was read is good for this long; a thousand stores that start together read it once.
const FRESH: Duration = Duration::from_secs(10);

/// The token, and when it was read.
type Read = (Instant, MetadataValue<Ascii>);

/// Adds the token to each call; cheap to clone.
#[derive(Clone)]
pub struct Token {
    path: Option<Arc<PathBuf>>,
    read: Arc<Mutex<Option<Read>>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Token {
    /// The token in this file; none: calls carry no token.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path: path.map(Arc::new), read: Arc::default() }
    }

    /// Reads it anew the next time.
    pub fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn value(&self) -> Result<Option<MetadataValue<Ascii>>, Status> {
        let Some(path) = &self.path else { return Ok(None) };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = &*read
            && at.elapsed() < FRESH
        {
            return Ok(Some(value.clone()));
        }
        let text = std::fs::read_to_string(path.as_path()).map_err(|error| {
            Status::unauthenticated(format!("the token's file cannot be read: {}", error.kind()))
        })?;
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", text.trim())
            .parse()
            .map_err(|_| Status::unauthenticated("the token's file holds signs that no token has"))?;
        // Then no Debug shows it.
        value.set_sensitive(true);
        *read = Some((Instant::now(), value.clone()));
        Ok(Some(value))
    }
}

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = self.value()? {
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(token: &mut Token) -> String {
        let request = token.call(Request::new(())).unwrap();
        request.metadata().get("authorization").unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn an_exchanged_token_is_taken_up_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "first-secret\n").unwrap();
        let mut token = Token::new(Some(path.clone()));
        assert_eq!(carried(&mut token), "Bearer first-secret");
        std::fs::write(&path, "second-secret").unwrap();
        token.forget();
        assert_eq!(carried(&mut token), "Bearer second-secret");
        assert!(!format!("{token:?}").contains("-secret"), "{token:?}");
        std::fs::remove_file(&path).unwrap();
        token.forget();
        assert_eq!(token.call(Request::new(())).unwrap_err().code(), tonic::Code::Unauthenticated);
    }
}
