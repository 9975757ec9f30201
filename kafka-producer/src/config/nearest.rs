//! What a misspelt property was meant to be.

use super::table;

/// Longer names are no typing errors, and would take long to compare.
const LONGEST_NAME_BYTES: usize = 80;

/// The property whose name differs least from `name`, if it differs little.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME_BYTES {
        return None;
    }
    let name = name.to_lowercase().replace(['_', '-'], ".");
    let candidates = table::all().map(|property| (distance(&name, property.name), property.name));
    let (differences, nearest) = candidates.min()?;
    let is_slip = differences <= nearest.len() / 4;
    is_slip.then_some(nearest).or_else(|| only_one_begun(&name))
}

/// The only name that goes on where this one ends: `linger` of `linger.ms`.
fn only_one_begun(name: &str) -> Option<&'static str> {
    let goes_on = |known: &&str| {
        known
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let mut begun = table::all().map(|property| property.name).filter(goes_on);
    let only = begun.next()?;
    begun.next().is_none().then_some(only)
}

/// How many characters must be inserted, removed or replaced to make `a` of `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        assert_eq!(nearest("liger.ms"), Some("linger.ms"));
        assert_eq!(nearest("LINGER_MS"), Some("linger.ms"));
        assert_eq!(nearest("boostrap.server"), Some("bootstrap.servers"));
        assert_eq!(
            nearest("max.in.flight.request.per.connection"),
            Some("max.in.flight.requests.per.connection")
        );
        assert_eq!(nearest("ack"), Some("acks"));
    }

    #[test]
    fn a_name_that_is_cut_short_is_recognised_if_only_one_begins_so() {
        assert_eq!(nearest("linger"), Some("linger.ms"));
        let in_flight = "max.in.flight.requests.per.connection";
        assert_eq!(nearest("max.in.flight.requests"), Some(in_flight));
        assert_eq!(nearest("ssl.truststore"), None, "there are several");
    }

    #[test]
    fn what_resembles_nothing_is_not_guessed_at() {
        assert_eq!(nearest("unknown.setting"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"linger.ms".repeat(100_000)), None);
    }

    #[test]
    fn a_distance_counts_insertions_removals_and_replacements() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
