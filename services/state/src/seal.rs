//! Sealing of secrets: ChaCha20-Poly1305 with a key per agreement, derived by HKDF-SHA256 from a master key. The
//! record names its key, so that master keys rotate: old records open with a previous key, new ones are sealed
//! with the current one.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SecureRandom;
use ring::{aead, hkdf, hmac, rand};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::ports::SecretOwner;
use shopbeat_domain::store::RECORD_VERSION;

use crate::record::readable_version;

const KEY_BYTES: usize = 32;
const REMEDY: &str = "make one with `openssl rand -base64 32`";

/// A text that is no master key. Says what is wrong, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is not base64.
    #[error("the master key is not base64; {REMEDY}")]
    NotBase64,
    /// It has another length.
    #[error("the master key has {0} bytes and must have 32; {REMEDY}")]
    Length(usize),
    /// The system's random generator failed.
    #[error("the system gave no random bytes for a master key")]
    NoRandom,
}

/// 32 bytes from which the keys of all agreements are derived.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    prk: hkdf::Prk,
}

impl MasterKey {
    /// Reads a key from the base64 of its 32 bytes.
    ///
    /// # Errors
    /// When it is not base64 or not 32 bytes.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| BadKey::NotBase64)?;
        let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| BadKey::Length(bytes.len()))?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"shopbeat key id");
        let id = tag.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { id, prk: hkdf::Salt::new(hkdf::HKDF_SHA256, b"shopbeat").extract(bytes) }
    }

    /// The key's name in the records: eight hexadecimal digits that tell nothing of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn sealing_key(&self, agreement: &AgreementId) -> Option<aead::LessSafeKey> {
        let info = [b"seal".as_slice(), agreement.as_str().as_bytes()];
        let okm = self.prk.expand(&info, &aead::CHACHA20_POLY1305).ok()?;
        Some(aead::LessSafeKey::new(aead::UnboundKey::from(okm)))
    }

    fn hash(&self, agreement: &AgreementId, text: &str) -> String {
        // HMAC takes keys of any length, so the derivation cannot fail: SHA-256's own length is asked for.
        let info = [b"hash".as_slice(), agreement.as_str().as_bytes()];
        let tag = match self.prk.expand(&info, hmac::HMAC_SHA256) {
            Ok(okm) => hmac::sign(&hmac::Key::from(okm), text.as_bytes()),
            Err(ring::error::Unspecified) => unreachable!("HKDF gives up to 255 blocks, one is asked for"),
        };
        URL_SAFE_NO_PAD.encode(tag)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The current master key and those before it.
#[derive(Clone, Debug)]
pub struct Sealing(Arc<Keys>);

#[derive(Debug)]
struct Keys {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

/// A sealed secret as it is stored.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    key: String,
    nonce: String,
    sealed: String,
}

impl Sealing {
    /// Seals with `current`, opens with all.
    #[must_use]
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self(Arc::new(Keys { current, previous }))
    }

    /// A fresh key, for a state that does not outlive the process.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, BadKey> {
        let mut bytes = [0; KEY_BYTES];
        rand::SystemRandom::new().fill(&mut bytes).map_err(|_| BadKey::NoRandom)?;
        Ok(Self::new(MasterKey::from_bytes(&bytes), Vec::new()))
    }

    /// A hash of a text that nobody without the master key can compute or try out, the same for the same text of
    /// the same agreement as long as the current key stays. For keys made from personal data.
    #[must_use]
    pub fn keyed_hash(&self, agreement: &AgreementId, text: &str) -> String {
        self.0.current.hash(agreement, text)
    }

    /// Whether this is the hash of a text under the current key or one before it.
    #[must_use]
    pub fn is_hash_of(&self, agreement: &AgreementId, text: &str, hash: &str) -> bool {
        let mut keys = std::iter::once(&self.0.current).chain(&self.0.previous);
        keys.any(|key| key.hash(agreement, text) == hash)
    }

    /// Seals a secret into a record, bound to its owner and field.
    pub(crate) fn seal(
        &self,
        owner: &SecretOwner,
        field: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, Failure> {
        let broken = || failure("put_secret", "the system gave no random bytes");
        let mut nonce = [0; aead::NONCE_LEN];
        rand::SystemRandom::new().fill(&mut nonce).map_err(|_| broken())?;
        let key = self.0.current.sealing_key(agreement(owner)).ok_or_else(broken)?;
        let mut bytes = secret.expose_secret().as_bytes().to_vec();
        key.seal_in_place_append_tag(
            aead::Nonce::assume_unique_for_key(nonce),
            aead::Aad::from(bound_to(owner, field)),
            &mut bytes,
        )
        .map_err(|_| broken())?;
        let record = Record {
            version: RECORD_VERSION,
            key: self.0.current.id.clone(),
            nonce: STANDARD.encode(nonce),
            sealed: STANDARD.encode(bytes),
        };
        crate::record::encode("put_secret", &record)
    }

    /// Opens a record. `Garbled` when it was sealed with a key that is not ours, for another owner or field, or was
    /// tampered with.
    pub(crate) fn open(
        &self,
        owner: &SecretOwner,
        field: &str,
        record: &[u8],
    ) -> Result<SecretString, Failure> {
        let garbled = || failure("secret", "a sealed secret does not open");
        let record: Record = serde_json::from_slice(record).map_err(|_| garbled())?;
        if !readable_version(record.version) {
            return Err(garbled());
        }
        let Keys { current, previous } = &*self.0;
        let key =
            std::iter::once(current).chain(previous).find(|key| key.id == record.key).ok_or_else(|| {
                failure("secret", "a secret was sealed with a master key that this process was not given")
            })?;
        let nonce = STANDARD.decode(&record.nonce).map_err(|_| garbled())?;
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| garbled())?;
        let mut bytes = STANDARD.decode(&record.sealed).map_err(|_| garbled())?;
        let opened = key
            .sealing_key(agreement(owner))
            .ok_or_else(garbled)?
            .open_in_place(nonce, aead::Aad::from(bound_to(owner, field)), &mut bytes)
            .map_err(|_| garbled())?;
        let text = std::str::from_utf8(opened).map_err(|_| garbled())?;
        Ok(SecretString::from(text.to_owned()))
    }
}

fn failure(call: &str, message: &str) -> Failure {
    Failure::new(Remote::State, FailureKind::Garbled, call, message)
}

/// Whose key seals it.
pub(crate) fn agreement(owner: &SecretOwner) -> &AgreementId {
    match owner {
        SecretOwner::Agreement(agreement) | SecretOwner::Store(agreement, _) => agreement,
    }
}

/// The secret's name within its agreement. Ids are slugs, so the slashes cannot be forged.
pub(crate) fn secret_name(owner: &SecretOwner, field: &str) -> String {
    match owner {
        SecretOwner::Agreement(_) => format!("agreement/{field}"),
        SecretOwner::Store(_, store) => format!("store/{store}/{field}"),
    }
}

fn bound_to(owner: &SecretOwner, field: &str) -> String {
    format!("{}/{}", agreement(owner), secret_name(owner, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> SecretOwner {
        SecretOwner::Agreement(AgreementId::parse(name).unwrap())
    }

    fn key(byte: u8) -> MasterKey {
        MasterKey::parse(&STANDARD.encode([byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn a_master_key_that_is_none_says_why() {
        assert_eq!(MasterKey::parse("not base64!").unwrap_err(), BadKey::NotBase64);
        assert_eq!(MasterKey::parse("AAAA").unwrap_err(), BadKey::Length(3));
        assert_ne!(key(1).id(), key(2).id());
    }

    #[test]
    fn what_one_agreement_sealed_no_other_agreement_or_field_opens() {
        let sealing = Sealing::generate().unwrap();
        let record = sealing.seal(&owner("one"), "token", &SecretString::from("s3cret")).unwrap();
        assert_eq!(sealing.open(&owner("one"), "token", &record).unwrap().expose_secret(), "s3cret");
        for (who, field) in [("two", "token"), ("one", "other")] {
            let failure = sealing.open(&owner(who), field, &record).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Garbled);
            assert!(!failure.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn a_record_opens_after_its_key_became_a_previous_one_and_not_without_it() {
        let before = Sealing::new(key(1), Vec::new());
        let record = before.seal(&owner("one"), "token", &SecretString::from("s3cret")).unwrap();
        let after = Sealing::new(key(2), vec![key(1)]);
        assert_eq!(after.open(&owner("one"), "token", &record).unwrap().expose_secret(), "s3cret");
        let without = Sealing::new(key(2), Vec::new());
        assert_eq!(without.open(&owner("one"), "token", &record).unwrap_err().kind, FailureKind::Garbled);
    }

    #[test]
    fn a_flipped_byte_anywhere_in_the_record_is_noticed() {
        let sealing = Sealing::new(key(1), Vec::new());
        let record = sealing.seal(&owner("one"), "token", &SecretString::from("s3cret")).unwrap();
        let text = String::from_utf8(record).unwrap();
        let record: Record = serde_json::from_str(&text).unwrap();
        let mut sealed = STANDARD.decode(&record.sealed).unwrap();
        for at in 0..sealed.len() {
            sealed[at] ^= 1;
            let forged =
                Record { sealed: STANDARD.encode(&sealed), nonce: record.nonce.clone(), ..clone(&record) };
            let bytes = serde_json::to_vec(&forged).unwrap();
            assert_eq!(sealing.open(&owner("one"), "token", &bytes).unwrap_err().kind, FailureKind::Garbled);
            sealed[at] ^= 1;
        }
    }

    fn clone(record: &Record) -> Record {
        Record {
            version: record.version,
            key: record.key.clone(),
            nonce: record.nonce.clone(),
            sealed: record.sealed.clone(),
        }
    }

    #[test]
    fn keyed_hashes_differ_by_agreement_and_repeat_within_one() {
        let sealing = Sealing::new(key(1), Vec::new());
        let (one, two) = (AgreementId::parse("one").unwrap(), AgreementId::parse("two").unwrap());
        assert_eq!(sealing.keyed_hash(&one, "a@b.c"), sealing.keyed_hash(&one, "a@b.c"));
        assert_ne!(sealing.keyed_hash(&one, "a@b.c"), sealing.keyed_hash(&two, "a@b.c"));
        assert_ne!(sealing.keyed_hash(&one, "a@b.c"), sealing.keyed_hash(&one, "a@b.d"));
    }

    #[test]
    fn a_hash_is_known_again_after_its_key_was_replaced() {
        let agreement = AgreementId::parse("one").unwrap();
        let hash = Sealing::new(key(1), Vec::new()).keyed_hash(&agreement, "entry");
        assert!(Sealing::new(key(2), vec![key(1)]).is_hash_of(&agreement, "entry", &hash));
        assert!(!Sealing::new(key(2), Vec::new()).is_hash_of(&agreement, "entry", &hash));
    }

    #[test]
    fn keys_do_not_show_in_debug() {
        let text = format!("{:?}", Sealing::new(key(1), vec![key(2)]));
        assert!(text.contains(key(1).id()) && !text.contains("[1"), "{text}");
    }
}
