//! The tokens file: who holds which token. JSON, a list of
//! `{"name": "…", "token_sha256": "<hex>" | "token": "…", "role": "operator|support|reader", "agreements": ["…"]}`;
//! `["*"]` are all agreements.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use shopbeat_domain::ids::AgreementId;
use subtle::ConstantTimeEq as _;

use super::{Caller, Reach, Role};

/// Shorter tokens can be guessed.
const SHORTEST: usize = 20;

/// Why a tokens file cannot be used. Never shows a token.
#[derive(Debug, thiserror::Error)]
pub enum BadTokens {
    /// It cannot be read.
    #[error("the tokens file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no list of tokens; says where.
    #[error("the tokens file is no list of tokens (line {line}, column {column})")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An entry cannot stand.
    #[error("entry {entry} of the tokens file ({name}): {problem}")]
    Entry {
        /// Which, from 1.
        entry: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// There is nobody in it.
    #[error("the tokens file has no entries: nobody could call")]
    Empty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    token: Option<String>,
    token_sha256: Option<String>,
    role: Role,
    agreements: Vec<String>,
}

/// The tokens that open the API, as SHA-256 digests.
#[derive(Clone)]
pub struct Tokens(Vec<([u8; 32], Caller)>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, caller)| caller)).finish()
    }
}

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or an entry cannot stand.
    pub fn read(path: &Path) -> Result<Self, BadTokens> {
        let text = std::fs::read(path)
            .map_err(|source| BadTokens::Unreadable { path: path.display().to_string(), source })?;
        Self::parse(&text)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is no list of tokens or an entry cannot stand.
    pub fn parse(text: &[u8]) -> Result<Self, BadTokens> {
        // The message of a JSON error could quote a token: only its place is told.
        let entries: Vec<Entry> = serde_json::from_slice(text)
            .map_err(|error| BadTokens::Malformed { line: error.line(), column: error.column() })?;
        let mut tokens = Vec::with_capacity(entries.len());
        for (entry, index) in entries.into_iter().zip(1..) {
            let name = entry.name.clone();
            let (digest, caller) = entry.read().map_err(|problem| BadTokens::Entry {
                entry: index,
                name: name.clone(),
                problem,
            })?;
            if tokens.iter().any(|(other, _)| *other == digest) {
                let problem = "has the token of an entry before".to_owned();
                return Err(BadTokens::Entry { entry: index, name, problem });
            }
            tokens.push((digest, caller));
        }
        if tokens.is_empty() { Err(BadTokens::Empty) } else { Ok(Self(tokens)) }
    }

    /// Who holds this token. Takes the same time whichever entry fits, or none.
    #[must_use]
    pub fn caller(&self, token: &str) -> Option<&Caller> {
        let given: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = None;
        for (digest, caller) in &self.0 {
            if bool::from(digest.ct_eq(&given)) {
                found = Some(caller);
            }
        }
        found
    }
}

impl Entry {
    fn read(self) -> Result<([u8; 32], Caller), String> {
        let digest = match (self.token, self.token_sha256) {
            (Some(token), None) if token.len() >= SHORTEST => Sha256::digest(token.as_bytes()).into(),
            (Some(_), None) => return Err(format!("the token is shorter than {SHORTEST} characters")),
            (None, Some(hex)) => read_hex(&hex).ok_or("token_sha256 is not 64 hex digits")?,
            _ => return Err("give either token or token_sha256".to_owned()),
        };
        let reach = if self.agreements == ["*"] {
            Reach::All
        } else if self.agreements.is_empty() {
            return Err("agreements is empty; give [\"*\"] for all".to_owned());
        } else {
            let ids =
                self.agreements.iter().map(|text| AgreementId::parse(text).map_err(|bad| bad.to_string()));
            Reach::Only(ids.collect::<Result<BTreeSet<_>, _>>()?)
        };
        Ok((digest, Caller { name: self.name, role: self.role, reach }))
    }
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-of-some-length";

    fn problem(text: &str) -> String {
        Tokens::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_token_is_known_by_itself_or_by_its_digest() {
        let digest: String =
            Sha256::digest("another-token-of-length").iter().map(|b| format!("{b:02x}")).collect();
        let text = format!(
            r#"[{{"name": "ops", "token": "{TOKEN}", "role": "operator", "agreements": ["*"]}},
                {{"name": "acme", "token_sha256": "{digest}", "role": "reader", "agreements": ["acme"]}}]"#
        );
        let tokens = Tokens::parse(text.as_bytes()).unwrap();
        let acme = tokens.caller("another-token-of-length").unwrap();
        assert_eq!(tokens.caller(TOKEN).unwrap().role, Role::Operator);
        assert_eq!(acme.role, Role::Reader);
        assert!(acme.sees(&AgreementId::parse("acme").unwrap()));
        assert!(!acme.sees(&AgreementId::parse("other").unwrap()));
        assert_eq!(tokens.caller(""), None);
        assert_eq!(tokens.caller(&digest), None, "the digest is not the token");
        assert!(!format!("{tokens:?}").contains(TOKEN));
    }

    #[test]
    fn what_cannot_stand_is_named_and_no_token_is_shown() {
        let entry = |rest: &str| format!(r#"[{{"name": "x", "role": "reader", {rest}}}]"#);
        for (text, wanted) in [
            ("[]".to_owned(), "no entries"),
            ("{".to_owned(), "line 1"),
            (entry(r#""token": "short", "agreements": ["*"]"#), "shorter"),
            (entry(r#""agreements": ["*"]"#), "either"),
            (entry(&format!(r#""token": "{TOKEN}", "agreements": []"#)), "empty"),
            (entry(&format!(r#""token": "{TOKEN}", "agreements": ["A B"]"#)), "agreement"),
            (entry(r#""token_sha256": "12", "agreements": ["*"]"#), "hex"),
            (entry(&format!(r#""token": "{TOKEN}", "agreements": ["*"], "rôle": 1"#)), "list of tokens"),
            (
                format!(
                    "[{0},{0}]",
                    entry(&format!(r#""token": "{TOKEN}", "agreements": ["*"]"#)).trim_matches(['[', ']'])
                ),
                "before",
            ),
        ] {
            let problem = problem(&text);
            assert!(problem.contains(wanted), "{text}: {problem}");
            assert!(!problem.contains(TOKEN), "{problem}");
        }
    }
}
