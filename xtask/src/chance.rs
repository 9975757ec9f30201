//! The seed of CI's random cases, derived from the code: each new state of the code is tested with
//! new cases, and the same commit always with the same.

use std::process::Command;

use crate::shell;

/// A number of 48 bits that follows from the content of the last commit, not from its time, author
/// or history; zero where there is no repository.
pub(crate) fn of_this_code() -> u64 {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD^{tree}"]);
    let tree = shell::read(git.current_dir(shell::workspace()));
    tree.map_or(0, |tree| number(&tree))
}

/// The first digits of a hash.
fn number(hash: &str) -> u64 {
    let digits = hash.get(..DIGITS).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or(0)
}

const DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_of_the_first_digits() {
        let hash = "00000000010f5de5e3db6e4ca1b2e0cb4a8ae16b\n";
        assert_eq!(number(hash), 0x010f);
        assert_eq!(number("no hash"), 0);
    }
}
