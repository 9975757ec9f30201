//! Tables of Markdown, and figures with three digits.

use std::fmt;

/// A table; the first column is words, all others are figures.
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |cells: &[String]| writeln!(f, "| {} |", cells.join(" | "));
        line(&self.head)?;
        let mut rule = vec!["--:".to_owned(); self.head.len()];
        rule[0] = "---".to_owned();
        line(&rule)?;
        self.rows.iter().try_for_each(|row| line(row))?;
        writeln!(f)
    }
}

/// Three digits that mean something, thousands divided; `–` for what was not measured.
pub(super) fn figure(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return NOTHING.to_owned();
    };
    match value.abs() {
        size if size >= 99.95 => grouped(value),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// One figure as a multiple of another.
pub(super) fn times(value: Option<f64>, of: Option<f64>) -> String {
    match (value, of) {
        (Some(value), Some(of)) if of > 0.0 => format!("{:.2}", value / of),
        _ => NOTHING.to_owned(),
    }
}

/// A part of one as percent.
pub(super) fn percent(part: Option<f64>) -> String {
    part.map_or_else(
        || NOTHING.to_owned(),
        |part| format!("{:.0} %", part * 100.0),
    )
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

const NOTHING: &str = "–";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_that_mean_something() {
        let expected = [
            (0.0712, "0.071"),
            (0.99951, "1.00"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (99.96, "100"),
            (1234.5, "1,234"),
            (15_123_456.0, "15,123,456"),
            (-1234.0, "-1,234"),
        ];
        for (value, text) in expected {
            assert_eq!(figure(Some(value)), text);
        }
        assert_eq!(figure(None), "–");
        assert_eq!(figure(Some(f64::NAN)), "–");
    }

    #[test]
    fn a_multiple_of_nothing_is_nothing() {
        assert_eq!(times(Some(3.0), Some(2.0)), "1.50");
        assert_eq!(times(Some(3.0), Some(0.0)), "–");
        assert_eq!(times(None, Some(2.0)), "–");
        assert_eq!(percent(Some(0.123)), "12 %");
    }

    #[test]
    fn a_table_is_words_then_figures() {
        let mut table = Table::new(["case", "a"]);
        table.row(["S1", "1"]);
        assert_eq!(
            table.to_string(),
            "| case | a |\n| --- | --: |\n| S1 | 1 |\n\n"
        );
    }
}
