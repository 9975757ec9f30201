//! The packages of the workspace as cargo sees them: names, features, dependencies.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// One package of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's manifest that names another package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<String>,
}

impl Dependency {
    /// Whether it is only there for tests, examples and benchmarks.
    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// Every package of the workspace, in the order of its name.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    read(&shell::read(&mut metadata)?)
}

fn read(json: &str) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata: Metadata =
        serde_json::from_str(json).context("what `cargo metadata` says can not be understood")?;
    let mut packages = metadata.packages;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_in_the_order_of_their_names() {
        let json = r#"{"packages": [
            {"name": "b", "features": {}, "dependencies": []},
            {"name": "a", "features": {"default": ["x"], "x": []}, "dependencies": [
                {"name": "c", "kind": null}, {"name": "d", "kind": "dev"}]}]}"#;
        let packages = read(json).unwrap();
        assert_eq!(packages[0].name, "a");
        assert_eq!(packages[0].features.len(), 2);
        let for_tests: Vec<_> = packages[0]
            .dependencies
            .iter()
            .map(Dependency::is_for_tests)
            .collect();
        assert_eq!(for_tests, [false, true]);
        assert_eq!(packages[1].name, "b");
    }
}
