//! Shopify's search syntax, as far as a sync uses it: terms joined by spaces or AND, each a
//! `field:value`, `field:>='value'` or a bare word.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Matches,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    field: Option<String>,
    comparison: Comparison,
    value: String,
}

/// A parsed search.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    terms: Vec<Term>,
}

impl Search {
    pub(crate) fn parse(query: &str) -> Self {
        let terms = words(query)
            .into_iter()
            .filter(|word| !word.eq_ignore_ascii_case("and") && !word.is_empty())
            .map(|word| term(&word))
            .collect();
        Self { terms }
    }

    /// Whether `document` fits all terms.
    pub(crate) fn fits(&self, document: &Value) -> bool {
        self.terms.iter().all(|term| term.fits(document) != term.negated)
    }
}

fn words(query: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in query.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter.is_whitespace() => words.push(String::new()),
            Some(_) | None => {
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
    }
    words
}

fn term(word: &str) -> Term {
    let (negated, word) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let Some((field, value)) = word.split_once(':') else {
        let value = word.to_owned();
        return Term { negated, field: None, comparison: Comparison::Matches, value };
    };
    let (comparison, value) = if let Some(rest) = value.strip_prefix(">=") {
        (Comparison::GreaterOrEqual, rest)
    } else if let Some(rest) = value.strip_prefix("<=") {
        (Comparison::LessOrEqual, rest)
    } else if let Some(rest) = value.strip_prefix('>') {
        (Comparison::Greater, rest)
    } else if let Some(rest) = value.strip_prefix('<') {
        (Comparison::Less, rest)
    } else {
        (Comparison::Matches, value)
    };
    Term { negated, field: Some(field.to_owned()), comparison, value: value.to_owned() }
}

impl Term {
    fn fits(&self, document: &Value) -> bool {
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(field) = &self.field else {
            return matches_name(text("name"), &self.value);
        };
        match field.as_str() {
            "updated_at" => self.at(text("updatedAt")),
            "created_at" => self.at(text("createdAt")),
            "processed_at" => self.at(text("processedAt")),
            "id" => self.id(text("id")),
            "name" => matches_name(text("name"), &self.value),
            "financial_status" => text("displayFinancialStatus").eq_ignore_ascii_case(&self.value),
            "fulfillment_status" => text("displayFulfillmentStatus").eq_ignore_ascii_case(&self.value),
            "test" => document["test"].as_bool() == self.value.parse().ok(),
            "handle" => text("handle") == self.value,
            // Shopify ignores fields it does not know, with a warning nobody reads.
            _ => true,
        }
    }

    fn at(&self, at: &str) -> bool {
        let (Ok(at), Ok(wanted)) = (at.parse::<jiff::Timestamp>(), parse_instant(&self.value)) else {
            return false;
        };
        self.compare(&at, &wanted)
    }

    fn id(&self, id: &str) -> bool {
        let number = |text: &str| text.rsplit('/').next().and_then(|text| text.parse::<u64>().ok());
        match (number(id), number(&self.value)) {
            (Some(id), Some(wanted)) => self.compare(&id, &wanted),
            _ => false,
        }
    }

    fn compare<T: Ord>(&self, found: &T, wanted: &T) -> bool {
        match self.comparison {
            Comparison::Matches => found == wanted,
            Comparison::Less => found < wanted,
            Comparison::LessOrEqual => found <= wanted,
            Comparison::Greater => found > wanted,
            Comparison::GreaterOrEqual => found >= wanted,
        }
    }
}

fn parse_instant(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse())
}

/// Search is by token and ignores `#`: a longer number that starts alike is a hit too, which is why
/// callers must compare.
fn matches_name(name: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches('#').trim_end_matches('*');
    !wanted.is_empty() && name.trim_start_matches('#').starts_with(wanted)
}

#[cfg(test)]
mod tests {
    use super::Search;
    use serde_json::json;

    #[test]
    fn a_quoted_instant_bounds_the_orders() {
        let order =
            json!({ "updatedAt": "2026-11-24T10:00:00Z", "name": "#1001", "id": "gid://shopify/Order/77" });
        let fits = |query: &str| Search::parse(query).fits(&order);
        assert!(fits("updated_at:>='2026-11-24T10:00:00Z'"));
        assert!(fits("updated_at:>=\"2026-11-24T11:00:00+01:00\" AND updated_at:<'2026-11-25'"));
        assert!(!fits("updated_at:>'2026-11-24T10:00:00Z'"));
        assert!(fits("id:>=77") && !fits("id:>77") && !fits("-id:77"));
    }

    #[test]
    fn a_name_finds_its_longer_neighbours_too() {
        let found = |query: &str, name: &str| Search::parse(query).fits(&json!({ "name": name }));
        assert!(found("name:#1001", "#1001"));
        assert!(found("name:'#1001'", "#10011"));
        assert!(!found("name:#1001", "#2001"));
    }
}
