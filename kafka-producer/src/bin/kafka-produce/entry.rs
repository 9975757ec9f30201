//! What is to be sent: a record that owns its parts, whose buffers are used again for the next one.

use std::io::{self, Write};

use kafka_producer::ProducerRecord;
use kafka_producer::serialize::{HeaderValue, Headers};

/// One record to be.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) topic: String,
    pub(crate) key: Content,
    pub(crate) value: Content,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp_ms: Option<i64>,
}

/// Bytes, or null.
#[derive(Debug, Default)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    is_present: bool,
}

impl Content {
    /// Null.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.is_present = false;
    }

    /// An empty buffer to be filled.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.bytes.clear();
        self.is_present = true;
        &mut self.bytes
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.is_present.then_some(&self.bytes)
    }
}

impl Entry {
    /// Nothing of the one before is left.
    pub(crate) fn clear(&mut self) {
        self.topic.clear();
        self.key.clear();
        self.value.clear();
        self.headers.clear();
        self.partition = None;
        self.timestamp_ms = None;
    }

    /// What reads like the mark is null.
    pub(crate) fn apply_null(&mut self, mark: &[u8]) {
        for content in [&mut self.key, &mut self.value] {
            if content.bytes() == Some(mark) {
                content.clear();
            }
        }
        for (_, value) in &mut self.headers {
            value.take_if(|value| value == mark);
        }
    }

    /// Bytes of the key and the value.
    pub(crate) fn size(&self) -> usize {
        let length = |content: &Content| content.bytes().map_or(0, <[u8]>::len);
        length(&self.key) + length(&self.value)
    }

    /// The record, which borrows from this; the headers are its own.
    pub(crate) fn record(&mut self) -> ProducerRecord<'_, [u8], [u8]> {
        let mut headers = Headers::new();
        for (name, value) in self.headers.drain(..) {
            headers.add(name, HeaderValue::from(value));
        }
        let mut record = ProducerRecord::bare(&self.topic);
        record.headers = headers;
        record.partition = self.partition;
        record.timestamp_ms = self.timestamp_ms;
        (record.key, record.value) = (self.key.bytes(), self.value.bytes());
        record
    }

    /// Writes one line of JSON, which `--format record` reads as this record again. What is not UTF-8 is written
    /// as U+FFFD.
    pub(crate) fn write_json(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(b"{\"topic\":")?;
        text(to, Some(self.topic.as_bytes()))?;
        if let Some(partition) = self.partition {
            write!(to, ",\"partition\":{partition}")?;
        }
        if let Some(timestamp_ms) = self.timestamp_ms {
            write!(to, ",\"timestamp\":{timestamp_ms}")?;
        }
        if !self.headers.is_empty() {
            to.write_all(b",\"headers\":[")?;
            for (index, (name, value)) in self.headers.iter().enumerate() {
                to.write_all(if index > 0 { b"," } else { b"" })?;
                text(to, Some(name.as_bytes()))?;
                to.write_all(b",")?;
                text(to, value.as_deref())?;
            }
            to.write_all(b"]")?;
        }
        to.write_all(b",\"key\":")?;
        text(to, self.key.bytes())?;
        to.write_all(b",\"value\":")?;
        text(to, self.value.bytes())?;
        to.write_all(b"}\n")
    }
}

/// A string of JSON, or null.
fn text(to: &mut impl Write, bytes: Option<&[u8]>) -> io::Result<()> {
    let text = bytes.map(String::from_utf8_lossy);
    Ok(serde_json::to_writer(to, &text)?)
}
