//! Bytes to lines, each counted, none longer than it may be.
//!
//! A line ends with its delimiter or with the input. If the delimiter is `\n`, a `\r` before it belongs to the
//! end; anywhere else it is a byte like any other.

use std::io::{self, BufRead, Read as _};

/// Reads lines into a buffer that is used again.
pub(crate) struct Delimited {
    delimiter: u8,
    limit: usize,
    line: Vec<u8>,
    number: u64,
}

/// What is found where a line may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole,
    /// It was passed over.
    TooLong,
    End,
}

impl Delimited {
    /// Of a line of more than `limit` bytes nothing is kept.
    pub(crate) fn new(delimiter: u8, limit: usize) -> Self {
        Self {
            delimiter,
            limit,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The line that was read last, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Most bytes of a line.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Reads the next line.
    pub(crate) fn read(&mut self, mut from: &mut dyn BufRead) -> io::Result<Line> {
        self.line.clear();
        // The line, and the longest end that it may have.
        let at_most = (self.limit as u64).saturating_add(2);
        let read = (&mut from)
            .take(at_most)
            .read_until(self.delimiter, &mut self.line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        let ended = self.line.pop_if(|last| *last == self.delimiter).is_some();
        if ended && self.delimiter == b'\n' || !ended && (read as u64) < at_most {
            self.line
                .pop_if(|last| *last == b'\r' && self.delimiter == b'\n');
        }
        if !ended && read as u64 == at_most {
            from.skip_until(self.delimiter)?;
        }
        Ok(match self.line.len() > self.limit {
            true => Line::TooLong,
            false => Line::Whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(delimiter: u8, mut input: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut delimited = Delimited::new(delimiter, 4);
        let mut lines = Vec::new();
        loop {
            match delimited.read(&mut input).unwrap() {
                Line::End => return lines,
                Line::TooLong => lines.push(None),
                Line::Whole => lines.push(Some(delimited.line().to_vec())),
            }
            assert_eq!(delimited.number(), lines.len() as u64);
        }
    }

    #[test]
    fn a_line_ends_with_its_delimiter_or_the_input() {
        type Case<'a> = (u8, &'a [u8], &'a [&'a [u8]]);
        let cases: [Case<'_>; 7] = [
            (b'\n', b"", &[]),
            (b'\n', b"\n", &[b""]),
            (b'\n', b"a\r\nb\rc\n\n", &[b"a", b"b\rc", b""]),
            (b'\n', b"a\r", &[b"a"]),
            (b';', b"a\n;b\r;", &[b"a\n", b"b\r"]),
            (0, b"a\0b", &[b"a", b"b"]),
            (b'\n', b"abcd\r\nabcd", &[b"abcd", b"abcd"]),
        ];
        for (delimiter, input, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|line| Some(line.to_vec())).collect();
            assert_eq!(lines(delimiter, input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        for long in ["abcde", "abcdef", "abcdefghijklmnop"] {
            let input = format!("a\n{long}\nb");
            let expected = [Some(b"a".to_vec()), None, Some(b"b".to_vec())];
            assert_eq!(lines(b'\n', input.as_bytes()), expected, "{long}");
        }
    }
}
