//! The small ports, filled by the system: time, chance, keyed hashes, and no pace.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Blind, Clock, Pace, Random};
use shopbeat_state::Sealing;

/// The system's time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "here the port `Clock` is filled")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The system's randomness.
#[derive(Debug, Clone)]
pub(crate) struct SystemChance(SystemRandom);

impl SystemChance {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random for SystemChance {
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        if self.0.fill(&mut bytes).is_err() {
            // Jitter and ids need to differ, no more: the time does that, too.
            return u64::from(SystemClock.now().subsec_nanosecond().unsigned_abs());
        }
        u64::from_ne_bytes(bytes)
    }
}

/// Keyed hashes under the master key.
pub(crate) struct KeyedHash(pub(crate) Sealing);

impl Blind for KeyedHash {
    fn blind(&self, agreement: &AgreementId, text: &str) -> String {
        self.0.keyed_hash(agreement, text)
    }

    fn is_blind_of(&self, agreement: &AgreementId, text: &str, hash: &str) -> bool {
        self.0.is_hash_of(agreement, text, hash)
    }
}

/// No pace at all, for a sandbox without limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpaced;

#[async_trait]
impl Pace for Unpaced {
    async fn take(&self, _: &str, _: Lane, _: Timestamp) -> Answer<Option<Duration>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_does_not_repeat_itself() {
        let chance = SystemChance::new();
        assert_ne!(chance.next_u64(), chance.next_u64());
    }

    #[test]
    fn a_keyed_hash_depends_on_the_agreement_and_does_not_show_the_text() {
        let hash = KeyedHash(Sealing::generate().unwrap());
        let (a, b) = (AgreementId::parse("a").unwrap(), AgreementId::parse("b").unwrap());
        assert_eq!(hash.blind(&a, "ida@example.test"), hash.blind(&a, "ida@example.test"));
        assert_ne!(hash.blind(&a, "ida@example.test"), hash.blind(&b, "ida@example.test"));
        assert!(!hash.blind(&a, "ida@example.test").contains("ida"));
    }
}
