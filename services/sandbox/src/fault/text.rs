//! Rules as text and as JSON.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::{Fault, Remote, Rule, When};

/// A text or JSON form of a rule that says nothing we understand.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a fault rule: {0}")]
pub struct FaultSyntax(String);

fn bad(text: &str) -> FaultSyntax {
    FaultSyntax(text.to_owned())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code, None) => write!(f, "status={code}"),
            Self::Status(code, Some(after)) => write!(f, "status={code}/{after}"),
            Self::Slow(ms) => write!(f, "slow={ms}"),
            Self::Timeout => f.write_str("timeout"),
            Self::TimeoutAfter => f.write_str("timeout-after"),
            Self::CloseBefore => f.write_str("close-before"),
            Self::CloseAfter => f.write_str("close-after"),
            Self::Truncated => f.write_str("truncated"),
            Self::Html(code) => write!(f, "html={code}"),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultSyntax;

    fn from_str(text: &str) -> Result<Self, FaultSyntax> {
        let status = |code: &str| {
            code.parse::<u16>().ok().filter(|code| (200..600).contains(code)).ok_or_else(|| bad(text))
        };
        Ok(match text.split_once('=') {
            None => match text {
                "timeout" => Self::Timeout,
                "timeout-after" => Self::TimeoutAfter,
                "close-before" => Self::CloseBefore,
                "close-after" => Self::CloseAfter,
                "truncated" => Self::Truncated,
                "html" => Self::Html(502),
                _ => return Err(bad(text)),
            },
            Some(("slow", ms)) => Self::Slow(ms.parse().map_err(|_| bad(text))?),
            Some(("html", code)) => Self::Html(status(code)?),
            Some(("status", value)) => match value.split_once('/') {
                None => Self::Status(status(value)?, None),
                Some((code, after)) => {
                    Self::Status(status(code)?, Some(after.parse().map_err(|_| bad(text))?))
                }
            },
            Some(_) => return Err(bad(text)),
        })
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(f, "nth={n}"),
            Self::Every => f.write_str("every"),
            Self::Probability(ppm) => write!(f, "p={}", Decimal::new(i64::from(*ppm), 6).normalize()),
        }
    }
}

impl FromStr for When {
    type Err = FaultSyntax;

    fn from_str(text: &str) -> Result<Self, FaultSyntax> {
        match text.split_once('=') {
            None if text == "every" => Ok(Self::Every),
            Some(("nth", n)) => match n.parse() {
                Ok(n) if n > 0 => Ok(Self::Nth(n)),
                _ => Err(bad(text)),
            },
            Some(("p", p)) => p
                .parse::<Decimal>()
                .ok()
                .filter(|p| (Decimal::ZERO..=Decimal::ONE).contains(p))
                .and_then(|p| (p * Decimal::from(1_000_000)).round().to_u32())
                .map(Self::Probability)
                .ok_or_else(|| bad(text)),
            _ => Err(bad(text)),
        }
    }
}

impl Rule {
    /// The rule as the control API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "remote": self.remote, "route": self.route, "when": self.when.to_string(),
            "times": self.times, "what": self.what.to_string(),
        })
    }

    /// Reads the control API's form; a string is taken as the compact text form.
    ///
    /// # Errors
    /// [`FaultSyntax`] when a key is missing or unknown words are used.
    pub fn from_json(value: &Value) -> Result<Self, FaultSyntax> {
        if let Some(text) = value.as_str() {
            return text.parse();
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or_else(|| bad(key));
        let remote = match text("remote")? {
            "shopify" => Remote::Shopify,
            "rackbeat" => Remote::Rackbeat,
            other => return Err(bad(other)),
        };
        Ok(Self {
            remote,
            route: text("route")?.to_owned(),
            when: value.get("when").map_or(Ok("every"), |_| text("when"))?.parse()?,
            times: value.get("times").and_then(Value::as_u64),
            what: text("what")?.parse()?,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.remote, self.route, self.when, self.what)?;
        match self.times {
            Some(times) => write!(f, ":times={times}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Rule {
    type Err = FaultSyntax;

    fn from_str(text: &str) -> Result<Self, FaultSyntax> {
        let parts: Vec<&str> = text.split(':').collect();
        let (remote, route, when, what, times) = match parts.as_slice() {
            [remote, route, when, what] => (*remote, *route, *when, *what, None),
            [remote, route, when, what, times] => {
                let times = times.strip_prefix("times=").and_then(|n| n.parse().ok());
                (*remote, *route, *when, *what, Some(times.ok_or_else(|| bad(text))?))
            }
            _ => return Err(bad(text)),
        };
        Ok(Self {
            remote: match remote {
                "shopify" => Remote::Shopify,
                "rackbeat" => Remote::Rackbeat,
                _ => return Err(bad(text)),
            },
            route: route.to_owned(),
            when: when.parse()?,
            times,
            what: what.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::fault::Rule;

    #[test]
    fn a_rule_survives_its_text_and_its_json_form() {
        for text in [
            "rackbeat:POST /orders/drafts:p=0.05:close-after",
            "shopify:OrderById:nth=3:status=503/2:times=1",
            "shopify:*:every:slow=1500",
            "rackbeat:GET /self$:every:html=502",
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            assert_eq!(Rule::from_json(&rule.to_json()).unwrap(), rule);
        }
        for text in ["", "rackbeat:x", "moon:*:every:html", "rackbeat:*:p=2:html", "rackbeat:*:nth=0:html"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }
}
