//! Paths of one machine and hosts of registries, which must not be in the repository.
//!
//! Every file is searched except lock files: scripts and pages can contain them too.

use super::finding::Finding;

/// Put together here, so that this file does not offend itself.
const PATHS: [&str; 5] = [
    concat!("/", "work/"),
    concat!("/", "tmp/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
];
const REGISTRIES: [&str; 7] = [
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("repo.", "maven.apache.org"),
    concat!("repo1.", "maven.org"),
    concat!("proxy.", "golang.org"),
    concat!("artif", "actory"),
    concat!("replace-", "with"),
];

/// The lines of `text` that only make sense on one machine.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if path.ends_with(".lock") || path.ends_with("go.sum") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(found) = PATHS.iter().find(|found| begins_path(line, found)) {
            let instead =
                format!("`{found}`: use a relative path, or ask the system for a directory");
            findings.push(Finding::new(path, index + 1, "machine path", instead));
        }
        if let Some(found) = REGISTRIES.iter().find(|found| line.contains(**found)) {
            let instead =
                format!("`{found}`: which registry is used is the machine's configuration");
            findings.push(Finding::new(path, index + 1, "registry host", instead));
        }
    }
    findings
}

/// Whether an absolute path begins with `prefix` in `line`; `a/tmp/b` is a relative one.
fn begins_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.})".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        check(path, text)
            .iter()
            .map(|finding| (finding.rule, finding.line))
            .collect()
    }

    #[test]
    fn an_absolute_path_of_a_machine_is_found() {
        for path in PATHS {
            assert_eq!(
                rules("a.md", &format!("\nsee `{path}x`")),
                [("machine path", 2)]
            );
            assert_eq!(
                rules("a.md", &format!("file://{path}x")),
                [("machine path", 1)]
            );
            assert!(rules("a.md", &format!("target{path}x ${{dir}}{path}x")).is_empty());
        }
    }

    #[test]
    fn a_registry_is_found_but_not_in_a_lock_file() {
        for host in REGISTRIES {
            assert_eq!(
                rules("a.toml", &format!("url = https://{host}/x")),
                [("registry host", 1)]
            );
            assert!(rules("Cargo.lock", host).is_empty());
        }
        assert!(rules("README.md", "https://crates.io/crates/kafka-wire").is_empty());
    }
}
