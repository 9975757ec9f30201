//! Bytes to lines, each counted, none longer than it may be.
//!
//! A line ends with `\n`, or `\r\n`, or with the input. Unlike Java's `BufferedReader`, which
//! Kafka's console producer reads with, a `\r` anywhere else is a byte like any other.

use std::io::{self, BufRead, Read as _};

/// Reads lines into a buffer that is used again.
pub(crate) struct Input<R> {
    reader: R,
    line: Vec<u8>,
    limit: usize,
    number: u64,
    bytes_read: u64,
}

/// What is found where a line is expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole {
        bytes: &'a [u8],
        /// Counted from 1.
        number: u64,
    },
    /// It was passed over without being kept.
    TooLong { limit: usize },
}

impl<R: BufRead> Input<R> {
    /// Of a line of more than `limit` bytes nothing is kept.
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            line: Vec::new(),
            limit,
            number: 0,
            bytes_read: 0,
        }
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next line without its end; `None` after the last.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        // The line, and the longest end that it may have.
        let at_most = (self.limit as u64).saturating_add(2);
        let read = self
            .reader
            .by_ref()
            .take(at_most)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes_read += read as u64;
        let ended = self.line.pop_if(|last| *last == b'\n').is_some();
        if !ended && read as u64 == at_most {
            self.bytes_read += self.reader.skip_until(b'\n')? as u64;
            return Ok(Some(Line::TooLong { limit: self.limit }));
        }
        self.line.pop_if(|last| *last == b'\r');
        let (bytes, number) = (self.line.as_slice(), self.number);
        Ok(Some(Line::Whole { bytes, number }))
    }
}
