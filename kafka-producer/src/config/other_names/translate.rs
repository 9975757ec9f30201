//! A configuration with names of any origin, to one with names of today.
//!
//! Whoever wrote the file is told what to write today, for each name. Two names of one setting must agree.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{Problem, Warning};
use super::super::jaas::quote;
use super::super::providers::Provided;
use super::super::table::{self, HIDDEN};
use super::super::values::Findings;
use super::convert::{Converted, Setting, convert};
use super::lookup::all;
use super::name::{Meaning, OtherName};

/// What was set, by names of today and by names that nobody knows.
#[derive(Debug, Default)]
pub(in super::super) struct Translated {
    pub(in super::super) explicit: BTreeMap<String, String>,
    /// Properties that were set by another name, to what is no value of theirs, which was reported.
    pub(in super::super) invalid: BTreeSet<&'static str>,
}

/// Translates what was set.
pub(in super::super) fn translate(
    given: &BTreeMap<String, String>,
    provided: &Provided,
    findings: &mut Findings,
) -> Translated {
    let is_other = |name: &str| all().any(|other| other.name == name);
    let explicit = given.iter().filter(|(name, _)| !is_other(name));
    let explicit = explicit.map(|(name, value)| (name.clone(), value.clone()));
    let mut translator = Translator {
        given,
        provided,
        result: Translated {
            explicit: explicit.collect(),
            invalid: BTreeSet::new(),
        },
        said_by: BTreeMap::new(),
        findings,
    };
    for other in all() {
        if let Some(value) = given.get(other.name) {
            translator.apply(other, value);
        }
    }
    translator.result
}

struct Translator<'a> {
    given: &'a BTreeMap<String, String>,
    /// What was provided is not shown, nor what it is converted to.
    provided: &'a Provided,
    result: Translated,
    /// Which other name a setting of today comes from.
    said_by: BTreeMap<&'static str, &'static OtherName>,
    findings: &'a mut Findings,
}

impl Translator<'_> {
    fn apply(&mut self, other: &'static OtherName, value: &str) {
        let converted = match other.meaning {
            Meaning::Same(to) => Converted::Settings(vec![(to, value.to_owned())]),
            Meaning::Converted { to, by } => convert(by, to, value),
            Meaning::Joined { .. } => match self.join(other, value) {
                Some(converted) => converted,
                None => return,
            },
            Meaning::NoEffect(reason) => Converted::Nothing(reason),
            Meaning::Refused { unless, .. } if value.trim().eq_ignore_ascii_case(unless) => return,
            Meaning::Refused { reason, .. } => Converted::Refused(reason),
        };
        match converted {
            Converted::Settings(settings) => self.set(other, value, settings),
            Converted::Nothing(reason) => self.no_effect(other, reason),
            Converted::Refused(reason) => self.refuse(other, value, reason),
            Converted::Invalid(allowed) => self.invalid(other, value, allowed.to_owned()),
        }
    }

    fn set(&mut self, other: &'static OtherName, value: &str, settings: Vec<Setting>) {
        for (setting, text) in &settings {
            let property = table::named(setting).expect("other names mean properties of the table");
            let Some(read) = property.read(text) else {
                return self.invalid(other, value, property.allowed_values());
            };
            match self.result.explicit.get(*setting) {
                None => {
                    self.result
                        .explicit
                        .insert((*setting).to_owned(), text.clone());
                    self.said_by.insert(setting, other);
                }
                Some(there) if property.read(there).is_some_and(|there| there != read) => {
                    return self.disagree(other, value, setting);
                }
                Some(_) => {}
            }
        }
        self.warn(other, &settings);
    }

    fn warn(&mut self, other: &'static OtherName, settings: &[Setting]) {
        let write = |(setting, text): &Setting| {
            let property = table::named(setting).filter(|_| !self.provided.has(other.name));
            let shown = property.map_or_else(|| HIDDEN.into(), |property| property.shown(text));
            format!("{setting}={shown}")
        };
        let instead: Vec<String> = settings.iter().map(write).collect();
        self.findings.warnings.push(Warning::OtherName {
            name: other.name,
            origin: other.origin,
            instead: instead.join(" and "),
        });
    }

    fn no_effect(&mut self, other: &'static OtherName, reason: &'static str) {
        let name = other.name;
        self.findings
            .warnings
            .push(Warning::NoEffect { name, reason });
    }

    fn refuse(&mut self, other: &'static OtherName, value: &str, reason: &str) {
        let allowed = match other.meaning {
            Meaning::Refused { unless, .. } if !unless.is_empty() => unless,
            _ => "left unset",
        };
        self.findings.problems.push(Problem::Unsupported {
            name: other.name,
            value: self.shown(other, value).to_owned(),
            allowed: allowed.to_owned(),
            reason: reason.to_owned(),
        });
    }

    fn invalid(&mut self, other: &'static OtherName, value: &str, allowed: String) {
        self.result.invalid.extend(other.today());
        self.findings.problems.push(Problem::Invalid {
            name: other.name,
            value: self.shown(other, value).to_owned(),
            allowed,
        });
    }

    /// Another name said otherwise, or today's did.
    fn disagree(&mut self, other: &'static OtherName, value: &str, setting: &'static str) {
        let (name, there) = match self.said_by.get(setting) {
            Some(first) => {
                let there = self.shown(first, &self.given[first.name]);
                (first.name, there.into())
            }
            None => {
                let there = &self.given[setting];
                let property = table::named(setting);
                (
                    setting,
                    property.map_or_else(|| HIDDEN.into(), |property| property.shown(there)),
                )
            }
        };
        self.findings.problems.push(Problem::Disagreement {
            name: other.name,
            value: self.shown(other, value).to_owned(),
            other: name,
            other_value: there.into_owned(),
            setting,
        });
    }

    /// What several names mean together; `None` if it was said, or will be with another of them.
    fn join(&mut self, other: &'static OtherName, value: &str) -> Option<Converted> {
        match other.name {
            "compression.level" => Some(self.level(value.trim())),
            _ => self.login(other),
        }
    }

    fn level(&self, value: &str) -> Converted {
        if value == "-1" {
            return Converted::Nothing("-1 is the codec's own default, which is used anyway");
        }
        let codec = self.result.explicit.get("compression.type");
        let setting = match codec.map_or("none", |codec| codec.trim()) {
            "gzip" => "compression.gzip.level",
            "lz4" => "compression.lz4.level",
            "zstd" => "compression.zstd.level",
            _ => return Converted::Nothing("compression.type is a codec without levels"),
        };
        Converted::Settings(vec![(setting, value.to_owned())])
    }

    /// A name and a password make a login once; what is missing is reported with the one that is there.
    fn login(&mut self, other: &'static OtherName) -> Option<Converted> {
        let Some(mechanism) = self.result.explicit.get("sasl.mechanism") else {
            return Some(Converted::Nothing(
                "which login is meant, sasl.mechanism must say",
            ));
        };
        let module = match mechanism.trim().to_ascii_uppercase().as_str() {
            "PLAIN" => "org.apache.kafka.common.security.plain.PlainLoginModule",
            "SCRAM-SHA-256" | "SCRAM-SHA-512" => {
                "org.apache.kafka.common.security.scram.ScramLoginModule"
            }
            _ => {
                return Some(Converted::Nothing(
                    "sasl.mechanism is one without a password",
                ));
            }
        };
        match (
            self.given.get("sasl.username"),
            self.given.get("sasl.password"),
        ) {
            (Some(username), Some(password)) => {
                // Within the login module's text nothing is trimmed any more.
                let [username, password] =
                    [username, password].map(|text| quote(table::trimmed(text)));
                let jaas = format!("{module} required username={username} password={password};");
                Some(Converted::Settings(vec![("sasl.jaas.config", jaas)]))
            }
            (username, _) => {
                let missing = if username.is_none() {
                    "sasl.username"
                } else {
                    "sasl.password"
                };
                self.findings
                    .missing(missing, format!("it belongs to {}", other.name));
                self.result.invalid.insert("sasl.jaas.config");
                None
            }
        }
    }

    fn shown<'v>(&self, other: &OtherName, value: &'v str) -> &'v str {
        if other.is_secret || self.provided.has(other.name) {
            HIDDEN
        } else {
            value
        }
    }
}
