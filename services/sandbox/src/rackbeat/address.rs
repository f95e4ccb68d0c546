//! Addresses, from flat keys or from objects.

use serde_json::{Value, json};

use super::call::{Call, Form};
use crate::facts::{CountryForm, OrderAddress};

// No Debug: an address is a person's.
#[derive(Clone, Default)]
pub(super) struct Address {
    pub(super) name: Option<String>,
    street: Option<String>,
    street2: Option<String>,
    city: Option<String>,
    zipcode: Option<String>,
    country: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

fn check_country(form: &mut Form<'_>, call: &Call<'_>, key: &str, country: &str) {
    let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    let refused = match call.facts.country_form() {
        CountryForm::Any => false,
        CountryForm::NamesOnly => is_code,
        CountryForm::IsoOnly => !is_code && !country.is_empty(),
    };
    if refused {
        form.wrong(key, "The selected country is invalid.");
    }
}

impl Address {
    /// Reads `<prefix>street` and its siblings over what is there.
    pub(super) fn read_flat(&mut self, form: &mut Form<'_>, call: &Call<'_>, prefix: &str) {
        let parts = [
            ("name", &mut self.name),
            ("street", &mut self.street),
            ("street2", &mut self.street2),
            ("city", &mut self.city),
            ("zipcode", &mut self.zipcode),
            ("country", &mut self.country),
        ];
        for (part, target) in parts {
            let key = format!("{prefix}{part}");
            if let Some(text) = form.short(&key, 255) {
                if part == "country" {
                    check_country(form, call, &key, &text);
                }
                *target = Some(text);
            }
        }
    }

    fn read_contact(&mut self, form: &mut Form<'_>) {
        for (part, target) in [("email", &mut self.email), ("phone", &mut self.phone)] {
            if let Some(text) = form.short(part, 255) {
                *target = Some(text);
            }
        }
    }

    /// Reads an order's address from flat keys and from the object `<object>`, as far as each counts.
    pub(super) fn read_order(&mut self, form: &mut Form<'_>, call: &Call<'_>, prefix: &str, object: &str) {
        let counts = call.facts.order_address();
        if counts != OrderAddress::ObjectsOnly {
            self.read_flat(form, call, prefix);
        }
        let Some(body) = form.get(object).filter(|body| body.is_object()) else {
            return;
        };
        let mut nested = Form::nested(body, format!("{object}."));
        if counts != OrderAddress::FlatOnly {
            self.read_flat(&mut nested, call, "");
        }
        self.read_contact(&mut nested);
        form.absorb(nested);
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name, "street": self.street, "street2": self.street2, "city": self.city,
            "zipcode": self.zipcode, "country": self.country, "email": self.email, "phone": self.phone,
        })
    }
}
