//! What is the key in a line, what the value, and what null: `--property` of the command line.

use anyhow::{Result, bail};

/// The properties of Kafka's `LineMessageReader`.
#[derive(Debug)]
pub(crate) struct LineFormat {
    parse_key: bool,
    key_separator: Vec<u8>,
    ignore_error: bool,
    null_marker: Option<Vec<u8>>,
}

/// A key and a value, either of which may be null.
pub(crate) type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

impl Default for LineFormat {
    fn default() -> Self {
        Self {
            parse_key: false,
            key_separator: b"\t".to_vec(),
            ignore_error: false,
            null_marker: None,
        }
    }
}

impl LineFormat {
    /// Sets one property by its name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "parse.key" => self.parse_key = truth(name, value)?,
            "ignore.error" => self.ignore_error = truth(name, value)?,
            "key.separator" if value.is_empty() => bail!("key.separator=\"\": must not be empty"),
            "key.separator" => self.key_separator = value.into(),
            "null.marker" => self.null_marker = Some(value.into()),
            _ => bail!(
                "--property {name:?}: must be one of parse.key, key.separator, ignore.error, \
                 null.marker"
            ),
        }
        Ok(())
    }

    /// Key and value of a line; `number` is for the complaint.
    pub(crate) fn split<'a>(&self, line: &'a [u8], number: u64) -> Result<Parts<'a>> {
        if !self.parse_key {
            return Ok((None, self.unless_null(line)));
        }
        match find(line, &self.key_separator) {
            Some(at) => {
                let value = &line[at + self.key_separator.len()..];
                Ok((self.unless_null(&line[..at]), self.unless_null(value)))
            }
            None if self.ignore_error => Ok((None, self.unless_null(line))),
            None => bail!(
                "line {number} has no key: key.separator {:?} is not in it",
                String::from_utf8_lossy(&self.key_separator)
            ),
        }
    }

    fn unless_null<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        (self.null_marker.as_deref() != Some(bytes)).then_some(bytes)
    }
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [only] => line.iter().position(|byte| byte == only),
        _ => line
            .windows(separator.len())
            .position(|window| window == separator),
    }
}

fn truth(name: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => bail!("{name}={value:?}: must be true or false"),
    }
}
