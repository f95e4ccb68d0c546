//! Stores, agreements, credentials.

use secrecy::SecretString;
use shopbeat_domain::job::JobCounts;
use shopbeat_domain::store::{Agreement, Desired, Grant, Hold, ManagedBy, ShopCredentials, Store};
use shopbeat_proto::v1;
use shopbeat_proto::v1::connect_store_request::Credentials;

use super::{Violations, settings, timestamp};

/// A store as a message.
#[must_use]
pub fn store(store: &Store) -> v1::Store {
    let Store {
        version: _,
        revision,
        id,
        shop,
        agreement,
        grant,
        desired,
        hold,
        managed_by,
        settings: chosen,
        currency,
        taxes_included,
        country,
        stock_accepted_at,
        scopes,
        webhook_address,
        connected_at,
        disconnected_at,
    } = store;
    v1::Store {
        id: id.to_string(),
        shop: shop.to_string(),
        agreement_id: agreement.to_string(),
        grant: match grant {
            Grant::ClientCredentials => v1::Grant::ClientCredentials,
            Grant::LegacyToken => v1::Grant::LegacyToken,
        }
        .into(),
        desired: match desired {
            Desired::Running => v1::Desired::Running,
            Desired::Paused => v1::Desired::Paused,
            Desired::Stopped => v1::Desired::Stopped,
        }
        .into(),
        hold: match hold {
            None => v1::Hold::Unspecified,
            Some(Hold::Uninstalled) => v1::Hold::Uninstalled,
            Some(Hold::TokenDead) => v1::Hold::TokenDead,
            Some(Hold::ShopFrozen) => v1::Hold::ShopFrozen,
        }
        .into(),
        managed_by: match managed_by {
            ManagedBy::Api => None,
            ManagedBy::Kubernetes { namespace, name, uid } => Some(v1::KubernetesOwner {
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.clone(),
            }),
        },
        settings: Some(settings(chosen)),
        currency: currency.to_string(),
        taxes_included: *taxes_included,
        scopes: scopes.clone(),
        connected_at: Some(timestamp(*connected_at)),
        disconnected_at: disconnected_at.map(timestamp),
        revision: *revision,
        country: country.clone().unwrap_or_default(),
        stock_accepted_at: stock_accepted_at.map(timestamp),
        webhook_address: webhook_address.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// An agreement as a message.
#[must_use]
pub fn agreement(agreement: &Agreement) -> v1::Agreement {
    let Agreement { version: _, id, account, company, currency } = agreement;
    v1::Agreement {
        id: id.to_string(),
        account_id: account.0,
        company: company.clone(),
        currency: currency.to_string(),
    }
}

/// A store's queue as a message.
#[must_use]
pub fn job_counts(counts: JobCounts) -> v1::JobCounts {
    let JobCounts { ready, delayed, claimed, parked } = counts;
    v1::JobCounts { ready, delayed, claimed, parked }
}

/// What the owner wants, from a request; `None` if it is not said.
pub fn read_desired(violations: &mut Violations, field: &str, desired: i32) -> Option<Desired> {
    match v1::Desired::try_from(desired) {
        Ok(v1::Desired::Unspecified) => None,
        Ok(v1::Desired::Running) => Some(Desired::Running),
        Ok(v1::Desired::Paused) => Some(Desired::Paused),
        Ok(v1::Desired::Stopped) => Some(Desired::Stopped),
        Err(_) => {
            violations.add(field, format!("{desired} is no value that this version knows"));
            None
        }
    }
}

/// Who manages a store, from a request: the API where no custom resource is named.
pub fn read_owner(violations: &mut Violations, owner: Option<v1::KubernetesOwner>) -> ManagedBy {
    let Some(v1::KubernetesOwner { namespace, name, uid }) = owner else { return ManagedBy::Api };
    let in_names = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    for (field, text, longest) in [
        ("managed_by.namespace", &namespace, 63),
        ("managed_by.name", &name, 253),
        ("managed_by.uid", &uid, 64),
    ] {
        if text.is_empty() || text.len() > longest || !text.bytes().all(in_names) {
            violations.add(field, "is none of Kubernetes: give namespace, name and uid of the ShopifyStore");
        }
    }
    ManagedBy::Kubernetes { namespace, name, uid }
}

/// What opens the shop, from a request. The texts of secrets never get into a violation.
pub fn read_credentials(
    violations: &mut Violations,
    credentials: Option<Credentials>,
) -> Option<ShopCredentials> {
    match credentials {
        None => {
            violations.add(
                "credentials",
                "are needed: client_credentials, or legacy_token for an app made before 2026",
            );
            None
        }
        Some(Credentials::ClientCredentials(v1::ClientCredentials { client_id, client_secret })) => {
            let id = secret_text(violations, "client_credentials.client_id", &client_id);
            let secret = secret_text(violations, "client_credentials.client_secret", &client_secret);
            Some(ShopCredentials::ClientCredentials {
                client_id: id?.to_owned(),
                client_secret: secret?.into(),
            })
        }
        Some(Credentials::LegacyToken(v1::LegacyToken { token, client_secret })) => {
            let token = secret_text(violations, "legacy_token.token", &token);
            let secret = secret_text(violations, "legacy_token.client_secret", &client_secret);
            Some(ShopCredentials::LegacyToken {
                token: SecretString::from(token?),
                client_secret: secret?.into(),
            })
        }
    }
}

/// Tokens and secrets travel in headers: visible ASCII, and no longer than any token is.
pub(crate) fn secret_text<'a>(violations: &mut Violations, field: &str, text: &'a str) -> Option<&'a str> {
    let text = violations.needed(field, text)?;
    if text.len() > 4096 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        violations.add(field, "must be visible ASCII without spaces, at most 4096 characters; copy it again");
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn credentials_need_both_parts_and_all_that_is_missing_is_told() {
        let mut violations = Violations::default();
        let empty = Credentials::ClientCredentials(v1::ClientCredentials::default());
        assert!(read_credentials(&mut violations, Some(empty)).is_none());
        assert!(read_credentials(&mut violations, None).is_none());
        let fields: Vec<_> = violations.0.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(
            fields,
            ["client_credentials.client_id", "client_credentials.client_secret", "credentials"]
        );
    }

    #[test]
    fn a_secret_that_cannot_travel_is_refused_and_not_repeated() {
        let mut violations = Violations::default();
        let odd =
            v1::LegacyToken { token: "shpat_hush\nhush".to_owned(), client_secret: "geheim".to_owned() };
        assert!(read_credentials(&mut violations, Some(Credentials::LegacyToken(odd))).is_none());
        assert!(!format!("{violations:?}").contains("hush"));
    }

    #[test]
    fn credentials_are_taken_without_the_spaces_of_a_paste() {
        let mut violations = Violations::default();
        let pasted =
            v1::ClientCredentials { client_id: " id ".to_owned(), client_secret: "secret\n".to_owned() };
        match read_credentials(&mut violations, Some(Credentials::ClientCredentials(pasted))) {
            Some(ShopCredentials::ClientCredentials { client_id, client_secret }) => {
                assert_eq!((client_id.as_str(), client_secret.expose_secret()), ("id", "secret"));
            }
            other => panic!("{other:?}"),
        }
        assert!(violations.is_empty());
    }
}
