//! What opens a shop and its Rackbeat account, as `store connect` and `preflight` take it.

use std::path::PathBuf;

use clap::Args;
use shopbeat_proto::v1;

use super::failure::{Exit, Failed};
use super::secrets;

/// Where secrets are found without a file.
const CLIENT_SECRET: &str = "SHOPBEAT_CLIENT_SECRET";
const LEGACY_TOKEN: &str = "SHOPBEAT_LEGACY_TOKEN";
const RACKBEAT_TOKEN: &str = "SHOPBEAT_RACKBEAT_TOKEN";

/// What opens both sides.
#[derive(Debug, Default, Args)]
pub(super) struct CredentialArgs {
    /// Client id of the merchant's own app; its secret comes from --client-secret-file.
    #[arg(long, env = "SHOPBEAT_CLIENT_ID", value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// File with the app's client secret (`-`: the standard input); without it SHOPBEAT_CLIENT_SECRET.
    #[arg(long, value_name = "PATH")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// File with a pasted Admin API token, instead of a client id; without it SHOPBEAT_LEGACY_TOKEN.
    #[arg(long, value_name = "PATH", conflicts_with = "client_id")]
    pub(super) legacy_token_file: Option<PathBuf>,
    /// File with the account's Rackbeat token; without it SHOPBEAT_RACKBEAT_TOKEN, else the token that the agreement
    /// has already.
    #[arg(long, value_name = "PATH")]
    pub(super) rackbeat_token_file: Option<PathBuf>,
    /// Currency that the Rackbeat account is kept in, ISO 4217. Default: what is known of it, at first the shop's.
    #[arg(long, value_name = "CODE")]
    pub(super) agreement_currency: Option<String>,
}

/// What opens a shop.
pub(super) enum Opens {
    App(v1::ClientCredentials),
    Token(v1::LegacyToken),
}

impl CredentialArgs {
    /// What opens the shop.
    pub(super) fn shop(&self) -> Result<Opens, Failed> {
        let needed = |what: &str| Failed::new(Exit::Usage, format!("{what} is needed"));
        let secret = secrets::read(self.client_secret_file.as_deref(), CLIENT_SECRET)?;
        let client_secret = secret.ok_or_else(|| {
            needed(&format!("--client-secret-file (or {CLIENT_SECRET} in the environment)"))
        })?;
        if let Some(client_id) = self.client_id.clone() {
            return Ok(Opens::App(v1::ClientCredentials { client_id, client_secret }));
        }
        match secrets::read(self.legacy_token_file.as_deref(), LEGACY_TOKEN)? {
            Some(token) => Ok(Opens::Token(v1::LegacyToken { token, client_secret })),
            None => Err(needed("--client-id (for an app of the merchant's own) or --legacy-token-file")),
        }
    }

    /// What opens the account; empty: what the agreement has already.
    pub(super) fn rackbeat(&self) -> Result<String, Failed> {
        let token = secrets::read(self.rackbeat_token_file.as_deref(), RACKBEAT_TOKEN)?;
        Ok(token.unwrap_or_default())
    }
}

/// The shop's domain: only the handle may have been given.
pub(super) fn domain(shop: &str) -> String {
    if shop.contains('.') { shop.to_owned() } else { format!("{shop}.myshopify.com") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_missing_are_named_with_the_option_that_brings_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("client"), "shpss_x").unwrap();
        let args = CredentialArgs {
            client_secret_file: Some(folder.path().join("client")),
            ..CredentialArgs::default()
        };
        let failed = args.shop().err().unwrap();
        assert_eq!(failed.exit(), Exit::Usage);
        assert!(failed.to_string().contains("--client-id"), "{failed}");
        assert!(!format!("{args:?}").contains("shpss_x"));
    }

    #[test]
    fn a_handle_becomes_a_domain() {
        assert_eq!(domain("acme"), "acme.myshopify.com");
        assert_eq!(domain("acme.myshopify.com"), "acme.myshopify.com");
    }
}
