//! What the service has to be told so that it has a store as its resource wants it. Pure.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use shopbeat_proto::v1::{Desired, KubernetesOwner, Settings, Store};

use crate::mask::difference;
use crate::metrics::Drifted;
use crate::resource::ShopifyStoreStatus;
use crate::validate::hex;

/// The moment of the first connect is its default: the service's own value stands while the resource says nothing.
const KEPT_WHEN_LEFT_OUT: &[&str] = &["orders.since"];

/// What a resource wants.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The resource.
    pub owner: &'a KubernetesOwner,
    /// What it wants of the store.
    pub desired: Desired,
    /// Its settings.
    pub settings: &'a Settings,
    /// The digest of its credentials; `None`: they cannot be read.
    pub credentials_digest: Option<&'a str>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The service has it all.
    Nothing,
    /// Connect it.
    Connect(Why),
    /// Change it.
    Update {
        /// Paths of the settings.
        mask: Vec<String>,
        /// What differs though it was carried before.
        drift: Vec<Drifted>,
    },
}

/// Why a store is to be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It never was.
    New,
    /// It was, and the service does not know it any more, or as another's.
    Lost,
    /// Its credentials are others.
    Credentials,
}

/// A digest of settings, as the status keeps it.
#[must_use]
pub fn settings_digest(settings: &Settings) -> String {
    hex(&Sha256::digest(settings.encode_to_vec()))
}

/// A short digest that never leaves the process.
#[must_use]
pub fn quick(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A short digest of settings.
#[must_use]
pub fn quick_settings(settings: &Settings) -> u64 {
    quick(settings.encode_to_vec())
}

/// What is to be done, as the service knows the store (`None`: not at all, or as disconnected) and as the status says
/// what was carried. `settled`: see [`crate::memory::Memory::settled`].
#[must_use]
pub fn decide(
    wanted: &Wanted<'_>,
    known: Option<&Store>,
    status: &ShopifyStoreStatus,
    settled: Option<(u64, u64)>,
) -> Step {
    let Some(known) = known.filter(|store| store.disconnected_at.is_none()) else {
        return Step::Connect(if status.store_id.is_some() { Why::Lost } else { Why::New });
    };
    if known.managed_by.as_ref() != Some(wanted.owner) {
        return Step::Connect(if status.store_id.is_some() { Why::Lost } else { Why::New });
    }
    if let Some(digest) = wanted.credentials_digest
        && status.credentials_digest.as_deref() != Some(digest)
    {
        return Step::Connect(Why::Credentials);
    }
    let no_settings = Settings::default();
    let has = known.settings.as_ref().unwrap_or(&no_settings);
    let carried = status.carried.as_ref().map(|carried| carried.settings.as_str());
    let is_carried = carried == Some(settings_digest(wanted.settings).as_str());
    let mut mask = Vec::new();
    if settled != Some((quick_settings(wanted.settings), quick_settings(has))) {
        let found = difference(wanted.settings, has);
        mask = found.other;
        if !is_carried {
            // Something may have been taken out of the resource: what it leaves out takes its default.
            let taken_out = found.left_out.into_iter();
            mask.extend(taken_out.filter(|path| !KEPT_WHEN_LEFT_OUT.contains(&path.as_str())));
        }
    }
    let other_desired = known.desired() != wanted.desired;
    if mask.is_empty() && !other_desired {
        return Step::Nothing;
    }
    let mut drift = Vec::new();
    if is_carried && !mask.is_empty() {
        drift.push(Drifted::Settings);
    }
    Step::Update { mask, drift }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::CarriedStatus;
    use shopbeat_proto::v1::{OrderSettings, Trigger};

    fn owner(uid: &str) -> KubernetesOwner {
        KubernetesOwner { namespace: "shops".to_owned(), name: "oslo".to_owned(), uid: uid.to_owned() }
    }

    fn settings(trigger: Trigger, layout: Option<u64>) -> Settings {
        let orders = OrderSettings { trigger: trigger.into(), layout, ..OrderSettings::default() };
        Settings { orders: Some(orders), ..Settings::default() }
    }

    fn known(settings: Settings) -> Store {
        Store {
            managed_by: Some(owner("1")),
            desired: Desired::Running.into(),
            settings: Some(settings),
            ..Store::default()
        }
    }

    fn status(carried: &Settings) -> ShopifyStoreStatus {
        ShopifyStoreStatus {
            store_id: Some("oslo".to_owned()),
            credentials_digest: Some("d".to_owned()),
            carried: Some(CarriedStatus { generation: 1, settings: settings_digest(carried) }),
            ..ShopifyStoreStatus::default()
        }
    }

    #[test]
    fn each_difference_leads_to_its_own_step() {
        let owner_1 = owner("1");
        let paid = settings(Trigger::Paid, None);
        let wanted = |settings, desired, digest| Wanted {
            owner: &owner_1,
            desired,
            settings,
            credentials_digest: digest,
        };
        let plain = wanted(&paid, Desired::Running, Some("d"));
        let fresh = ShopifyStoreStatus::default();
        let carried = status(&paid);

        assert_eq!(decide(&plain, None, &fresh, None), Step::Connect(Why::New));
        assert_eq!(decide(&plain, None, &carried, None), Step::Connect(Why::Lost));
        let gone = Store { disconnected_at: Some(prost_types::Timestamp::default()), ..known(paid.clone()) };
        assert_eq!(decide(&plain, Some(&gone), &carried, None), Step::Connect(Why::Lost));
        let others = Store { managed_by: Some(owner("2")), ..known(paid.clone()) };
        assert_eq!(decide(&plain, Some(&others), &carried, None), Step::Connect(Why::Lost));
        assert_eq!(decide(&plain, Some(&known(paid.clone())), &carried, None), Step::Nothing);
        let rotated = wanted(&paid, Desired::Running, Some("e"));
        assert_eq!(
            decide(&rotated, Some(&known(paid.clone())), &carried, None),
            Step::Connect(Why::Credentials)
        );
        // Secrets that are gone hinder nothing that needs no secrets.
        let blind = wanted(&paid, Desired::Paused, None);
        let update = |mask: &[&str], drift: &[Drifted]| Step::Update {
            mask: mask.iter().map(|path| (*path).to_owned()).collect(),
            drift: drift.to_vec(),
        };
        assert_eq!(decide(&blind, Some(&known(paid.clone())), &carried, None), update(&[], &[]));
    }

    #[test]
    fn an_edit_is_masked_exactly_and_drift_is_told_from_it() {
        let owner_1 = owner("1");
        let (paid, received) = (settings(Trigger::Paid, None), settings(Trigger::Received, Some(3)));
        let wanted = Wanted {
            owner: &owner_1,
            desired: Desired::Running,
            settings: &paid,
            credentials_digest: Some("d"),
        };
        // The resource was edited: what was taken out of it goes back to its default.
        let Step::Update { mask, drift } =
            decide(&wanted, Some(&known(received.clone())), &status(&received), None)
        else {
            panic!("no update");
        };
        assert_eq!(
            (mask.as_slice(), drift.as_slice()),
            (&["orders.trigger".into(), "orders.layout".into()][..], &[][..])
        );
        // The service has something else than was carried: that is drift, and defaults of its own are none.
        let Step::Update { mask, drift } =
            decide(&wanted, Some(&known(received.clone())), &status(&paid), None)
        else {
            panic!("no update");
        };
        assert_eq!((mask, drift), (vec!["orders.trigger".to_owned()], vec![Drifted::Settings]));
        // What the service made of it is no difference.
        let settled = Some((quick_settings(&paid), quick_settings(&received)));
        assert_eq!(decide(&wanted, Some(&known(received.clone())), &status(&paid), settled), Step::Nothing);
    }
}
