//! An accumulator, a clock that stands still until told, and short words for what tests do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use kafka_accumulator::{
    Accumulator, AppendError, Appended, Batch, Delivery, Doorbell, NewRecord, Queue, Reservation,
    Settings, wake_all,
};
use kafka_wire::records::{
    Attributes, BATCH_HEADER_BYTES, BatchHeader, Record, RecordBatch, RecordParts,
};

/// Why a record of these tests fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Abandoned,
    Expired,
    Aborted,
    Corrupt,
    Neighbour,
}

pub(crate) struct Scene {
    pub(crate) accumulator: Accumulator<Why>,
    pub(crate) bell: Arc<Doorbell>,
    pub(crate) start: Instant,
}

impl Scene {
    pub(crate) fn new(batch_size: usize, linger_ms: u64, buffer_memory: usize) -> Self {
        Self::of(
            Settings::default()
                .batch_size(batch_size)
                .linger(Duration::from_millis(linger_ms))
                .buffer_memory(buffer_memory),
        )
    }

    pub(crate) fn of(settings: Settings) -> Self {
        let bell = Arc::new(Doorbell::new());
        let accumulator = Accumulator::new(settings, Arc::clone(&bell), || Why::Abandoned);
        let start = Instant::now();
        Self {
            accumulator,
            bell,
            start,
        }
    }

    /// Wakes those whose wait for memory is over, as the driver does when it holds no lock.
    pub(crate) fn wake_served(&self) {
        let mut served = Vec::new();
        self.accumulator.take_served(&mut served);
        wake_all(&mut served);
    }

    pub(crate) fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    pub(crate) fn queue(&self, partition: i32) -> Arc<Queue<Why>> {
        self.accumulator
            .queue(Arc::from("orders"), partition, partition as u32)
    }

    /// Appends a record without key at `ms`, which must succeed.
    pub(crate) fn append(
        &self,
        queue: &Arc<Queue<Why>>,
        value: &[u8],
        ms: u64,
    ) -> Appended<Delivery<Why>> {
        self.try_append(queue, value, ms, None).unwrap()
    }

    pub(crate) fn try_append(
        &self,
        queue: &Arc<Queue<Why>>,
        value: &[u8],
        ms: u64,
        reserved: Option<Reservation>,
    ) -> Result<Appended<Delivery<Why>>, AppendError> {
        let parts = RecordParts::new(None, Some(value));
        let mut record = NewRecord::new(ms as i64, parts);
        self.accumulator
            .append(queue, &mut record, reserved, || self.at(ms))
    }

    /// The queues that have rung, by key.
    pub(crate) fn rung(&self) -> Vec<u32> {
        let mut rung = Vec::new();
        self.accumulator.take_rung(&mut rung);
        rung.iter().map(|queue| queue.key()).collect()
    }
}

/// The bytes of a record that stands first in its batch, and a little more for later ones.
pub(crate) fn record_bytes(value: &[u8]) -> usize {
    let size = RecordParts::new(None, Some(value)).size(0, 0).unwrap();
    size.bytes()
}

/// How large a batch must be for `count` records of this value (up to 64, all of one time).
pub(crate) fn batch_bytes(count: usize, value: &[u8]) -> usize {
    BATCH_HEADER_BYTES + count * record_bytes(value)
}

/// Reads the batch as a broker would.
pub(crate) fn decode(batch: &Batch<Why>) -> Vec<Record> {
    let (records, codec) = batch.records_and_codec();
    let header = BatchHeader {
        base_offset: 0,
        attributes: Attributes::new(codec),
        last_offset_delta: batch.count() as i32 - 1,
        base_timestamp: batch.base_timestamp_ms(),
        max_timestamp: batch.max_timestamp_ms(),
        record_count: batch.count() as i32,
        ..BatchHeader::default()
    };
    let mut whole = BytesMut::from(&header.encode(&records)[..]);
    whole.extend_from_slice(&records);
    let mut whole: Bytes = whole.freeze();
    let decoded = RecordBatch::decode(&mut whole).unwrap();
    decoded.records().map(Result::unwrap).collect()
}

/// The values of the batch's records, in order.
pub(crate) fn values(batch: &Batch<Why>) -> Vec<Bytes> {
    let records = decode(batch).into_iter();
    records.map(|record| record.value.unwrap()).collect()
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&wakes));
        (wakes, waker)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
