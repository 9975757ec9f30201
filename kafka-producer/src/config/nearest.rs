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
    (differences <= nearest.len() / 4).then_some(nearest)
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
        assert_eq!(nearest("max.in.flight.requests"), None);
        assert_eq!(nearest("ack"), Some("acks"));
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
