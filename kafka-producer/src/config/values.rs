//! The properties one by one: the value of each, and what is wrong with those that were set.
//!
//! An invalid value is recorded and replaced by its default, so that the rules of `rules.rs` always
//! have a value; they ask [`Values::are_valid`] before they report one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::{Problem, Warning};
use super::nearest::nearest;
use super::table::{self, Property, Support, Value};
use crate::security::Secret;

pub(super) use super::table::HIDDEN;

/// The problems and warnings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Findings {
    pub(super) fn invalid(&mut self, name: &'static str, value: String, allowed: &str) {
        let allowed = allowed.to_owned();
        self.problems.push(Problem::Invalid {
            name,
            value,
            allowed,
        });
    }

    pub(super) fn missing(&mut self, name: &'static str, allowed: impl Into<String>) {
        let misspelt = self.misspelling_of(name);
        self.problems.push(Problem::Missing {
            name,
            allowed: allowed.into(),
            misspelt,
        });
    }

    /// The unknown name that resembles this one most, if one does.
    fn misspelling_of(&self, property: &'static str) -> Option<String> {
        self.warnings.iter().find_map(|warning| match warning {
            Warning::Unknown {
                name,
                nearest: Some(nearest),
            } if *nearest == property => Some(name.clone()),
            _ => None,
        })
    }

    pub(super) fn contradiction(
        &mut self,
        name: &'static str,
        value: String,
        allowed: &str,
        because: String,
    ) {
        let allowed = allowed.to_owned();
        self.problems.push(Problem::Contradiction {
            name,
            value,
            allowed,
            because,
        });
    }
}

/// The value of every property, and where it comes from.
#[derive(Debug)]
pub(super) struct Values {
    explicit: BTreeMap<&'static str, Value>,
    invalid: BTreeSet<&'static str>,
}

impl Values {
    pub(super) fn read(explicit: &BTreeMap<String, String>, findings: &mut Findings) -> Self {
        let mut values = Self {
            explicit: BTreeMap::new(),
            invalid: BTreeSet::new(),
        };
        for (name, text) in explicit {
            match table::named(name) {
                Some(property) => values.read_one(property, text, findings),
                None => findings.warnings.push(Warning::Unknown {
                    name: name.clone(),
                    nearest: nearest(name),
                }),
            }
        }
        values
    }

    /// The same, where these were set to something that is no value of theirs, and was reported.
    pub(super) fn with_invalid(mut self, names: BTreeSet<&'static str>) -> Self {
        self.invalid.extend(names);
        self
    }

    fn read_one(&mut self, property: &'static Property, text: &str, findings: &mut Findings) {
        let name = property.name;
        let Some(value) = property.read(text) else {
            self.invalid.insert(name);
            findings.problems.push(Problem::Invalid {
                name,
                value: property.shown(text).into_owned(),
                allowed: allowed_instead(property, text),
            });
            return;
        };
        match property.support {
            Support::Supported(_) => {}
            Support::NoEffect(reason) => findings.warnings.push(Warning::NoEffect { name, reason }),
        }
        self.explicit.insert(name, value);
    }

    /// Whether the user set it, to whatever value.
    pub(super) fn is_set(&self, name: &'static str) -> bool {
        self.explicit.contains_key(name) || self.invalid.contains(name)
    }

    /// Whether nothing is wrong with any of them alone.
    pub(super) fn are_valid(&self, names: &[&'static str]) -> bool {
        !names.iter().any(|name| self.invalid.contains(name))
    }

    pub(super) fn flag(&self, name: &'static str) -> bool {
        match self.value(name) {
            Some(Value::Bool(flag)) => flag,
            other => unreachable!("{name} is {other:?}, not true or false: the table says so"),
        }
    }

    pub(super) fn number(&self, name: &'static str) -> i64 {
        match self.value(name) {
            Some(Value::Whole(number)) => number,
            other => unreachable!("{name} is {other:?}, not a number: the table says so"),
        }
    }

    /// How many; negative numbers count as none.
    pub(super) fn count(&self, name: &'static str) -> usize {
        usize::try_from(self.number(name).max(0)).unwrap_or(usize::MAX)
    }

    /// How long; negative times count as none.
    pub(super) fn time(&self, name: &'static str) -> Duration {
        self.limit(name).unwrap_or_default()
    }

    /// How long at most; a negative time is no limit.
    pub(super) fn limit(&self, name: &'static str) -> Option<Duration> {
        let millis = u64::try_from(self.number(name)).ok()?;
        Some(Duration::from_millis(millis).min(FOREVER))
    }

    /// The number of a property without a default, if it is set.
    #[cfg(feature = "oauth-oidc")]
    pub(super) fn given_number(&self, name: &'static str) -> Option<i64> {
        self.value(name).map(|_| self.number(name))
    }

    #[cfg(feature = "oauth-oidc")]
    pub(super) fn decimal(&self, name: &'static str) -> f64 {
        match self.value(name) {
            Some(Value::Decimal(number)) => number,
            other => unreachable!("{name} is {other:?}, not a decimal: the table says so"),
        }
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            other => unreachable!("{name} is {other:?}, not a text: the table says so"),
        }
    }

    /// A text that must not be shown, unless it is unset or empty.
    pub(super) fn secret(&self, name: &'static str) -> Option<Secret> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        Some(Secret::new(text))
    }

    /// The properties that were set to another value than their default.
    pub(super) fn changed(&self) -> impl Iterator<Item = &'static Property> {
        let set = self.explicit.iter();
        set.filter_map(|(name, value)| {
            table::named(name).filter(|property| !property.is_default(value))
        })
    }

    pub(super) fn list(&self, name: &'static str) -> Vec<String> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            other => unreachable!("{name} is {other:?}, not a list: the table says so"),
        }
    }

    fn value(&self, name: &'static str) -> Option<Value> {
        let property = table::named(name).expect("rules ask for names of the table only");
        self.explicit
            .get(name)
            .cloned()
            .or_else(|| property.default_value())
    }
}

/// What is allowed instead. Old documents have `acks=2` for more replicas than the leader.
fn allowed_instead(property: &Property, text: &str) -> String {
    let allowed = property.allowed_values();
    match (property.name, text.trim().parse::<u32>()) {
        ("acks", Ok(2..)) => format!("{allowed}; for more replicas than the leader: all"),
        _ => allowed,
    }
}

/// A hundred years: longer than any wait, and short enough to be added to any `Instant`.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
