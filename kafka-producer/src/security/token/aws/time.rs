//! Times as AWS writes them, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `20150830T123600Z`.
pub(super) fn basic(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, second) = (seconds / DAY_S, seconds % DAY_S);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
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

/// Year, month and day, so many days after 1970-01-01.
fn date_of(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that leap days end a year; 146,097 days are 400 years.
    let days = days + DAYS_TO_1970;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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

const DAY_S: u64 = 86_400;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;

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
