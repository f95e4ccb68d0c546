//! Addresses as Rackbeat takes them. Running clients mix flat keys (`address_street`) and objects
//! (`billing_address.street`), and nobody could tell which counts: both are sent, saying the same.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::person::Address;
use shopbeat_domain::settings::VatZone;

use crate::quirks::Way;

/// The wire form of a VAT zone.
pub(crate) fn vat_zone(zone: VatZone) -> &'static str {
    match zone {
        VatZone::Domestic => "domestic",
        VatZone::Eu => "eu",
        VatZone::Abroad => "abroad",
        VatZone::DomesticExempt => "domestic_exempt",
    }
}

/// Whether a country was refused: names were seen sent by a running client, but codes may be what counts.
pub(crate) fn country_refused(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Refused(_))
        && (failure.message.to_lowercase().contains("country")
            || failure.fields.iter().any(|(path, _)| path.to_lowercase().contains("country")))
}

/// Name, street, second line, town, post code, country; what is empty is left out.
fn parts(address: &Address, way: Way) -> Vec<(&'static str, String)> {
    let company = address.company.reveal();
    let person = address.name.reveal();
    let name = match (company.is_empty(), person.is_empty()) {
        (false, false) if company != person => format!("{company}, {person}"),
        (false, _) => company.to_owned(),
        (true, _) => person.to_owned(),
    };
    let country = match way {
        Way::First if !address.country.is_empty() => &address.country,
        _ => &address.country_code,
    };
    let all = [
        ("name", name),
        ("street", address.street.reveal().to_owned()),
        ("street2", address.street2.reveal().to_owned()),
        ("city", address.city.reveal().to_owned()),
        ("zipcode", address.zip.reveal().to_owned()),
        ("country", country.clone()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// An address as flat keys, `address_street` …
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    prefix: &'static str,
    address: &'a Address,
    way: Way,
}

impl<'a> Flat<'a> {
    pub(crate) fn new(prefix: &'static str, address: &'a Address, way: Way) -> Self {
        Self { prefix, address, way }
    }
}

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in parts(self.address, self.way) {
            map.serialize_entry(&format!("{}{key}", self.prefix), &value)?;
        }
        map.end()
    }
}

/// An address as an object, with e-mail and telephone.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    address: Option<(&'a Address, Way)>,
    email: Option<&'a str>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(address: &'a Address, email: Option<&'a str>, way: Way) -> Self {
        Self { address: Some((address, way)), email }
    }

    /// Without a place: goods that are fetched or sent by mail have a reader only.
    pub(crate) fn only_email(email: &'a str) -> Self {
        Self { address: None, email: Some(email) }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some((address, way)) = self.address {
            for (key, value) in parts(address, way) {
                map.serialize_entry(key, &value)?;
            }
            if !address.phone.is_empty() {
                map.serialize_entry("phone", address.phone.reveal())?;
            }
        }
        if let Some(email) = self.email {
            map.serialize_entry("email", email)?;
        }
        map.end()
    }
}
