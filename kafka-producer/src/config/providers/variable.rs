//! The variables in a value: `${PROVIDER:PATH:KEY}` or `${PROVIDER:KEY}`, as Kafka's `ConfigTransformer`
//! finds them.

/// A part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// As it is.
    Text(&'a str),
    Variable(Variable<'a>),
}

/// What is to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    /// As it stands in the value.
    pub(super) text: &'a str,
    /// Which provider is asked.
    pub(super) provider: &'a str,
    /// Empty if none is given.
    pub(super) path: &'a str,
    pub(super) key: &'a str,
}

/// The value in parts. A variable ends at the first closing brace; in it are one or two colons that count,
/// further ones belong to the key.
pub(super) fn parts(value: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((before, variable)) = first(rest) {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Variable(variable));
        rest = &rest[before.len() + variable.text.len()..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

fn first(value: &str) -> Option<(&str, Variable<'_>)> {
    let mut from = 0;
    loop {
        let start = from + value[from..].find("${")?;
        let inner = &value[start + 2..];
        let inner = &inner[..inner.find('}')?];
        if let Some((provider, key)) = inner.split_once(':') {
            let (path, key) = key.split_once(':').unwrap_or(("", key));
            let text = &value[start..start + inner.len() + 3];
            let variable = Variable {
                text,
                provider,
                path,
                key,
            };
            return Some((&value[..start], variable));
        }
        from = start + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, expected: &[&str]) {
        let shown = parts(value).into_iter().map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Variable(Variable {
                provider,
                path,
                key,
                ..
            }) => {
                format!("<{provider}|{path}|{key}>")
            }
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{value:?}");
    }

    #[test]
    fn a_variable_has_a_provider_perhaps_a_path_and_a_key() {
        check(
            "${file:/etc/a.properties:key}",
            &["<file|/etc/a.properties|key>"],
        );
        check("${env:NAME}", &["<env||NAME>"]);
        check("${file:/a:b:c}", &["<file|/a|b:c>"]);
        check("${::}", &["<||>"]);
    }

    #[test]
    fn text_around_variables_stays() {
        check(
            "a=${env:A} b=${env:B};",
            &["a=", "<env||A>", " b=", "<env||B>", ";"],
        );
        check("${env:A}${env:B}", &["<env||A>", "<env||B>"]);
        check("", &[]);
    }

    #[test]
    fn what_has_no_colon_or_no_end_is_text() {
        for text in [
            "${NAME}",
            "${env:NAME",
            "$env:NAME",
            "{env:NAME}",
            "$",
            "${}",
        ] {
            check(text, &[text]);
        }
        check("${NAME} ${env:A}", &["${NAME} ", "<env||A>"]);
    }

    proptest! {
        #[test]
        fn the_parts_of_any_value_are_the_value(value in "[$\\{\\}:a\u{e9} ]{0,30}") {
            let joined: String = parts(&value).into_iter().map(|part| match part {
                Part::Text(text) => text,
                Part::Variable(variable) => variable.text,
            }).collect();
            prop_assert_eq!(joined, value);
        }
    }
}
