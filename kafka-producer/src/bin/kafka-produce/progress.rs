//! One line that says how far sending has come: from numbers and a width to text.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) delivered: u64,
    pub(crate) records_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) unacknowledged: u64,
    pub(crate) errors: u64,
    /// Of the files, between 0 and 1.
    pub(crate) share: Option<f64>,
    pub(crate) left: Option<Duration>,
}

/// A part of the line: in words, in short, and how soon it is left out; 0 stays.
struct Part {
    long: String,
    short: String,
    rank: u8,
}

impl Figures {
    /// The line, of `width` columns at most. In a narrow terminal words are shortened first, then the least
    /// important parts are left out.
    pub(crate) fn line(&self, width: usize) -> String {
        let parts = self.parts();
        let ranks = (0..=RANKS).rev();
        let longs = parts.iter().map(|part| &part.long).collect::<Vec<_>>();
        let mut line = joined(&longs);
        for rank in ranks {
            if line.chars().count() <= width {
                return line;
            }
            let kept = parts.iter().filter(|part| part.rank <= rank);
            line = joined(&kept.map(|part| &part.short).collect::<Vec<_>>());
        }
        line.chars().take(width).collect()
    }

    fn parts(&self) -> Vec<Part> {
        let part = |long: String, short: String, rank| Part { long, short, rank };
        let delivered = grouped(self.delivered);
        let speed = scaled(self.records_per_second);
        let speed = speed.trim_end();
        let bytes = scaled(self.bytes_per_second);
        let unacknowledged = grouped(self.unacknowledged);
        let errors = grouped(self.errors);
        let mut parts = vec![
            part(format!("{delivered} records"), delivered, 0),
            part(format!("{speed} records/s"), format!("{speed}/s"), 2),
            part(format!("{bytes}B/s"), format!("{bytes}B/s"), 3),
            part(
                format!("{unacknowledged} unacknowledged"),
                format!("{unacknowledged} open"),
                4,
            ),
        ];
        if self.errors > 0 {
            parts.push(part(format!("{errors} errors"), format!("{errors} err"), 1));
        }
        if let Some(share) = self.share {
            let percent = format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0);
            parts.push(part(percent.clone(), percent, 2));
        }
        if let Some(left) = self.left {
            let left = clock(left);
            parts.push(part(format!("{left} left"), format!("-{left}"), 3));
        }
        parts
    }
}

const RANKS: u8 = 4;

fn joined(parts: &[&String]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
    parts.join("  ")
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits and a prefix: `1.23 M`.
pub(crate) fn scaled(number: f64) -> String {
    let mut number = number.max(0.0);
    for prefix in ["", "k", "M", "G"] {
        // What would be rounded to 1000 has the next prefix.
        if number < 999.5 {
            let decimals = match number {
                _ if prefix.is_empty() || number >= 99.95 => 0,
                _ if number >= 9.995 => 1,
                _ => 2,
            };
            return format!("{number:.decimals$} {prefix}");
        }
        number /= 1000.0;
    }
    format!("{number:.2} T")
}

/// `3:05`, or `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// What was counted at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) delivered: u64,
    pub(crate) bytes_delivered: u64,
    pub(crate) bytes_read: u64,
}

/// The speed of the last seconds.
#[derive(Default)]
pub(crate) struct Speed {
    readings: VecDeque<Reading>,
}

impl Speed {
    /// Notes what was counted; of the older readings it keeps those of the last seconds.
    pub(crate) fn note(&mut self, reading: Reading) {
        self.readings.push_back(reading);
        while self.readings.len() > 2 && reading.at.duration_since(self.readings[1].at) >= WINDOW {
            self.readings.pop_front();
        }
    }

    /// Adds the speed to what is shown; `total` is how many bytes there are to read.
    pub(crate) fn tell(&self, total: Option<u64>, figures: &mut Figures) {
        let (Some(first), Some(last)) = (self.readings.front(), self.readings.back()) else {
            return;
        };
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let per_second = |from: u64, to: u64| match seconds {
            0.0 => 0.0,
            seconds => to.saturating_sub(from) as f64 / seconds,
        };
        figures.records_per_second = per_second(first.delivered, last.delivered);
        figures.bytes_per_second = per_second(first.bytes_delivered, last.bytes_delivered);
        let Some(total) = total else { return };
        figures.share = Some(last.bytes_read as f64 / total as f64);
        let reading = per_second(first.bytes_read, last.bytes_read);
        if reading > 0.0 {
            let left = total.saturating_sub(last.bytes_read) as f64 / reading;
            figures.left = Duration::try_from_secs_f64(left).ok();
        }
    }
}

const WINDOW: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures = Figures {
        delivered: 1_234_567,
        records_per_second: 123_456.0,
        bytes_per_second: 45_200_000.0,
        unacknowledged: 1024,
        errors: 3,
        share: Some(0.43),
        left: Some(Duration::from_secs(75)),
    };

    #[test]
    fn a_line_fits_the_terminal_and_leaves_out_the_least_important() {
        let cases = [
            (
                120,
                "1,234,567 records  123 k records/s  45.2 MB/s  1,024 unacknowledged  3 errors  43 %  1:15 left",
            ),
            (
                90,
                "1,234,567  123 k/s  45.2 MB/s  1,024 open  3 err  43 %  -1:15",
            ),
            (60, "1,234,567  123 k/s  45.2 MB/s  3 err  43 %  -1:15"),
            (40, "1,234,567  123 k/s  3 err  43 %"),
            (20, "1,234,567  3 err"),
            (10, "1,234,567"),
            (5, "1,234"),
            (0, ""),
        ];
        for (width, line) in cases {
            assert_eq!(FIGURES.line(width), line, "{width}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let largest = Figures {
            delivered: u64::MAX,
            records_per_second: f64::MAX,
            bytes_per_second: f64::INFINITY,
            unacknowledged: u64::MAX,
            errors: u64::MAX,
            share: Some(f64::NAN),
            left: Some(Duration::MAX),
        };
        for figures in [FIGURES, Figures::default(), largest] {
            for width in 0..200 {
                assert!(figures.line(width).chars().count() <= width, "{width}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped_and_scaled() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), text);
        }
        for (number, text) in [
            (0.0, "0 "),
            (999.4, "999 "),
            (999.6, "1.00 k"),
            (9_996.0, "10.0 k"),
            (123_456.0, "123 k"),
            (1_500_000.0, "1.50 M"),
            (2e12, "2.00 T"),
        ] {
            assert_eq!(scaled(number), text, "{number}");
        }
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let begin = Instant::now();
        let mut speed = Speed::default();
        for second in 0..=10 {
            speed.note(Reading {
                at: begin + Duration::from_secs(second),
                // Slow at first.
                delivered: second.saturating_sub(5) * 100,
                bytes_delivered: second.saturating_sub(5) * 1000,
                bytes_read: second * 50,
            });
        }
        let mut figures = Figures::default();
        speed.tell(Some(1000), &mut figures);
        assert_eq!(figures.records_per_second, 100.0);
        assert_eq!(figures.bytes_per_second, 1000.0);
        assert_eq!(figures.share, Some(0.5));
        assert_eq!(figures.left, Some(Duration::from_secs(10)));
    }
}
