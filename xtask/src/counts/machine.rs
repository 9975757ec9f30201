//! The compilers and the processor that a count of instructions is valid for.

use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// What made the instructions, and for which processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    rustc: String,
    /// For zstd, which is written in C.
    cc: String,
    processor: String,
}

impl Machine {
    pub(super) fn this() -> Result<Self> {
        let mut rustc = Command::new("rustc");
        let rustc = shell::read(rustc.arg("-vV").current_dir(shell::workspace()))?;
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not say what it compiles for")?;
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self {
            rustc: first_line(&rustc),
            cc: first_line(&shell::read(Command::new("cc").arg("--version"))?),
            processor: processor(host, &flags),
        })
    }

    /// In what the two differ, if that changes how many instructions something takes.
    pub(super) fn difference(&self, now: &Self) -> Option<String> {
        let words =
            |machine: &Self| [&machine.rustc, &machine.cc, &machine.processor].map(String::clone);
        let mut pairs = words(self).into_iter().zip(words(now));
        let differ = pairs.find(|(before, now)| before != now);
        differ.map(|(before, now)| format!("the baseline is of {before:?}, this is {now:?}"))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The architecture, and those of its extensions that libraries look for at run time.
fn processor(host: &str, cpuinfo: &str) -> String {
    let has = |flag: &&str| cpuinfo.split_whitespace().any(|word| word == *flag);
    let found = LOOKED_FOR.iter().copied().filter(has);
    let words: Vec<_> = [host].into_iter().chain(found).collect();
    words.join(" ")
}

const LOOKED_FOR: [&str; 4] = ["sse4_2", "pclmulqdq", "avx2", "bmi2"];

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(rustc: &str) -> Machine {
        Machine {
            rustc: rustc.to_owned(),
            cc: "cc 12".to_owned(),
            processor: "x86_64".to_owned(),
        }
    }

    #[test]
    fn another_compiler_is_a_difference_that_is_named() {
        assert_eq!(machine("rustc 1").difference(&machine("rustc 1")), None);
        assert_eq!(
            machine("rustc 1").difference(&machine("rustc 2")).unwrap(),
            "the baseline is of \"rustc 1\", this is \"rustc 2\""
        );
    }

    #[test]
    fn a_processor_is_named_with_what_libraries_look_for() {
        let cpuinfo = "flags\t\t: fpu sse4_2 avx avx2 bmi1";
        assert_eq!(
            processor("x86_64-unknown-linux-gnu", cpuinfo),
            "x86_64-unknown-linux-gnu sse4_2 avx2"
        );
    }
}
