//! The list of mutants and defects, `xtask/mutants.toml`.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Everything that can be broken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(rename = "defect")]
    pub(super) defects: Vec<Defect>,
    #[serde(rename = "mutant")]
    pub(super) mutants: Vec<Mutant>,
}

/// How the brokers of the model can lie.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defect {
    pub(super) name: String,
    /// What should be seen to break.
    pub(super) breaks: String,
    /// The kinds of faults under which it shows; none: it shows when nothing goes wrong.
    pub(super) faults: Vec<String>,
}

/// One wrong decision of the producer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    pub(super) name: String,
    pub(super) breaks: String,
    pub(super) file: String,
    pub(super) faults: Vec<String>,
    from: String,
    to: String,
}

impl Table {
    pub(super) fn read() -> Result<Self> {
        toml::from_str(include_str!("../../mutants.toml")).context("xtask/mutants.toml")
    }
}

impl Mutant {
    /// The text of its file, with the wrong decision.
    pub(super) fn applied_to(&self, sound: &str) -> Result<String> {
        let times = sound.matches(&self.from).count();
        let Self { file, from, .. } = self;
        ensure!(times == 1, "{file} has {times} times, not once: {from}");
        Ok(sound.replace(&self.from, &self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_its_place_in_the_code() {
        for mutant in Table::read().unwrap().mutants {
            let file = crate::shell::workspace().join(&mutant.file);
            let sound = std::fs::read_to_string(&file).unwrap();
            let broken = mutant.applied_to(&sound);
            let broken = broken.unwrap_or_else(|error| panic!("{}: {error}", mutant.name));
            assert_ne!(broken, sound, "{}", mutant.name);
        }
    }

    #[test]
    fn every_kind_of_fault_is_one_that_the_simulation_has() {
        let file = "kafka-producer/tests/simulation/faults/mod.rs";
        let kinds = std::fs::read_to_string(crate::shell::workspace().join(file)).unwrap();
        let Table { defects, mutants } = Table::read().unwrap();
        let of_mutants = mutants.iter().flat_map(|mutant| &mutant.faults);
        let of_defects = defects.iter().flat_map(|defect| &defect.faults);
        for fault in of_mutants.chain(of_defects) {
            assert!(kinds.contains(&format!("(Self::{fault}, ")), "{fault}");
        }
    }
}
