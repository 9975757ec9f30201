//! The providers of Kafka's: a properties file, a directory with a file for each key, the environment.
//!
//! What Kafka's leave as it is because they do not find it, or because they must not look there, is an error
//! here: a variable is no password. Only regular files are read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;

use super::super::properties_file::parse_properties;
use super::variable::Variable;
use crate::regular_file;

/// Where values come from.
#[derive(Debug)]
pub(super) enum Provider {
    File(AllowedPaths),
    Directory(AllowedPaths),
    Environment(Option<Regex>),
}

/// The parameter of files and directories.
const ALLOWED_PATHS: &str = "allowed.paths";
/// The parameter of the environment.
const ALLOWLIST_PATTERN: &str = "allowlist.pattern";

const CLASSES: [&str; 3] = [
    "org.apache.kafka.common.config.provider.FileConfigProvider",
    "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
];

impl Provider {
    /// The provider of that class; its parameters are asked for by their names.
    ///
    /// # Errors
    /// What is wrong, by the name of the parameter, if it is one.
    pub(super) fn new<'a>(
        class: &str,
        parameter: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, (Option<&'static str>, String)> {
        let paths = || {
            AllowedPaths::new(parameter(ALLOWED_PATHS).unwrap_or_default())
                .map_err(|reason| (Some(ALLOWED_PATHS), reason))
        };
        match CLASSES.iter().position(|known| *known == class.trim()) {
            Some(0) => paths().map(Self::File),
            Some(1) => paths().map(Self::Directory),
            Some(_) => pattern(parameter(ALLOWLIST_PATTERN))
                .map(Self::Environment)
                .map_err(|reason| (Some(ALLOWLIST_PATTERN), reason)),
            None => Err((None, format!("must be one of {}", CLASSES.join(", ")))),
        }
    }

    /// Whether it has a parameter of that name.
    pub(super) fn takes(&self, parameter: &str) -> bool {
        match self {
            Self::File(_) | Self::Directory(_) => parameter == ALLOWED_PATHS,
            Self::Environment(_) => parameter == ALLOWLIST_PATTERN,
        }
    }

    /// # Errors
    /// Why there is no value.
    pub(super) fn value(&self, variable: &Variable<'_>) -> Result<String, String> {
        let key = variable.key;
        match self {
            Self::File(allowed) => {
                let path = allowed.check(variable.path)?;
                let values: BTreeMap<String, String> = parse_properties(&read(allowed, &path)?)
                    .map_err(|error| format!("{}: {error}", path.display()))?
                    .into_iter()
                    .collect();
                let value = values.get(key).cloned();
                value.ok_or_else(|| format!("{} has no {key:?}", path.display()))
            }
            Self::Directory(allowed) => {
                let directory = allowed.check(variable.path)?;
                if !is_file_name(key) {
                    return Err(format!("{key:?} is not the name of a file"));
                }
                read(allowed, &directory.join(key))
            }
            Self::Environment(_) if !variable.path.is_empty() => {
                Err("a variable of the environment has no path: ${PROVIDER:NAME}".to_owned())
            }
            Self::Environment(Some(pattern)) if !pattern.is_match(key) => {
                Err(format!("{key} is not in {ALLOWLIST_PATTERN}"))
            }
            Self::Environment(_) => environment(key),
        }
    }
}

/// A pattern for the whole name.
fn pattern(text: Option<&str>) -> Result<Option<Regex>, String> {
    let whole = |text: &str| Regex::new(&format!("^(?:{text})$"));
    let pattern = text.map(whole).transpose();
    pattern.map_err(|error| format!("it is no regular expression: {error}"))
}

fn is_file_name(key: &str) -> bool {
    let mut components = Path::new(key).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(name)), None) if name == key)
}

fn read(allowed: &AllowedPaths, path: &Path) -> Result<String, String> {
    allowed.check_target(path)?;
    regular_file::read_text(path).map_err(|error| cannot_read(path, &error))
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

#[allow(
    clippy::disallowed_methods,
    reason = "a setting names the variable, and a provider that reads it"
)]
fn environment(name: &str) -> Result<String, String> {
    // What the system would refuse or panic at is no name.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!(
            "{name:?} is not the name of an environment variable"
        ));
    }
    let value = std::env::var_os(name);
    let value = value.ok_or_else(|| format!("there is no environment variable {name}"))?;
    value
        .into_string()
        .map_err(|_| format!("the environment variable {name} is not UTF-8"))
}

/// `allowed.paths`: below which paths may be read; none are listed: below all.
#[derive(Debug)]
pub(super) struct AllowedPaths(Vec<PathBuf>);

impl AllowedPaths {
    fn new(list: &str) -> Result<Self, String> {
        let entries = list.split(',').map(str::trim);
        let entries = entries.filter(|entry| !entry.is_empty());
        entries
            .map(allowed_path)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn check(&self, path: &str) -> Result<PathBuf, String> {
        if path.is_empty() {
            return Err("a path is missing: ${PROVIDER:PATH:KEY}".to_owned());
        }
        let normal = normal(Path::new(path));
        let allowed = self.0.is_empty() || self.0.iter().any(|allowed| normal.starts_with(allowed));
        match allowed {
            true if self.0.is_empty() => Ok(path.into()),
            true => Ok(normal),
            false => Err(format!("{path} is not in {ALLOWED_PATHS}")),
        }
    }

    /// A link may lead elsewhere, but not out of what is allowed, wherever that is itself.
    fn check_target(&self, path: &Path) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let target = path.canonicalize();
        let target = target.map_err(|error| cannot_read(path, &error))?;
        let mut allowed = self
            .0
            .iter()
            .filter_map(|allowed| allowed.canonicalize().ok());
        match allowed.any(|allowed| target.starts_with(allowed)) {
            true => Ok(()),
            false => Err(format!(
                "{} is a link to {}, which is not in {ALLOWED_PATHS}",
                path.display(),
                target.display()
            )),
        }
    }
}

fn allowed_path(entry: &str) -> Result<PathBuf, String> {
    let path = normal(Path::new(entry));
    if !path.is_absolute() {
        return Err(format!("{entry} is not an absolute path"));
    }
    match path.exists() {
        true => Ok(path),
        false => Err(format!("{entry} does not exist")),
    }
}

/// Without `.` and `..`, by the letters alone as in Java.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}
