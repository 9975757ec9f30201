//! A text with fields in braces, and how it is filled in from a row. It knows no format: whoever holds the row
//! says what a field is.

use std::str::FromStr;

/// A text with fields: `{customer}-{region}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

/// What a row has under the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Its text was appended.
    Text,
    /// It has the field, which is null.
    Null,
    /// It has no such field.
    Nothing,
}

/// What a template is filled in from.
pub(crate) trait Fields {
    /// Appends the text of a field to `into`.
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found;

    /// The names that there are, for a complaint, if they can be listed.
    fn names(&self) -> Option<String>;
}

impl Template {
    /// Appends the text to `into`; gives whether it is one: a single field that is null makes all of it null.
    pub(crate) fn fill(&self, fields: &dyn Fields, into: &mut Vec<u8>) -> Result<bool, String> {
        for part in &self.0 {
            let name = match part {
                Part::Text(text) => {
                    into.extend_from_slice(text.as_bytes());
                    continue;
                }
                Part::Field(name) => name,
            };
            match fields.append(name, into) {
                Found::Text => {}
                Found::Null if self.0.len() == 1 => return Ok(false),
                Found::Null => return Err(format!("field {{{name}}} is null in a longer text")),
                Found::Nothing => return Err(no_field(name, fields)),
            }
        }
        Ok(true)
    }
}

fn no_field(name: &str, fields: &dyn Fields) -> String {
    match fields.names() {
        Some(names) => format!("there is no field {{{name}}}; there are: {names}"),
        None => format!("there is no field {{{name}}}"),
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let field = after.split_once('}').filter(|_| brace == "{");
            let (name, after) = field.ok_or("a brace that begins no field is written twice")?;
            if name.is_empty() || name.contains('{') {
                return Err("the name of a field must not be empty, or have braces".to_owned());
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Field(name.to_owned()));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` is text, `n` is null.
    struct Row;

    impl Fields for Row {
        fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
            match name {
                "a" => into.extend_from_slice(b"tea"),
                "n" => return Found::Null,
                _ => return Found::Nothing,
            }
            Found::Text
        }

        fn names(&self) -> Option<String> {
            Some("a, n".to_owned())
        }
    }

    fn filled(template: &str) -> Result<Option<String>, String> {
        let template: Template = template.parse()?;
        let mut bytes = Vec::new();
        let is_text = template.fill(&Row, &mut bytes)?;
        Ok(is_text.then(|| String::from_utf8(bytes).unwrap()))
    }

    #[test]
    fn fields_are_filled_in_and_doubled_braces_are_braces() {
        let cases = [
            ("", Some("")),
            ("x", Some("x")),
            ("{a}", Some("tea")),
            ("2 x {a}, {a}!", Some("2 x tea, tea!")),
            ("{{a}}", Some("{a}")),
            ("{{{a}}}", Some("{tea}")),
            ("{n}", None),
        ];
        for (template, text) in cases {
            assert_eq!(
                filled(template),
                Ok(text.map(str::to_owned)),
                "{template:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        let cases = [
            ("{b}", "no field {b}; there are: a, n"),
            ("x{n}", "{n} is null"),
            ("{a", "twice"),
            ("a}", "twice"),
            ("{}", "empty"),
            ("{a{b}", "braces"),
        ];
        for (template, part) in cases {
            let error = filled(template).unwrap_err();
            assert!(error.contains(part), "{template:?}: {error}");
        }
    }
}
