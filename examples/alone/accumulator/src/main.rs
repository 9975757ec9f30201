//! A log in a file: threads append records, the main thread writes them in batches and tells them after `fsync`.
//!
//! `cargo run` prints how many records were found when the file was read again. With less memory than the threads would fill,
//! they wait for their turn.

mod parked;

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use kafka_accumulator::records::{BatchHeader, RecordBatch, RecordParts};
use kafka_accumulator::{
    Accumulator, AppendError, Batch, BatchOutcome, Bytes, Delivery, NewRecord, Queue, Settings,
    Sleep,
};

use parked::{block_on, waker_of_this_thread};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Log = (Accumulator<String>, Arc<Queue<String>>);

/// Encodes a record into the open batch; waits up to a minute for memory.
fn append((accumulator, queue): &Log, value: &[u8]) -> Result<Delivery<String>, Failure> {
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(value)));
    let mut reserved = None;
    loop {
        match accumulator.append(queue, &mut record, reserved.take(), Instant::now) {
            Ok(appended) => return Ok(appended.delivery),
            Err(AppendError::NeedsMemory { bytes }) => {
                let deadline = Instant::now() + Duration::from_secs(60);
                reserved = Some(block_on(queue.reserve(bytes, deadline))?);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes what is due, as long as there is something and somebody `appends`.
fn write_all((accumulator, queue): &Log, file: &mut File, appends: &AtomicUsize) {
    let (bell, waker) = (accumulator.doorbell(), waker_of_this_thread());
    let (mut next_offset, mut rung, mut served) = (0, Vec::new(), Vec::new());
    while !(appends.load(Ordering::SeqCst) == 0 && queue.is_empty()) {
        bell.awake(); // before the lists are read, so that nothing is missed
        accumulator.take_rung(&mut rung);
        rung.clear(); // there is one queue
        accumulator.expire_waiters(Instant::now());
        accumulator.take_served(&mut served);
        served.drain(..).for_each(Waker::wake);
        match queue.take(Instant::now()) {
            Ok(batch) => {
                let base_offset = next_offset;
                next_offset += i64::from(batch.count());
                let outcome = match write(file, &batch, base_offset) {
                    Ok(()) => BatchOutcome::Delivered {
                        base_offset,
                        log_append_time_ms: None,
                    },
                    Err(error) => BatchOutcome::Failed(error.to_string()),
                };
                batch.complete(outcome).expect("it is completed here alone");
            }
            // Once a second it looks whose time to wait for memory is over.
            Err(due) if bell.sleep(&waker) == Sleep::Asleep => {
                thread::park_timeout(due.map_or(Duration::from_secs(1), |due| {
                    due.saturating_duration_since(Instant::now())
                }))
            }
            Err(_) => {}
        }
    }
}

/// A batch with its header is a frame with a length and a checksum.
fn write(file: &mut File, batch: &Batch<String>, base_offset: i64) -> io::Result<()> {
    let (records, record_count) = (batch.records(), batch.count() as i32);
    let header = BatchHeader {
        base_offset,
        record_count,
        last_offset_delta: record_count - 1,
        ..BatchHeader::default()
    };
    file.write_all(&header.encode(&records))?;
    file.write_all(&records)?;
    file.sync_data()
}

fn main() -> Result<(), Failure> {
    let path = std::env::temp_dir().join(format!("alone-{}.log", std::process::id()));
    let settings = Settings::default().buffer_memory(128 * 1024);
    let accumulator = Accumulator::new(settings, Arc::default(), || "no writer".to_owned());
    let queue = accumulator.queue(Arc::from("log"), 0, 0);
    let mut file = File::create(&path)?;
    let (log, appends) = (&(accumulator, queue), &AtomicUsize::new(4));
    let told = thread::scope(|scope| {
        let appender = |thread| {
            move || {
                let text = |number| format!("{number} of thread {thread}, {}", "x".repeat(80));
                let told: Result<Vec<_>, Failure> = (0..2_500)
                    .map(text)
                    .map(|text| Ok((append(log, text.as_bytes())?, text)))
                    .collect();
                appends.fetch_sub(1, Ordering::SeqCst);
                log.0.doorbell().ring();
                told
            }
        };
        let appenders = [0, 1, 2, 3].map(|thread| scope.spawn(appender(thread)));
        write_all(log, &mut file, appends);
        let told = appenders.map(|appender| appender.join().expect("it does not panic"));
        told.into_iter().collect::<Result<Vec<_>, Failure>>()
    })?;
    let (mut bytes, mut read) = (Bytes::from(std::fs::read(&path)?), Vec::new());
    while !bytes.is_empty() {
        let records = RecordBatch::decode(&mut bytes)?.records();
        read.extend(records.collect::<Result<Vec<_>, _>>()?);
    }
    for (delivery, text) in told.iter().flatten() {
        let offset = delivery
            .try_outcome()
            .ok_or("a record was not told")??
            .offset;
        assert_eq!(
            read[offset as usize].value.as_deref(),
            Some(text.as_bytes())
        );
    }
    assert_eq!(read.len(), 10_000);
    println!("{} records were appended, and read back", read.len());
    Ok(std::fs::remove_file(&path)?)
}
