//! The links of pages: each leads to a file of the repository, and to a heading that is there.
//!
//! ```text
//! [text](docs/delivery.md#recipes)   the file, from the folder of the page; its heading
//! [text](#recipes)                   a heading of the same page
//! [text](https://…)                  elsewhere: not looked at
//! ```

use std::collections::BTreeMap;

use super::finding::Finding;

/// The links of every page (path, text) that lead nowhere; `files` are all files of the repository.
pub(super) fn check(pages: &[(String, String)], files: &[String]) -> Vec<Finding> {
    let headings: BTreeMap<_, _> = pages
        .iter()
        .map(|(path, text)| (path.as_str(), headings(text)))
        .collect();
    let mut findings = Vec::new();
    for (page, text) in pages {
        for (number, line) in prose(text) {
            for link in links(line).filter(|link| !is_elsewhere(link)) {
                if let Err(missing) = follow(page, link, files, &headings) {
                    let instead = format!("`{link}`: there is no {missing}");
                    findings.push(Finding::new(page, number, "link", instead));
                }
            }
        }
    }
    findings
}

/// What is not there, if anything is not.
fn follow(
    page: &str,
    link: &str,
    files: &[String],
    headings: &BTreeMap<&str, Vec<String>>,
) -> Result<(), String> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => joined(page, path),
    };
    let folder = format!("{target}/");
    let is_there = |file: &String| *file == target || file.starts_with(&folder);
    if !files.iter().any(is_there) {
        return Err(format!("`{target}`"));
    }
    let there = headings.get(&*target);
    let is_heading = |there: &Vec<String>| there.iter().any(|it| it == heading);
    if heading.is_empty() || there.is_some_and(is_heading) {
        return Ok(());
    }
    Err(format!("heading `{heading}` in `{target}`"))
}

/// The path from the root, of one from the folder of `page`.
fn joined(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// Every target in `](…)`, but not in code.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let outside_of_code = line.split('`').step_by(2);
    // The text of a link may have code in it: then its end is in a later part.
    let targets = outside_of_code.flat_map(|part| part.split("](").skip(1));
    targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The lines that are not in blocks of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What leads to each heading of a page, as GitHub names it.
fn headings(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let name = name(line.trim_start_matches('#').trim());
        let before = names.iter().filter(|it| **it == name).count();
        names.push(match before {
            0 => name,
            before => format!("{name}-{before}"),
        });
    }
    names
}

/// Small letters, digits, `_` and `-`; a space is a `-`.
fn name(heading: &str) -> String {
    let kept = heading.chars().filter_map(|symbol| match symbol {
        ' ' => Some('-'),
        '-' | '_' => Some(symbol),
        symbol if symbol.is_alphanumeric() => Some(symbol),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<String> {
        let other = (
            "docs/a.md".to_owned(),
            "# The `A`\n## B, c\n## B, c".to_owned(),
        );
        let pages = [("docs/page.md".to_owned(), text.to_owned()), other];
        let files = ["docs/page.md", "docs/a.md", "src/lib.rs"].map(str::to_owned);
        let findings = check(&pages, &files);
        findings.into_iter().map(|it| it.instead).collect()
    }

    #[test]
    fn links_to_files_folders_and_headings_that_are_there_are_fine() {
        for text in [
            "[a](a.md), [b](a.md#the-a) and [c](a.md#b-c-1)",
            "[`code`](../src/lib.rs) ![picture](../src)",
            "# Here\n[here](#here) [there](https://example.com/a.md#b)",
            "`[a](b)`\n```text\n[a](b)\n# no\n```\n",
        ] {
            assert_eq!(missing(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        for (text, what) in [
            ("[a](b.md)", "`b.md`: there is no `docs/b.md`"),
            ("[`a`](../b.rs)", "`../b.rs`: there is no `b.rs`"),
            ("[a](#b)", "`#b`: there is no heading `b` in `docs/page.md`"),
            (
                "[a](a.md#c)",
                "`a.md#c`: there is no heading `c` in `docs/a.md`",
            ),
        ] {
            assert_eq!(missing(text), [what], "{text}");
        }
    }
}
