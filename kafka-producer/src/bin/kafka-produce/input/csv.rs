//! Rows by RFC 4180, the first of which names the columns. A field may be in quotes, and then have separators,
//! ends of lines and doubled quotes in it.
//!
//! Read byte by byte, so that of a file only one row is in memory, and a fault is told with its line. Blank lines
//! are passed over.

use std::io::{self, BufRead};

use super::rows::{Rows, Step, Wanted, too_long};
use crate::entry::Entry;
use crate::template::{Fields, Found};

/// Rows with a header.
pub(crate) struct Csv {
    separator: u8,
    limit: usize,
    /// The line that is being read, counted from 1.
    here: u64,
    row_line: u64,
    columns: Vec<String>,
    row: Row,
}

/// The fields of one row, one after the other.
#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    TooLong,
    TextBehindQuote,
    NoClosingQuote,
}

/// Where in a row the next byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    RowStart,
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted field: it ends it, or is the first of two.
    Quote,
}

impl Csv {
    pub(crate) fn new(separator: u8, limit: usize) -> Self {
        Self {
            separator,
            limit,
            here: 1,
            row_line: 1,
            columns: Vec::new(),
            row: Row::default(),
        }
    }

    /// Reads a row, whether it is well or not; gives whether there was one.
    fn read_row(&mut self, from: &mut dyn BufRead) -> io::Result<bool> {
        self.row.clear();
        let mut at = At::RowStart;
        loop {
            let block = from.fill_buf()?;
            if block.is_empty() {
                return Ok(self.end_of_input(at));
            }
            for (index, byte) in block.iter().enumerate() {
                let next = self.take(at, *byte);
                self.here += u64::from(*byte == b'\n');
                match next {
                    Some(next) => at = next,
                    None => {
                        from.consume(index + 1);
                        return Ok(true);
                    }
                }
            }
            let read = block.len();
            from.consume(read);
        }
    }

    /// Takes one byte; `None` when it ends the row.
    fn take(&mut self, at: At, byte: u8) -> Option<At> {
        let limit = self.limit;
        match (at, byte) {
            (At::RowStart, b'\r' | b'\n') => return Some(At::RowStart),
            (At::RowStart, _) => self.row_line = self.here,
            _ => {}
        }
        match (at, byte) {
            (At::Quoted, b'"') => return Some(At::Quote),
            (At::Quote, b'"') | (At::Quoted, _) => {
                self.row.push(byte, limit);
                return Some(At::Quoted);
            }
            (At::RowStart | At::FieldStart, b'"') => return Some(At::Quoted),
            (_, byte) if byte == self.separator => {
                self.row.end_field(limit);
                return Some(At::FieldStart);
            }
            (_, b'\n') => {
                self.row.end_row(at, limit);
                return None;
            }
            // It belongs to the end of the line.
            (At::Quote, b'\r') => return Some(At::Quote),
            (At::Quote, _) => self.row.fault = self.row.fault.or(Some(Fault::TextBehindQuote)),
            _ => {}
        }
        self.row.push(byte, limit);
        Some(At::Plain)
    }

    fn end_of_input(&mut self, at: At) -> bool {
        match at {
            At::RowStart => return false,
            At::Quoted => self.row.fault = self.row.fault.or(Some(Fault::NoClosingQuote)),
            _ => {}
        }
        self.row.end_row(at, self.limit);
        true
    }

    fn fault(&self) -> Option<Step> {
        Some(match self.row.fault? {
            Fault::TooLong => too_long(self.limit),
            Fault::TextBehindQuote => {
                Step::Bad("there is text behind the closing quote of a field".to_owned())
            }
            Fault::NoClosingQuote => Step::Bad(
                "a quote that begins in this row is not closed before the file ends".to_owned(),
            ),
        })
    }

    /// The first row. Without it nothing of the file means anything.
    fn read_header(&mut self, from: &mut dyn BufRead) -> io::Result<()> {
        if from.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            from.consume(BYTE_ORDER_MARK.len());
        }
        if !self.read_row(from)? {
            return Ok(());
        }
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        if let Some(Step::Bad(why)) = self.fault() {
            return Err(invalid(format!(
                "the header (line {}): {why}",
                self.row_line
            )));
        }
        for field in self.row.fields() {
            let name = std::str::from_utf8(field)
                .map_err(|_| invalid("the header is not UTF-8".to_owned()))?;
            if self.columns.iter().any(|column| column == name) {
                return Err(invalid(format!("the header has two columns {name:?}")));
            }
            self.columns.push(name.to_owned());
        }
        Ok(())
    }
}

impl Row {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.fault = None;
    }

    fn push(&mut self, byte: u8, limit: usize) {
        match self.bytes.len() < limit {
            true => self.bytes.push(byte),
            false => self.fault = Some(Fault::TooLong),
        }
    }

    fn end_field(&mut self, limit: usize) {
        match self.ends.len() < limit {
            true => self.ends.push(self.bytes.len()),
            false => self.fault = Some(Fault::TooLong),
        }
    }

    fn end_row(&mut self, at: At, limit: usize) {
        let begin = self.ends.last().copied().unwrap_or_default();
        // Before \n, unless it is inside quotes.
        if at == At::Plain && self.bytes.len() > begin {
            self.bytes.pop_if(|last| *last == b'\r');
        }
        self.end_field(limit);
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|index| self.field(index))
    }

    fn field(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[begin..end])
    }
}

impl Rows for Csv {
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<Step> {
        if self.columns.is_empty() {
            self.read_header(from)?;
        }
        if !self.read_row(from)? {
            return Ok(Step::End);
        }
        let (has, columns) = (self.row.ends.len(), self.columns.len());
        Ok(match self.fault() {
            Some(bad) => bad,
            None if has != columns => Step::Bad(format!(
                "it has {has} columns, the header {columns}: {}",
                self.columns.join(", ")
            )),
            None => Step::Row,
        })
    }

    fn line(&self) -> u64 {
        self.row_line
    }

    /// A JSON object of strings, in the order of the columns.
    fn describe(&self, entry: &mut Entry, wanted: Wanted) -> Result<(), String> {
        if wanted == Wanted::AllButTheValue {
            return Ok(());
        }
        let json = entry.value.begin();
        for (index, (name, field)) in self.columns.iter().zip(self.row.fields()).enumerate() {
            let field = std::str::from_utf8(field).map_err(|_| {
                format!("column {name} is not UTF-8, so it cannot be in JSON: give --value")
            })?;
            json.push(if index > 0 { b',' } else { b'{' });
            let written = serde_json::to_writer(&mut *json, name);
            json.push(b':');
            written
                .and_then(|()| serde_json::to_writer(&mut *json, field))
                .map_err(|error| error.to_string())?;
        }
        json.push(b'}');
        Ok(())
    }
}

impl Fields for Csv {
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
        let index = self.columns.iter().position(|column| column == name);
        match index.and_then(|index| self.row.field(index)) {
            Some(field) => into.extend_from_slice(field),
            None => return Found::Nothing,
        }
        Found::Text
    }

    fn names(&self) -> Option<String> {
        Some(self.columns.join(", "))
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Each row as the line that it begins in, and its fields or its fault; read in blocks of so many bytes.
    fn rows(input: &[u8], block: usize) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut from = BufReader::with_capacity(block, input);
        let mut csv = Csv::new(b',', 20);
        let mut rows = Vec::new();
        loop {
            let row = match csv.read(&mut from).unwrap() {
                Step::End => return rows,
                Step::Bad(why) => Err(why),
                Step::Row => Ok(csv
                    .row
                    .fields()
                    .map(|field| String::from_utf8_lossy(field).into_owned())
                    .collect()),
            };
            rows.push((csv.line(), row));
        }
    }

    #[test]
    fn fields_may_be_quoted_and_rows_span_lines() {
        type Case<'a> = (&'a str, &'a [(u64, [&'a str; 2])]);
        let cases: [Case<'_>; 9] = [
            ("", &[]),
            ("a,b", &[]),
            ("a,b\n1,2", &[(2, ["1", "2"])]),
            ("a,b\r\n1,2\r\n", &[(2, ["1", "2"])]),
            ("\u{feff}a,b\n\n\n1,\n", &[(4, ["1", ""])]),
            (
                "a,b\n\"1,\n2\",x\ny,z",
                &[(2, ["1,\n2", "x"]), (4, ["y", "z"])],
            ),
            (
                "a,b\n\"say \"\"hi\"\"\",\"\"\r\n",
                &[(2, ["say \"hi\"", ""])],
            ),
            ("a,b\n,\n", &[(2, ["", ""])]),
            ("a,b\nx\"y,\"\r\"\r\n", &[(2, ["x\"y", "\r"])]),
        ];
        for (input, expected) in cases {
            for block in [1, 3, 4096] {
                // The mark is looked for in the first block alone.
                let block = if input.starts_with('\u{feff}') {
                    block.max(3)
                } else {
                    block
                };
                let expected: Vec<_> = expected
                    .iter()
                    .map(|(line, fields)| (*line, Ok(fields.map(str::to_owned).to_vec())))
                    .collect();
                assert_eq!(rows(input.as_bytes(), block), expected, "{input:?} {block}");
            }
        }
    }

    #[test]
    fn a_bad_row_is_told_and_the_next_one_is_read() {
        let long = "x".repeat(30);
        let cases = [
            ("1,2,3".to_owned(), "it has 3 columns, the header 2: a, b"),
            ("\"1\"x,2".to_owned(), "behind the closing quote"),
            (format!("{long},2"), "longer than max.request.size=20"),
            (",".repeat(30), "longer than max.request.size=20"),
        ];
        for (row, fault) in cases {
            let rows = rows(format!("a,b\n{row}\n3,4\n").as_bytes(), 7);
            let [(2, Err(why)), (3, Ok(next))] = &rows[..] else {
                panic!("{row:?}: {rows:?}");
            };
            assert!(why.contains(fault), "{row:?}: {why}");
            assert_eq!(next, &["3", "4"]);
        }
        let unclosed = rows(b"a,b\n1,2\n3,\"4\n5,6\n", 4096);
        let [(2, Ok(_)), (3, Err(why))] = &unclosed[..] else {
            panic!("{unclosed:?}");
        };
        assert!(why.contains("not closed"), "{why}");
    }

    #[test]
    fn a_row_is_a_json_object_unless_told_otherwise() {
        let mut csv = Csv::new(b';', 100);
        let mut input: &[u8] = b"name;say\nann;\"hi \"\"you\"\"\"\n";
        assert_eq!(csv.read(&mut input).unwrap(), Step::Row);
        let mut entry = Entry::default();
        csv.describe(&mut entry, Wanted::Everything).unwrap();
        let json = r#"{"name":"ann","say":"hi \"you\""}"#;
        assert_eq!(entry.value.bytes(), Some(json.as_bytes()));
    }
}
