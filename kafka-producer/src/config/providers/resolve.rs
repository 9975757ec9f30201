//! A configuration with variables, to one with the values that their providers give.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{Problem, Warning};
use super::super::values::Findings;
use super::super::{other_names, table};
use super::given::Provided;
use super::provider::Provider;
use super::variable::{Part, Variable, parts};

const PROVIDERS: &str = "config.providers";

/// What was set, as far as it could be looked up, without the settings of providers.
#[derive(Debug, Default)]
pub(in super::super) struct Resolved {
    pub(in super::super) explicit: BTreeMap<String, String>,
    /// Properties whose value could not be looked up, which was reported.
    pub(in super::super) invalid: BTreeSet<&'static str>,
    pub(in super::super) provided: Provided,
}

/// Looks up what the providers of the configuration have.
pub(in super::super) fn resolve(
    given: &BTreeMap<String, String>,
    findings: &mut Findings,
) -> Resolved {
    let providers = Providers::new(given, findings);
    let mut resolved = Resolved::default();
    for (name, value) in given {
        if providers.own(name) {
            continue;
        }
        let Some(known) = Known::named(name) else {
            // Nobody reads it.
            resolved.explicit.insert(name.clone(), value.clone());
            continue;
        };
        match providers.resolve(&known, value, &mut resolved.provided, findings) {
            Some(value) => drop(resolved.explicit.insert(name.clone(), value)),
            None => resolved.invalid.extend(known.property),
        }
    }
    resolved
}

/// A name whose value is read.
struct Known {
    name: &'static str,
    /// What it sets.
    property: Option<&'static str>,
}

impl Known {
    fn named(name: &str) -> Option<Self> {
        let property = table::named(name).map(|property| Self {
            name: property.name,
            property: Some(property.name),
        });
        property.or_else(|| {
            other_names::named(name).map(|other| Self {
                name: other.name,
                property: other.today(),
            })
        })
    }
}

/// The providers by their names; `None` where one could not be made, which was reported.
struct Providers<'a>(BTreeMap<&'a str, Option<Provider>>);

impl<'a> Providers<'a> {
    fn new(given: &'a BTreeMap<String, String>, findings: &mut Findings) -> Self {
        let list = given.get(PROVIDERS).map_or("", |list| list);
        let names = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Self(
            names
                .map(|name| (name, provider(name, given, findings)))
                .collect(),
        )
    }

    /// Whether it is a setting of one of them: `config.providers.NAME.class` or a parameter.
    fn own(&self, setting: &str) -> bool {
        self.0.iter().any(|(name, provider)| {
            let rest = setting.strip_prefix(&format!("{PROVIDERS}.{name}."));
            rest.is_some_and(|rest| match (rest.strip_prefix("param."), provider) {
                (Some(parameter), Some(provider)) => provider.takes(parameter),
                (Some(_), None) => true,
                (None, _) => rest == "class",
            })
        })
    }

    /// The value with what its variables stand for; `None` after it was reported that one has nothing.
    fn resolve(
        &self,
        known: &Known,
        value: &str,
        provided: &mut Provided,
        findings: &mut Findings,
    ) -> Option<String> {
        let name = known.name;
        let mut is_whole = true;
        let mut resolved = String::with_capacity(value.len());
        for part in parts(value) {
            let variable = match part {
                Part::Text(text) => {
                    resolved.push_str(text);
                    continue;
                }
                Part::Variable(variable) => variable,
            };
            let Some(provider) = self.0.get(variable.provider) else {
                findings.warnings.push(Warning::NoSuchProvider { name });
                resolved.push_str(variable.text);
                continue;
            };
            match provider.as_ref().map(|provider| provider.value(&variable)) {
                Some(Ok(text)) => {
                    provided.add(name, known.property, &text);
                    resolved.push_str(&text);
                }
                Some(Err(reason)) => {
                    is_whole = false;
                    findings.problems.push(unusable(name, &variable, reason));
                }
                // The provider itself was reported.
                None => is_whole = false,
            }
        }
        is_whole.then_some(resolved)
    }
}

fn unusable(name: &'static str, variable: &Variable<'_>, reason: String) -> Problem {
    Problem::Unusable {
        name,
        value: Some(variable.text.to_owned()),
        reason,
    }
}

fn provider(
    name: &str,
    given: &BTreeMap<String, String>,
    findings: &mut Findings,
) -> Option<Provider> {
    let setting = |rest: &str| format!("{PROVIDERS}.{name}.{rest}");
    let get = |rest: &str| given.get(&setting(rest)).map(|value| &**value);
    let mut unusable = |setting: String, value: Option<&str>, reason: String| {
        findings.problems.push(Problem::Unusable {
            name: PROVIDERS,
            value: Some(name.to_owned()),
            reason: match value {
                Some(value) => format!("{setting}={value:?}: {reason}"),
                None => format!("{setting} is required, a class: {reason}"),
            },
        });
    };
    let class = get("class");
    let made = Provider::new(class.unwrap_or_default(), |parameter| {
        get(&format!("param.{parameter}"))
    });
    match made {
        Ok(provider) => Some(provider),
        Err((None, reason)) => {
            unusable(setting("class"), class, reason);
            None
        }
        Err((Some(parameter), reason)) => {
            let parameter = format!("param.{parameter}");
            unusable(setting(&parameter), get(&parameter), reason);
            None
        }
    }
}
