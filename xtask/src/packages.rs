//! The packages of the workspace as cargo sees them: names and features.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// One package of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
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
            {"name": "b", "features": {}},
            {"name": "a", "features": {"default": ["x"], "x": []}}]}"#;
        let packages = read(json).unwrap();
        assert_eq!(packages[0].name, "a");
        assert_eq!(packages[0].features.len(), 2);
        assert_eq!(packages[1].name, "b");
    }
}
