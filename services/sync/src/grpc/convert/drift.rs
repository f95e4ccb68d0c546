//! Drift of products.

use shopbeat_domain::product::{Drift, ProductTrouble};
use shopbeat_proto::v1;

use super::{product_field, timestamp};

/// A field that drifted, as a message.
#[must_use]
pub fn drift(drift: &Drift) -> v1::Drift {
    let Drift { item, field, master, other, since } = drift;
    v1::Drift {
        item: item.to_string(),
        field: product_field(*field).into(),
        master: master.clone(),
        other: other.clone(),
        since: Some(timestamp(*since)),
    }
}

/// Why a product is not carried, as a message.
#[must_use]
pub fn product_trouble(trouble: &ProductTrouble) -> v1::ProductTrouble {
    let ProductTrouble { version: _, subject, code, message, since, times } = trouble;
    v1::ProductTrouble {
        subject: subject.clone(),
        code: code.name().to_owned(),
        message: message.clone(),
        remedy: code.remedy().to_owned(),
        since: Some(timestamp(*since)),
        times: *times,
    }
}
