//! Invented buyers: a pool drawn from the seed, all at `example.test`.

use std::fmt;

use crate::seed::Seeded;

/// A buyer. `Debug` shows the id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// Numeric id.
    pub id: u64,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address at `example.test`; some have none.
    pub email: Option<String>,
    /// VAT id of a private buyer, if given.
    pub tax_id: Option<String>,
    /// Where they live.
    pub address: Address,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A postal address. `Debug` shows the country alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Company name.
    pub company: Option<String>,
    /// Street and number.
    pub street: String,
    /// Postal code.
    pub zip: String,
    /// City.
    pub city: String,
    /// ISO country code and name.
    pub country: (&'static str, &'static str),
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("country", &self.country.0).finish_non_exhaustive()
    }
}

/// A business that buys through B2B.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Numeric id.
    pub id: u64,
    /// Registered name.
    pub name: String,
    /// VAT number.
    pub vat_number: Option<String>,
}

const FIRST: [&str; 16] = [
    "Astrid", "Bo", "Camilla", "Ditte", "Emil", "Freja", "Gustav", "Helle", "Ida", "Jeppe", "Karen", "Lars",
    "Mette", "Niels", "Signe", "Åse",
];
const LAST: [&str; 12] = [
    "Bech",
    "Dam",
    "Frost",
    "Holm",
    "Juhl",
    "Krogh",
    "Lund",
    "Møller",
    "Nørgaard",
    "Skov",
    "Toft",
    "Winther",
];
const STREETS: [&str; 8] =
    ["Strandvejen", "Skovbrynet", "Havnegade", "Bakkevej", "Engdraget", "Møllevej", "Søndergade", "Fyrvej"];
const CITIES: [(&str, &str); 8] = [
    ("8000", "Aarhus C"),
    ("5000", "Odense C"),
    ("9000", "Aalborg"),
    ("7100", "Vejle"),
    ("6700", "Esbjerg"),
    ("4000", "Roskilde"),
    ("3000", "Helsingør"),
    ("8600", "Silkeborg"),
];

/// The `nth` customer of a pool: the same seed and number give the same person.
#[must_use]
pub fn customer(seed: u64, nth: u64) -> Customer {
    let mut draw = Seeded::labelled(seed, &format!("customer {nth}"));
    let first_name = FIRST[draw.index(FIRST.len())].to_owned();
    let last_name = LAST[draw.index(LAST.len())].to_owned();
    let (zip, city) = CITIES[draw.index(CITIES.len())];
    let address = Address {
        first_name: first_name.clone(),
        last_name: last_name.clone(),
        company: draw.chance(80_000).then(|| format!("{last_name} Friluft ApS")),
        street: format!("{} {}", STREETS[draw.index(STREETS.len())], 1 + draw.below(180)),
        zip: zip.to_owned(),
        city: city.to_owned(),
        country: ("DK", "Denmark"),
    };
    Customer {
        id: 7_200_000_000_000 + nth,
        email: Some(format!("{}.{nth}@example.test", ascii(&first_name))),
        first_name,
        last_name,
        tax_id: None,
        address,
    }
}

fn ascii(name: &str) -> String {
    name.to_lowercase().replace('å', "aa").replace('ø', "oe")
}
