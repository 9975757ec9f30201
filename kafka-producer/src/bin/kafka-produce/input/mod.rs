//! The files that are read, one after the other, as rows; and how many bytes of them are read by now. Never more
//! than one row is in memory.

mod csv;
mod delimited;
mod json;
mod lines;
mod record;
pub(crate) mod rows;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail};

use crate::arguments::{Format, Send};
use csv::Csv;
use delimited::Delimited;
use json::Json;
use lines::Lines;
use record::Records;
use rows::Rows;

/// What is to be read.
pub(crate) struct Input {
    sources: Vec<Source>,
    shape: Shape,
    progress: Arc<BytesRead>,
}

/// One file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

/// How rows are made of bytes, where it does not depend on the file.
struct Shape {
    format: Option<Format>,
    delimiter: u8,
    separator: Option<Vec<u8>>,
    row_bytes_max: usize,
}

/// A file that is open.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn BufRead>,
    pub(crate) rows: Box<dyn Rows>,
}

/// How far reading has come.
#[derive(Debug, Default)]
pub(crate) struct BytesRead {
    read: AtomicU64,
    /// Of all files together, if it is known; 0 if not.
    total: u64,
}

impl BytesRead {
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> Option<u64> {
        (self.total > 0).then_some(self.total)
    }
}

impl Input {
    /// Looks at the files, so that one that is missing is told before anything is sent.
    pub(crate) fn new(task: &Send, row_bytes_max: usize) -> Result<Self> {
        let mut sources: Vec<Source> = task.files.iter().map(|path| Source::of(path)).collect();
        if sources.is_empty() {
            sources.push(Source::Stdin);
        }
        let mut total = Some(0);
        for source in &sources {
            let length = source.length()?;
            total = total.and_then(|total: u64| Some(total + length?));
        }
        let shape = Shape {
            format: task.format,
            delimiter: task.delimiter.unwrap_or(b'\n'),
            separator: task.separator.clone().map(|separator| separator.0),
            row_bytes_max,
        };
        for source in &sources {
            shape.rows(source)?;
        }
        let progress = Arc::new(BytesRead {
            read: AtomicU64::new(0),
            total: total.unwrap_or_default(),
        });
        Ok(Self {
            sources,
            shape,
            progress,
        })
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// How far reading has come, for whoever shows it.
    pub(crate) fn progress(&self) -> Arc<BytesRead> {
        Arc::clone(&self.progress)
    }

    pub(crate) fn open(&self, source: &Source) -> Result<Opened> {
        let bytes: Box<dyn Read> = match source {
            Source::Stdin => Box::new(io::stdin()),
            Source::File(path) => Box::new(open(path)?),
        };
        let counted = Counted {
            bytes: BufReader::with_capacity(BLOCK_BYTES, bytes),
            progress: self.progress(),
        };
        Ok(Opened {
            reader: Box::new(counted),
            rows: self.shape.rows(source)?,
        })
    }
}

impl Shape {
    fn rows(&self, source: &Source) -> Result<Box<dyn Rows>> {
        let limit = self.row_bytes_max;
        let lines = Delimited::new(self.delimiter, limit);
        Ok(match self.format.unwrap_or_else(|| source.format()) {
            Format::Lines => Box::new(Lines::new(lines, self.separator.clone())),
            Format::Json => Box::new(Json::new(lines)),
            Format::Record => Box::new(Records::new(lines)),
            Format::Csv => Box::new(Csv::new(self.column_separator(b',')?, limit)),
            Format::Tsv => Box::new(Csv::new(self.column_separator(b'\t')?, limit)),
        })
    }

    fn column_separator(&self, usual: u8) -> Result<u8> {
        match self.separator.as_deref() {
            None => Ok(usual),
            Some([b'"' | b'\r' | b'\n']) => bail!("--separator: columns cannot have it between"),
            Some([byte]) => Ok(*byte),
            Some(_) => bail!("--separator: between columns stands one byte"),
        }
    }
}

impl Source {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some("-") => Self::Stdin,
            _ => Self::File(path.to_owned()),
        }
    }

    /// How it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// By the ending of its name.
    fn format(&self) -> Format {
        let Self::File(path) = self else {
            return Format::Lines;
        };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Format::Csv,
            Some("tsv") => Format::Tsv,
            Some("jsonl" | "ndjson") => Format::Json,
            _ => Format::Lines,
        }
    }

    /// Its bytes, if it is a file that has an end. Anything else is not opened here: whoever writes to a named pipe
    /// would lose its reader again.
    fn length(&self) -> Result<Option<u64>> {
        let Self::File(path) = self else {
            return Ok(None);
        };
        let of = fs::metadata(path);
        let of = of.with_context(|| format!("cannot open {}", path.display()))?;
        if of.is_dir() {
            bail!("cannot read {}: it is a directory", path.display());
        }
        if !of.is_file() {
            return Ok(None);
        }
        open(path)?;
        Ok(Some(of.len()))
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// Counts what is taken out of the buffer, not what is read into it: a small file is read at once.
struct Counted {
    bytes: BufReader<Box<dyn Read>>,
    progress: Arc<BytesRead>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.progress
            .read
            .fetch_add(count as u64, Ordering::Relaxed);
        self.bytes.consume(count);
    }
}

/// So much is read at once.
const BLOCK_BYTES: usize = 256 << 10;
