//! What the dashboard asks for: the queries of its panels and of its variables, for everything that there is.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// The file that people import.
pub(super) fn path() -> PathBuf {
    shell::workspace().join("docs/grafana/kafka-producer.json")
}

/// One of its queries.
pub(super) struct Query {
    /// Where it is shown.
    pub(super) panel: String,
    /// In Prometheus's own language, without variables of Grafana.
    pub(super) expression: String,
}

/// All of them, in the order of the panels.
pub(super) fn queries() -> Result<Vec<Query>> {
    let path = path();
    let text = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
    let dashboard: Value = serde_json::from_slice(&text)?;
    of(&dashboard).context("the dashboard has no panels, or one without a query")
}

fn of(dashboard: &Value) -> Option<Vec<Query>> {
    let mut queries = Vec::new();
    for variable in list(&dashboard["templating"]["list"])? {
        if let Some(query) = variable["query"]["query"].as_str() {
            let panel = format!("(variable {})", variable["name"].as_str()?);
            let expression = values(query)?;
            queries.push(Query { panel, expression });
        }
    }
    for panel in list(&dashboard["panels"])? {
        // A heading has none.
        for target in list(&panel["targets"]).into_iter().flatten() {
            queries.push(Query {
                panel: panel["title"].as_str()?.to_owned(),
                expression: filled(target["expr"].as_str()?),
            });
        }
    }
    Some(queries)
}

fn list(value: &Value) -> Option<&Vec<Value>> {
    value.as_array()
}

/// `label_values(selector, label)` is a function of Grafana alone.
fn values(query: &str) -> Option<String> {
    let arguments = query.strip_prefix("label_values(")?.strip_suffix(')')?;
    let (selector, label) = arguments.rsplit_once(',')?;
    Some(filled(&format!("count by ({label}) ({selector})")))
}

/// What Grafana puts in the place of its variables, if everything is chosen.
fn filled(expression: &str) -> String {
    let values = [
        ("$client_id", ".*"),
        ("$topic", ".*"),
        ("$node", ".*"),
        ("$__rate_interval", "10s"),
        ("$__range", "5m"),
    ];
    values
        .iter()
        .fold(expression.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_of_the_dashboard_is_one_of_prometheus() {
        let queries = queries().unwrap();
        assert!(queries.len() > 40);
        for query in queries {
            let expression = query.expression;
            assert!(!expression.contains('$'), "{expression}");
            assert!(!expression.contains("label_values"), "{expression}");
        }
    }

    #[test]
    fn the_values_of_a_label_are_counted() {
        let query = "label_values(sent{client_id=~\"$client_id\"},topic)";
        let expected = "count by (topic) (sent{client_id=~\".*\"})";
        assert_eq!(values(query).unwrap(), expected);
    }
}
