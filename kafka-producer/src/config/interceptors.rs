//! `interceptor.classes`, which chooses among the interceptors that a program has given names.

use std::collections::BTreeSet;

use super::error::Problem;
#[cfg(feature = "tokio")]
use super::named_interceptors::{Factory, RecordTypes};
use super::plugins::Plugins;
use super::values::{Findings, Values};
#[cfg(feature = "tokio")]
use crate::interceptor::SharedInterceptor;

const NAME: &str = "interceptor.classes";

/// Reports names that nobody has given, and those that occur twice, which Java rejects (KIP-1161).
pub(super) fn check(values: &Values, plugins: &Plugins, findings: &mut Findings) {
    let names = values.list(NAME);
    for (at, name) in names.iter().enumerate() {
        let is_known = plugins.interceptor_names().any(|known| known == name);
        if !is_known {
            findings.problems.push(unknown(name, plugins));
        } else if names[..at].contains(name) {
            findings.invalid(NAME, names.join(","), "a list with each name once");
        }
    }
}

fn unknown(name: &str, plugins: &Plugins) -> Problem {
    let known: BTreeSet<&str> = plugins.interceptor_names().collect();
    let allowed: Vec<&str> = known.into_iter().chain(["left unset"]).collect();
    Problem::Unsupported {
        name: NAME,
        value: name.to_owned(),
        allowed: allowed.join(", or "),
        reason: "classes of Java cannot be run: Plugins::interceptor gives the name to an interceptor of the \
                 program's own, and the builder takes one without a name"
            .to_owned(),
    }
}

/// Reports names that are not for a producer of records of these types.
#[cfg(feature = "tokio")]
pub(super) fn compare<K: ?Sized + 'static, V: ?Sized + 'static>(
    values: &Values,
    plugins: &Plugins,
    findings: &mut Findings,
) {
    let (named, wanted) = (plugins.interceptors(), RecordTypes::of::<K, V>());
    for name in values.list(NAME) {
        // Of a name that nobody has given, `check` reports that.
        if let (None, Some(other)) = (named.factory::<K, V>(&name), named.types_of(&name)) {
            wrong_types(name, wanted, other, findings);
        }
    }
}

/// Those that the settings name, in their order.
#[cfg(feature = "tokio")]
pub(super) fn make<K: ?Sized + 'static, V: ?Sized + 'static>(
    names: &[String],
    plugins: &Plugins,
) -> Vec<SharedInterceptor<K, V>> {
    let factories = names
        .iter()
        .filter_map(|name| plugins.interceptors().factory(name));
    factories.map(Factory::make).collect()
}

/// What the setting names.
#[cfg(feature = "tokio")]
pub(super) fn named(values: &Values) -> Vec<String> {
    values.list(NAME)
}

#[cfg(feature = "tokio")]
fn wrong_types(name: String, wanted: RecordTypes, other: RecordTypes, findings: &mut Findings) {
    let allowed = format!("an interceptor for {wanted}");
    let because = format!("those are the producer's records, and it is for {other}");
    findings.contradiction(NAME, name, &allowed, because);
}
