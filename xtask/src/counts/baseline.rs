//! The file of the counts: sorted, one per line, so that a diff can be read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::shell;

/// What is counted, by name.
pub(super) type Counts = BTreeMap<String, f64>;

/// What was counted, and what instructions were counted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) machine: Machine,
    pub(super) counts: Counts,
}

impl Baseline {
    pub(super) fn read() -> Result<Self> {
        let path = path();
        let (name, way) = (path.display(), "`cargo xtask bench --update` writes it");
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("{name} can not be read; {way}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is damaged"))
    }

    pub(super) fn write(&self) -> Result<()> {
        let path = path();
        std::fs::create_dir_all(path.parent().expect("it is in a folder"))?;
        let mut rounded = self.clone();
        for count in rounded.counts.values_mut() {
            *count = self::rounded(*count);
        }
        std::fs::write(&path, serde_json::to_string_pretty(&rounded)? + "\n")?;
        println!("{} counts are in {}", self.counts.len(), path.display());
        Ok(())
    }
}

fn path() -> PathBuf {
    shell::workspace().join("docs/benchmarks/counts.json")
}

/// What matters of a count: tenths of a large one, ten thousandths of a small one.
fn rounded(count: f64) -> f64 {
    let digits = if count < 10.0 { 10_000.0 } else { 10.0 };
    (count * digits).round() / digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_rounded_to_what_matters_of_it() {
        assert_eq!(
            [rounded(788.0712), rounded(0.058_83), rounded(0.0)],
            [788.1, 0.0588, 0.0]
        );
    }
}
