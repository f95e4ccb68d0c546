//! Shopify's search syntax, as far as a sync uses it: terms joined by spaces or AND, those by OR, each a
//! `field:value`, `field:>='value'` or a bare word.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::shopify::goods::{Goods, Product, Variant};

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
    /// Alternatives, each of terms that must all fit.
    branches: Vec<Vec<Term>>,
}

impl Search {
    pub(crate) fn parse(query: &str) -> Self {
        let words = words(query);
        let branches = words
            .split(|word| !word.1 && word.0.eq_ignore_ascii_case("or"))
            .map(|words| {
                let kept = words.iter().filter(|(word, quoted)| {
                    *quoted || (!word.is_empty() && !word.eq_ignore_ascii_case("and"))
                });
                kept.map(|(word, _)| term(word)).collect()
            })
            .collect();
        Self { branches }
    }

    fn any(&self, fits: impl Fn(&Term) -> bool) -> bool {
        self.branches.iter().any(|terms| terms.iter().all(|term| fits(term) != term.negated))
    }

    /// Whether `document` fits.
    pub(crate) fn fits(&self, document: &Value) -> bool {
        self.any(|term| term.fits(document))
    }

    /// Whether a product fits, without building its document.
    pub(crate) fn fits_product(&self, product: &Product) -> bool {
        self.any(|term| match term.field.as_deref() {
            Some("updated_at") => term.at(product.updated_at),
            Some("created_at") => term.at(product.created_at),
            Some("id") => term.number(product.id),
            Some("handle") => *product.handle == *term.value,
            Some("status") => product.status.eq_ignore_ascii_case(&term.value),
            Some("title") | None => product.title.to_lowercase().contains(&term.value.to_lowercase()),
            Some(_) => true,
        })
    }

    /// Ids of the variants that fit. Those with a SKU come from the index, as it is at `now`.
    pub(crate) fn variants(&self, goods: &Goods, now: Timestamp) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        for terms in &self.branches {
            let fits =
                |variant: &Variant| terms.iter().all(|term| term.fits_variant(variant) != term.negated);
            let by_sku = terms
                .iter()
                .find(|term| !term.negated && term.field.as_deref().is_none_or(|name| name == "sku"));
            match by_sku {
                Some(sku) => {
                    let hits = goods.search_sku(&sku.value, now);
                    found.extend(hits.into_iter().filter(|id| goods.variant(*id).is_some_and(fits)));
                }
                None => found.extend(
                    goods
                        .all_variants()
                        .map(|(_, variant)| variant)
                        .filter(|found| fits(found))
                        .map(|found| found.id),
                ),
            }
        }
        found
    }
}

/// Words with whether a quote was in them; within quotes a backslash keeps the next letter.
fn words(query: &str) -> Vec<(String, bool)> {
    let mut words = vec![(String::new(), false)];
    let mut quote = None;
    let mut letters = query.chars();
    while let Some(letter) = letters.next() {
        let kept = match quote {
            Some(_) if letter == '\\' => letters.next(),
            Some(open) if letter == open => {
                quote = None;
                None
            }
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                if let Some(word) = words.last_mut() {
                    word.1 = true;
                }
                None
            }
            None if letter.is_whitespace() => {
                words.push((String::new(), false));
                None
            }
            Some(_) | None => Some(letter),
        };
        if let (Some(letter), Some(word)) = (kept, words.last_mut()) {
            word.0.push(letter);
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
        let at = |name: &str| text(name).parse().is_ok_and(|at| self.at(at));
        let Some(field) = &self.field else {
            return matches_name(text("name"), &self.value);
        };
        match field.as_str() {
            "updated_at" => at("updatedAt"),
            "created_at" => at("createdAt"),
            "processed_at" => at("processedAt"),
            "id" => number(text("id")).is_some_and(|id| self.number(id)),
            "name" => matches_name(text("name"), &self.value),
            "financial_status" => text("displayFinancialStatus").eq_ignore_ascii_case(&self.value),
            "fulfillment_status" => text("displayFulfillmentStatus").eq_ignore_ascii_case(&self.value),
            "test" => document["test"].as_bool() == self.value.parse().ok(),
            // Shopify ignores fields it does not know, with a warning nobody reads.
            _ => true,
        }
    }

    /// A SKU was looked up in the index before.
    fn fits_variant(&self, variant: &Variant) -> bool {
        match self.field.as_deref() {
            Some("id") => self.number(variant.id),
            Some("product_id") => self.number(variant.product),
            Some("inventory_item_id") => self.number(variant.item),
            Some("barcode") => variant.barcode.as_deref() == Some(&*self.value),
            Some("updated_at") => self.at(variant.updated_at),
            Some(_) | None => true,
        }
    }

    fn at(&self, at: Timestamp) -> bool {
        parse_instant(&self.value).is_ok_and(|wanted| self.compare(&at, &wanted))
    }

    fn number(&self, id: u64) -> bool {
        number(&self.value).is_some_and(|wanted| self.compare(&id, &wanted))
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

/// The last number of a global id, or the number itself.
fn number(text: &str) -> Option<u64> {
    text.rsplit('/').next().and_then(|text| text.parse().ok())
}

fn parse_instant(text: &str) -> Result<Timestamp, jiff::Error> {
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
