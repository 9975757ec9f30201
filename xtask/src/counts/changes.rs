//! The differences between two sets of counts, and which of them are allowed.
//!
//! Every count is a cost: less is better. A count that is new or missing is a change too, so that the
//! file is always complete.

use std::fmt;

use super::baseline::Counts;

/// What became of one count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Counted before and now.
    Both(Trend, f64, f64),
    New(f64),
    /// Nothing counts it any more.
    Gone(f64),
    /// Not counted this time, for a reason that was named.
    LeftOut(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trend {
    /// Near enough.
    Same,
    Better,
    Worse,
}

/// One for each count, in the order of the names. What is not counted now is gone, unless that is
/// excused.
pub(super) fn changes(
    before: &Counts,
    now: &Counts,
    is_excused: impl Fn(&str) -> bool,
) -> Vec<Change> {
    let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let kind = match kind(before.get(name).copied(), now.get(name).copied())? {
                Kind::Gone(before) if is_excused(name) => Kind::LeftOut(before),
                kind => kind,
            };
            let name = name.clone();
            Some(Change { name, kind })
        })
        .collect()
}

fn kind(before: Option<f64>, now: Option<f64>) -> Option<Kind> {
    match (before, now) {
        (Some(before), Some(now)) => {
            let trend = match growth(before, now) {
                by if by > ALLOWED => Trend::Worse,
                by if by < -ALLOWED => Trend::Better,
                _ => Trend::Same,
            };
            Some(Kind::Both(trend, before, now))
        }
        (None, now) => now.map(Kind::New),
        (Some(before), None) => Some(Kind::Gone(before)),
    }
}

/// In parts of what it was.
fn growth(before: f64, now: f64) -> f64 {
    (now - before) / before.max(SMALLEST)
}

impl Change {
    pub(super) fn is_refused(&self) -> bool {
        use Kind::{Both, Gone, New};
        matches!(self.kind, Both(Trend::Worse, ..) | New(_) | Gone(_))
    }

    pub(super) fn is_compared(&self) -> bool {
        !matches!(self.kind, Kind::LeftOut(_))
    }

    pub(super) fn is_better(&self) -> bool {
        matches!(self.kind, Kind::Both(Trend::Better, ..))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.kind {
            Kind::Both(trend, before, now) => {
                let word = match trend {
                    Trend::Same => "same",
                    Trend::Better => "better",
                    Trend::Worse => "WORSE",
                };
                let percent = growth(before, now) * 100.0;
                write!(
                    f,
                    "{word:8} {name}: {now:.4}, was {before:.4} ({percent:+.1} %)"
                )
            }
            Kind::New(now) => write!(f, "NEW      {name}: {now:.4}, and not in the baseline"),
            Kind::Gone(before) => write!(f, "GONE     {name}: was {before:.4}"),
            Kind::LeftOut(before) => write!(f, "left out {name}: was {before:.4}"),
        }
    }
}

/// How much more something may cost before somebody has to say that it may.
const ALLOWED: f64 = 0.05;
/// Counts below this are none: what is zero may not become more than a twentieth of it.
const SMALLEST: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(before: f64, now: f64) -> Kind {
        let counts = |count| Counts::from([("copies".to_owned(), count)]);
        changes(&counts(before), &counts(now), |_| false)[0].kind
    }

    #[test]
    fn a_twentieth_more_is_allowed_and_a_bit_more_is_not() {
        assert!(matches!(one(100.0, 105.0), Kind::Both(Trend::Same, ..)));
        assert!(matches!(one(100.0, 105.1), Kind::Both(Trend::Worse, ..)));
        assert!(matches!(one(100.0, 94.9), Kind::Both(Trend::Better, ..)));
    }

    #[test]
    fn nothing_may_not_become_something() {
        assert!(matches!(one(0.0, 0.0), Kind::Both(Trend::Same, ..)));
        assert!(matches!(one(0.0, 0.002), Kind::Both(Trend::Worse, ..)));
        assert!(matches!(one(1.0, 0.0), Kind::Both(Trend::Better, ..)));
    }

    #[test]
    fn a_count_that_is_new_or_gone_is_refused_and_one_that_is_excused_is_named() {
        let before = Counts::from([("a".to_owned(), 1.0), ("b".to_owned(), 3.0)]);
        let now = Counts::from([("c".to_owned(), 2.0)]);
        let changes = changes(&before, &now, |name| name == "a");
        let shown: Vec<_> = changes.iter().map(ToString::to_string).collect();
        let expected = [
            "left out a: was 1.0000",
            "GONE     b: was 3.0000",
            "NEW      c: 2.0000, and not in the baseline",
        ];
        assert_eq!(shown, expected);
        let refused: Vec<_> = changes.iter().map(Change::is_refused).collect();
        assert_eq!(refused, [false, true, true]);
    }

    #[test]
    fn what_is_worse_is_named_with_both_counts() {
        let counts = |count| Counts::from([("send: allocations".to_owned(), count)]);
        let change = &changes(&counts(1.0), &counts(1.5), |_| false)[0];
        assert_eq!(
            change.to_string(),
            "WORSE    send: allocations: 1.5000, was 1.0000 (+50.0 %)"
        );
    }
}
