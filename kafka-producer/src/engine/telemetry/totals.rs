//! The totals that brokers have taken, so that the next push tells what was added since: nothing is told twice.

use std::time::SystemTime;

use hashbrown::HashMap;

/// A metric by its full name, and what tells it from others of that name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

/// Totals as they were when they were last taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    taken: HashMap<Series, Taken>,
}

/// A total, and since when it has been counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Total {
    pub(super) value: f64,
    pub(super) since: SystemTime,
}

/// A total that a broker has taken, and when it was gathered.
#[derive(Clone, Copy, Debug)]
struct Taken {
    at: SystemTime,
    total: Total,
}

/// What was added to a total, and from when on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Added {
    pub(super) since: SystemTime,
    pub(super) value: f64,
}

impl Totals {
    /// A total is pushed that was gathered at `at`.
    pub(super) fn note(&mut self, series: Series, at: SystemTime, total: Total) {
        self.taken.insert(series, Taken { at, total });
    }

    /// A total is not pushed now: what `before` knows of it goes on to count.
    pub(super) fn carry_over(&mut self, series: Series, before: &Self) {
        if let Some(taken) = before.taken.get(&series) {
            self.taken.insert(series, *taken);
        }
    }

    /// What was added to a total since it was last taken, unless it has begun anew. The system's clock may have been
    /// set meanwhile: only whether it is the same total counts.
    pub(super) fn added(&self, series: &Series, total: Total) -> Added {
        let Total { value, since } = total;
        match self.taken.get(series) {
            Some(taken) if taken.total.since == since && taken.total.value <= value => Added {
                since: taken.at,
                value: value - taken.total.value,
            },
            _ => Added { since, value },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_total_that_begins_anew_counts_from_its_beginning() {
        let begun = SystemTime::UNIX_EPOCH;
        let at = |seconds| begun + Duration::from_secs(seconds);
        let series = Series {
            name: "orders".to_owned(),
            attributes: Vec::new(),
        };
        let mut totals = Totals::default();
        let total = |value, since| Total { value, since };
        let first = totals.added(&series, total(5.0, begun));
        assert_eq!((first.since, first.value), (begun, 5.0));
        totals.note(series.clone(), at(10), total(5.0, begun));
        let mut kept = Totals::default();
        kept.carry_over(series.clone(), &totals);
        let later = kept.added(&series, total(7.0, begun));
        assert_eq!((later.since, later.value), (at(10), 2.0));
        for (value, since) in [(7.0, at(11)), (3.0, begun)] {
            let anew = totals.added(&series, total(value, since));
            assert_eq!((anew.since, anew.value), (since, value));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_count_twice() {
        let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(7_200);
        let total = |value| Total {
            value,
            since: begun,
        };
        let series = Series {
            name: "orders".to_owned(),
            attributes: Vec::new(),
        };
        let mut totals = Totals::default();
        let an_hour_before = begun - Duration::from_secs(3_600);
        totals.note(series.clone(), an_hour_before, total(5.0));
        assert_eq!(totals.added(&series, total(7.0)).value, 2.0);
    }
}
