//! What a 422 says: `{"errors": {"lines.0.item_id": ["Product needed"]}}` or `{"message": "…"}`, as a [`Refusal`]
//! with fields whose texts are fit to be shown: nothing personal that we sent is echoed.

use serde_json::Value;
use shopbeat_domain::failure::Refusal;

const LONGEST_MESSAGE: usize = 400;
const HIDDEN: &str = "(…)";

/// A refusal, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) refusal: Refusal,
    pub(crate) message: String,
    /// Dotted paths and what is wrong there; empty path for a message about the whole.
    pub(crate) fields: Vec<(String, String)>,
}

/// Reads a refusal. `sent` is the request's body: personal texts in it are cut out of the answer.
pub(crate) fn read(call: &str, status: u16, body: &[u8], sent: Option<&[u8]>) -> Told {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let secrets = sent.and_then(|sent| serde_json::from_slice(sent).ok()).map(|sent: Value| personal(&sent));
    let secrets = secrets.unwrap_or_default();
    let mut fields = Vec::new();
    if let Some(Value::Object(errors)) = answer.get("errors") {
        for (path, messages) in errors {
            let messages = match messages {
                Value::Array(all) => all.as_slice(),
                one => std::slice::from_ref(one),
            };
            let texts = messages.iter().filter_map(Value::as_str);
            fields.extend(texts.map(|text| (scrub(path, &secrets), scrub(text, &secrets))));
        }
    }
    let whole = ["message", "error"].iter().find_map(|key| answer.get(*key)?.as_str());
    let whole = whole.map(|text| scrub(text, &secrets));
    let seen = fields.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let refusal = seen
        .chain(whole.iter().map(|text| ("", text.as_str())))
        .map(|(path, text)| classify(call, path, text))
        .find(|refusal| *refusal != Refusal::Other)
        .unwrap_or(Refusal::Other);
    let message = match (&fields[..], whole) {
        ([], None) => format!("HTTP {status} without a reason"),
        ([], Some(whole)) => whole,
        (fields, _) => {
            fields.iter().map(|(path, text)| format!("{path}: {text}")).collect::<Vec<_>>().join("; ")
        }
    };
    Told { refusal, message: message.chars().take(LONGEST_MESSAGE).collect(), fields }
}

fn classify(call: &str, path: &str, text: &str) -> Refusal {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let last = path.rsplit('.').next().unwrap_or(path);
    if last == "customer_id" || last == "customer" {
        Refusal::UnknownCustomer
    } else if says(&["barred"]) {
        Refusal::BarredItem
    } else if says(&["no change is made"]) {
        Refusal::NoChange
    } else if says(&["not filterable"]) {
        Refusal::NotFilterable
    } else if says(&["already been taken", "already exist", "is taken", "duplicate", "already in use"]) {
        Refusal::Duplicate
    } else if moves_goods(call) && says(&["stock", "available", "nothing", "no lines", "no goods"]) {
        Refusal::NothingToShip
    } else if last == "item_id" || last == "item_number" {
        Refusal::UnknownItem
    } else if says(&["locked", "already booked", "is booked", "been booked", "reopen", "transactions"]) {
        Refusal::Locked
    } else {
        Refusal::Other
    }
}

/// The wording was never seen; what is known: only available stock goes on a shipment.
fn moves_goods(call: &str) -> bool {
    call.ends_with("/create-shipment") || call.ends_with("/mark-shipped")
}

/// Keys below which a body holds data about a person.
fn is_personal(key: &str) -> bool {
    ["address", "contact", "company", "email", "phone", "note", "name"].iter().any(|part| key.contains(part))
}

/// Texts in a body that must not be shown. Lines and products are not about persons.
fn personal(sent: &Value) -> Vec<String> {
    let Value::Object(top) = sent else { return Vec::new() };
    let about_person = top.contains_key("customer_id") || top.contains_key("customer_group_id");
    let mut found = Vec::new();
    if about_person {
        for (_, value) in top.iter().filter(|(key, _)| is_personal(key)) {
            collect(value, &mut found);
        }
    }
    // Longest first, so that a part never leaves the rest of a longer text standing.
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.chars().count() >= 3 => found.push(text.clone()),
        Value::Object(parts) => parts.values().for_each(|part| collect(part, found)),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, found)),
        _ => {}
    }
}

fn scrub(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| match word.contains('@') {
            true => format!("{HIDDEN}{}", if word.ends_with(char::is_whitespace) { " " } else { "" }),
            false => word.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(call: &str, body: &str) -> Told {
        read(call, 422, body.as_bytes(), None)
    }

    #[test]
    fn each_refusal_is_told_apart() {
        let table = [
            ("POST /x", r#"{"errors":{"lines.0.item_id":["Product 'A' is barred."]}}"#, Refusal::BarredItem),
            ("POST /x", r#"{"message":"Product 'A' is barred."}"#, Refusal::BarredItem),
            ("POST /x", r#"{"errors":{"lines.0.item_id":["Product needed"]}}"#, Refusal::UnknownItem),
            (
                "POST /x",
                r#"{"errors":{"customer_id":["The selected Customer is invalid."]}}"#,
                Refusal::UnknownCustomer,
            ),
            (
                "POST /x",
                r#"{"errors":{"number":["The number has already been taken."]}}"#,
                Refusal::Duplicate,
            ),
            (
                "POST /x",
                r#"{"message":"Adjustment can't be created, since no change is made."}"#,
                Refusal::NoChange,
            ),
            ("GET /x", r#"{"message":"Property 'is_booked' is not filterable"}"#, Refusal::NotFilterable),
            ("PUT /x", r#"{"errors":{"lines":["The order is booked; reopen it first."]}}"#, Refusal::Locked),
            (
                "POST /orders/{number}/create-shipment",
                r#"{"errors":{"lines":["Nothing in stock."]}}"#,
                Refusal::NothingToShip,
            ),
            (
                "POST /x",
                r#"{"errors":{"heading":"The heading may not be greater than 255 characters."}}"#,
                Refusal::Other,
            ),
            ("POST /x", "<html>", Refusal::Other),
        ];
        for (call, body, expected) in table {
            assert_eq!(told(call, body).refusal, expected, "{body}");
        }
        let fields = told("POST /x", r#"{"errors":{"a":["x","y"],"b":"z"}}"#).fields;
        assert_eq!(fields.len(), 3);
        assert_eq!(told("POST /x", "<html>").message, "HTTP 422 without a reason");
    }

    #[test]
    fn nothing_personal_is_echoed() {
        let sent =
            r#"{"customer_group_id":1,"name":"Ida Holm","contact_phone":"+45 12345678","currency":"DKK"}"#;
        let body =
            r#"{"errors":{"contact_email":["ida@example.test is taken by 'Ida Holm', +45 12345678 DKK."]}}"#;
        let told = read("POST /customers", 422, body.as_bytes(), Some(sent.as_bytes()));
        for part in ["ida", "Ida", "1234"] {
            assert!(!told.message.contains(part) && !told.fields[0].1.contains(part), "{told:?}");
        }
        assert!(told.message.contains("DKK"), "{told:?}");
    }
}
