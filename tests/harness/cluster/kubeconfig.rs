//! Files that say where the API server is and who one is.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::certs::Identity;

/// Who one is.
pub(super) enum User<'a> {
    /// By certificate.
    Certificate(&'a Identity),
    /// By token.
    Token(&'a str),
    /// By a token that lies in a file and is renewed there.
    TokenFile(&'a Path),
}

/// Writes a kubeconfig; JSON is YAML, too.
pub(super) fn write(
    path: &Path,
    server: &str,
    authority: &Path,
    namespace: &str,
    user: &User<'_>,
) -> PathBuf {
    let user = match user {
        User::Certificate(identity) => json!({
            "client-certificate": identity.certificate,
            "client-key": identity.key,
        }),
        User::Token(token) => json!({ "token": token }),
        User::TokenFile(file) => json!({ "tokenFile": file }),
    };
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "plane",
        "clusters": [{ "name": "plane", "cluster": { "server": server, "certificate-authority": authority } }],
        "users": [{ "name": "plane", "user": user }],
        "contexts": [{
            "name": "plane",
            "context": { "cluster": "plane", "user": "plane", "namespace": namespace },
        }],
    });
    std::fs::write(path, config.to_string()).expect("a file can be written");
    path.to_owned()
}
