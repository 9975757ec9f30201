//! `cargo xtask api`: compares the public API of each library with what `docs/api` has written down.
//!
//! ```text
//! sources ─ rustdoc ─▶ JSON ─ public-api ─▶ one line for each public item ─▶ docs/api/kafka-wire.txt
//! ```
//!
//! Who changes what others can call, changes a file of the repository with it, and sees what they change. The
//! lines are those of all features, without what is hidden from the documentation.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::libraries::LIBRARIES;
use crate::shell;

/// Compare the public API of each library with what is written down.
#[derive(Args)]
pub(crate) struct Task {
    /// Write down what there is.
    #[arg(long)]
    update: bool,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.update {
            true => update()?,
            false => check()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The compiler whose form of JSON is read; each has its own.
const RUST: &str = "1.95";

/// Whether the compiler of this machine is the one whose JSON is read; if not, which it is.
pub(crate) fn is_readable() -> std::result::Result<(), String> {
    let version = shell::read(std::process::Command::new("rustc").arg("--version"));
    let version = version.map_err(|error| format!("{error:#}"))?;
    match version.starts_with(&format!("rustc {RUST}.")) {
        true => Ok(()),
        false => Err(format!(
            "the lists are those of Rust {RUST}, this is {version}"
        )),
    }
}

/// Fails with the first lines that differ.
pub(crate) fn check() -> Result<()> {
    let mut count = 0;
    for (path, now) in lists()? {
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let changes = changes(&before, &now);
        ensure!(
            changes.is_empty(),
            "{} is not the public API any more:\n{}\nif that is meant to be so, `cargo xtask api --update`",
            path.display(),
            changes.join("\n")
        );
        count += now.lines().count();
    }
    println!("{count} public items are as they were");
    Ok(())
}

fn update() -> Result<()> {
    for (path, now) in lists()? {
        std::fs::write(&path, now).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Each library's file, and what belongs into it.
fn lists() -> Result<Vec<(PathBuf, String)>> {
    is_readable().map_err(anyhow::Error::msg)?;
    document()?;
    let list = |library: &&str| {
        let json = library.replace('-', "_") + ".json";
        let api = public_api::Builder::from_rustdoc_json(shell::target().join("doc").join(json));
        let api = api
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .build()
            .with_context(|| format!("the public API of {library} cannot be read"))?;
        let lines = api.items().map(ToString::to_string);
        let path = format!("docs/api/{library}.txt");
        Ok((shell::workspace().join(path), listed(lines)))
    };
    LIBRARIES.iter().map(list).collect()
}

/// Has rustdoc write JSON, which a stable one does only if a variable allows it. Of cargo's programs rustdoc alone gets
/// that variable: build scripts look at it, and all would be built anew.
fn document() -> Result<()> {
    let dir = shell::target().join("api");
    std::fs::create_dir_all(&dir)?;
    let rustdoc = dir.join("rustdoc");
    std::fs::write(
        &rustdoc,
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n",
    )?;
    std::fs::set_permissions(&rustdoc, std::fs::Permissions::from_mode(0o755))?;
    let mut doc = shell::cargo();
    doc.args("doc --no-deps --lib --workspace --all-features --quiet".split(' '));
    doc.env(
        "RUSTDOCFLAGS",
        "-Z unstable-options --output-format json --cap-lints allow",
    );
    shell::run(doc.env("RUSTDOC", &rustdoc))
}

/// One line for each item. Of what implements a trait, types are listed (of what a future returns), functions are not. What messages are made of is Kafka's
/// business: their declarations are compared with Kafka's schemas elsewhere.
fn listed(items: impl Iterator<Item = String>) -> String {
    let mut list = String::new();
    let mut implementor = None;
    for item in items {
        if item.starts_with("impl") {
            implementor = implementor_of(&item).map(|name| format!(" {name}::"));
        } else if !item.starts_with("pub type ")
            && implementor.as_ref().is_some_and(|name| item.contains(name))
        {
            continue;
        }
        if !is_part_of_message(&item) {
            list.push_str(&item);
            list.push('\n');
        }
    }
    list
}

/// What a line says that it implements a trait for.
fn implementor_of(implements: &str) -> Option<&str> {
    let (_, name) = implements.split_once(" for ")?;
    Some(name.split_once(" where ").map_or(name, |(name, _)| name))
}

fn is_part_of_message(item: &str) -> bool {
    let is_type = ["struct ", "enum ", "mod ", "use ", "trait ", "type "];
    let is_type = is_type.iter().any(|kind| item.contains(kind));
    item.contains("kafka_wire::messages::") && (!is_type || item.starts_with("impl"))
}

/// The lines that went and those that came, as far as one wants to read them.
fn changes(before: &str, now: &str) -> Vec<String> {
    const ENOUGH: usize = 40;
    let lost = |from: &str, of: &str, sign: &str| {
        let of: std::collections::HashSet<_> = of.lines().collect();
        let lost = from.lines().filter(|line| !of.contains(line));
        lost.map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    let mut changes = lost(before, now, "-");
    changes.extend(lost(now, before, "+"));
    if changes.is_empty() && before != now {
        changes.push("  the order, or how often a line is there".to_owned());
    }
    changes.truncate(ENOUGH);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_traits_are_not_listed() {
        let items = [
            "pub struct a::B",
            "impl a::B",
            "pub fn a::B::new() -> Self",
            "impl core::clone::Clone for a::B",
            "pub fn a::B::clone(&self) -> a::B",
            "impl<T> core::clone::Clone for a::G<T> where T: Copy",
            "pub fn a::G<T>::clone(&self) -> a::G<T>",
            "impl<T> core::future::Future for a::G<T>",
            "pub type a::G<T>::Output = T",
            "pub struct a::Bc",
            "pub fn a::free()",
        ];
        let list = listed(items.into_iter().map(str::to_owned));
        let expected: Vec<_> = items
            .into_iter()
            .filter(|item| !item.contains("clone("))
            .collect();
        assert_eq!(list.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn of_a_message_the_name_is_listed() {
        let items = [
            "pub mod kafka_wire::messages::fetch",
            "#[non_exhaustive] pub struct kafka_wire::messages::fetch::Topic",
            "pub kafka_wire::messages::fetch::Topic::name: u8",
            "impl kafka_wire::Wire for kafka_wire::messages::fetch::Topic",
            "pub struct kafka_wire::Reader",
        ];
        let list = listed(items.into_iter().map(str::to_owned));
        assert_eq!(
            list.lines().collect::<Vec<_>>(),
            [items[0], items[1], items[4]]
        );
    }

    #[test]
    fn a_change_tells_what_went_and_what_came() {
        assert_eq!(changes("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert_eq!(changes("a\nb\n", "a\nb\n"), [""; 0]);
        assert_eq!(changes("a\nb\n", "b\na\n").len(), 1);
    }
}
