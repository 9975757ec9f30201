//! Times as AWS writes them, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::security::token::time::{DAY_S, DAYS_TO_1970, extended};

/// `20150830T123600Z`.
pub(super) fn basic(time: SystemTime) -> String {
    extended(time).replace(['-', ':'], "")
}

/// Reads `2015-08-30T12:36:00Z`, with or without a fraction.
pub(super) fn parse_extended(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let time = time.split('.').next()?;
    let mut time = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let valid =
        (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_until(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Days from 1970-01-01 to that date.
fn days_until(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).saturating_sub(DAYS_TO_1970)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_and_read() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_709_251_199, "20240229T235959Z"),
            (951_868_800, "20000301T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(basic(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        let read = parse_extended("2015-08-30T12:36:00.25Z").unwrap();
        assert_eq!(basic(read), "20150830T123600Z");
        for text in [
            "",
            "2015-08-30",
            "2015-13-30T12:36:00Z",
            "soon",
            "2015-08-30T12:36:00+01:00",
        ] {
            assert_eq!(parse_extended(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in 0u64..250_000_000_000) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let text = basic(time);
            let (date, clock) = text.split_once('T').unwrap();
            let extended = format!(
                "{}-{}-{}T{}:{}:{}", &date[..4], &date[4..6], &date[6..8], &clock[..2], &clock[2..4], &clock[4..],
            );
            prop_assert_eq!(parse_extended(&extended), Some(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:.-]{0,30}") {
            let _ = parse_extended(&text);
        }
    }
}
