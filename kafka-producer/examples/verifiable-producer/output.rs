//! Lines to standard output, whole and in order, by a thread of their own.
//!
//! Whoever has a line appends it to one buffer under a short lock; the writer takes the whole
//! buffer, at most [`COLLECT`] after its first line, and writes it with one call. So a line is
//! hardly late, and a million of them cost a few thousand system calls. A reader that does not read
//! stops the sender, which asks for room, never the callbacks.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the writer waits for more lines after the first.
const COLLECT: Duration = Duration::from_millis(10);
/// So much is written without waiting for more.
const BLOCK_BYTES: usize = 64 << 10;
/// With so much unwritten there is no room for more records.
const FULL_BYTES: usize = 4 << 20;

/// Takes lines. Shared by the sender and the callbacks.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug)]
struct Lines {
    unwritten: Vec<u8>,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// No more lines will come.
    Ending,
    /// Nobody can read them: they are dropped.
    Broken,
}

impl Output {
    /// Starts the writer; its thread ends after [`end`](Self::end), or when `sink` fails.
    pub(crate) fn start(
        sink: impl Write + Send + 'static,
    ) -> io::Result<(Arc<Self>, JoinHandle<io::Result<()>>)> {
        let lines = Lines {
            unwritten: Vec::new(),
            phase: Phase::Open,
        };
        let output = Arc::new(Self {
            lines: Mutex::new(lines),
            changed: Condvar::new(),
        });
        let carried = Arc::clone(&output);
        let writer = thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || carried.carry(sink))?;
        Ok((output, writer))
    }

    /// Appends what `write` writes, which must be one whole line.
    pub(crate) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.lock();
        if lines.phase == Phase::Broken {
            return;
        }
        let before = lines.unwritten.len();
        write(&mut lines.unwritten);
        let after = lines.unwritten.len();
        drop(lines);
        if before == 0 || (before < BLOCK_BYTES && after >= BLOCK_BYTES) {
            self.changed.notify_all();
        }
    }

    /// Waits while too much is unwritten; `false` if nothing can be written any more.
    pub(crate) fn wait_for_room(&self) -> bool {
        let crowded =
            |lines: &mut Lines| lines.phase == Phase::Open && lines.unwritten.len() >= FULL_BYTES;
        let lines = self.changed.wait_while(self.lock(), crowded);
        lines.unwrap_or_else(PoisonError::into_inner).phase != Phase::Broken
    }

    /// Lets the writer write what there is, and end.
    pub(crate) fn end(&self) {
        let mut lines = self.lock();
        if lines.phase == Phase::Open {
            lines.phase = Phase::Ending;
        }
        drop(lines);
        self.changed.notify_all();
    }

    fn carry(&self, mut sink: impl Write) -> io::Result<()> {
        let mut block = Vec::new();
        while self.take(&mut block) {
            if let Err(error) = sink.write_all(&block).and_then(|()| sink.flush()) {
                self.lock().phase = Phase::Broken;
                self.changed.notify_all();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Swaps `block` for the next lines; `false` after the last.
    fn take(&self, block: &mut Vec<u8>) -> bool {
        block.clear();
        let nothing = |lines: &mut Lines| lines.unwritten.is_empty() && lines.phase == Phase::Open;
        let few =
            |lines: &mut Lines| lines.unwritten.len() < BLOCK_BYTES && lines.phase == Phase::Open;
        let lines = self.changed.wait_while(self.lock(), nothing);
        let lines = lines.unwrap_or_else(PoisonError::into_inner);
        let collected = self.changed.wait_timeout_while(lines, COLLECT, few);
        let (mut lines, _) = collected.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(block, &mut lines.unwritten);
        drop(lines);
        self.changed.notify_all();
        !block.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
