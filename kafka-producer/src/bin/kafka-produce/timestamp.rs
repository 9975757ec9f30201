//! The time of a record, as it is written in files.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970, or a time by RFC 3339: `2026-03-01T12:00:00Z`.
pub(crate) fn timestamp_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(timestamp_ms) = text.parse() {
        return Ok(timestamp_ms);
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        format!("timestamp {text:?}: must be milliseconds since 1970, or like 2026-03-01T12:00:00Z")
    })?;
    let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(milliseconds).map_err(|error| format!("timestamp {text:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_a_number_or_a_time_with_its_zone() {
        let cases = [
            ("0", Some(0)),
            (" 1700000000000 ", Some(1_700_000_000_000)),
            ("1970-01-01T00:00:01.5Z", Some(1500)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01 00:00:00", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(timestamp_ms(text).ok(), expected, "{text:?}");
        }
    }
}
