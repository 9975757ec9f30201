//! Compression, on threads of its own: per-byte work that must not hold up the driver.
//!
//! Batches of one connection are compressed by several threads at once and leave in order all the
//! same, because the connection waits for its first request. A thread is started when there is work
//! for it, one per core at most. A batch is compressed once; an attempt to send it again finds it
//! compressed. One that does not shrink goes uncompressed.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

use kafka_accumulator::{Batch, Doorbell, catch_panic};
use kafka_wire::compression::{Compression, Compressor as Workspace};

use crate::engine::{Outgoing, Payload};
use crate::error::DeliveryError;
use crate::settings::{Codec, Codecs};

/// Threads, and the batches that they are to compress. They end when it is dropped.
pub(crate) struct Compressor {
    codecs: Codecs,
    pool: Arc<Pool>,
}

/// The progress of one request's batches.
#[derive(Clone)]
pub(crate) struct Compressed(Option<Arc<JobGroup>>);

/// How far a request is.
pub(crate) enum Progress {
    Busy,
    Done,
    Failed(Arc<str>),
}

struct JobGroup {
    open: AtomicUsize,
    failure: OnceLock<Arc<str>>,
}

struct Pool {
    doorbell: Arc<Doorbell>,
    jobs: Mutex<Jobs>,
    arrived: Condvar,
    most_threads: usize,
}

struct Jobs {
    queue: VecDeque<Job>,
    threads: usize,
    /// Threads that wait and have not been woken.
    idle: usize,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Open,
    Closed,
}

struct Job {
    codec: Codec,
    batch: Arc<Batch<DeliveryError>>,
    group: Arc<JobGroup>,
}

impl Compressor {
    /// Starts the first thread, the only one whose failure is an error.
    pub(crate) fn start(codecs: Codecs, doorbell: &Arc<Doorbell>) -> io::Result<Self> {
        let jobs = Mutex::new(Jobs {
            queue: VecDeque::new(),
            threads: 1,
            idle: 0,
            stage: Stage::Open,
        });
        let doorbell = Arc::clone(doorbell);
        let pool = Arc::new(Pool {
            doorbell,
            jobs,
            arrived: Condvar::new(),
            most_threads: thread::available_parallelism().map_or(1, usize::from),
        });
        pool.start_thread()?;
        Ok(Self { codecs, pool })
    }

    /// Hands the batches of a request that are not compressed yet to the threads.
    pub(crate) fn compress(&self, outgoing: &Outgoing) -> Compressed {
        let Payload::Produce(order) = &outgoing.payload else {
            return Compressed::at_once();
        };
        let raw = || {
            order.batches_by_topic().filter_map(|(topic, batch)| {
                let codec = self.codecs.of(topic);
                let is_raw = batch.codec() == Compression::None;
                (is_raw && codec.compression != Compression::None).then_some((codec, batch))
            })
        };
        let open = raw().count();
        if open == 0 {
            return Compressed::at_once();
        }
        let group = Arc::new(JobGroup {
            open: AtomicUsize::new(open),
            failure: OnceLock::new(),
        });
        let jobs = raw().map(|(codec, batch)| Job {
            codec,
            batch: Arc::clone(batch),
            group: Arc::clone(&group),
        });
        self.pool.hand_out(jobs, open);
        Compressed(Some(group))
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.pool.lock().stage = Stage::Closed;
        self.pool.arrived.notify_all();
    }
}

impl Compressed {
    /// For a request with nothing to compress.
    pub(crate) fn at_once() -> Self {
        Self(None)
    }

    /// Whether there is something to compress, or was.
    pub(crate) fn is_work(&self) -> bool {
        self.0.is_some()
    }

    /// Whether there is something left to compress.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.progress(), Progress::Busy)
    }

    pub(crate) fn progress(&self) -> Progress {
        match &self.0 {
            Some(group) if group.open.load(Ordering::Acquire) > 0 => Progress::Busy,
            Some(group) => match group.failure.get() {
                Some(why) => Progress::Failed(Arc::clone(why)),
                None => Progress::Done,
            },
            None => Progress::Done,
        }
    }
}

impl Pool {
    fn lock(&self) -> std::sync::MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes no more threads than there are jobs, and under load none; starts those that are missing.
    fn hand_out(self: &Arc<Self>, new: impl Iterator<Item = Job>, count: usize) {
        let mut jobs = self.lock();
        jobs.queue.extend(new);
        let woken = jobs.idle.min(count);
        jobs.idle -= woken;
        let started = (count - woken).min(self.most_threads - jobs.threads);
        jobs.threads += started;
        drop(jobs);
        for _ in 0..woken {
            self.arrived.notify_one();
        }
        for _ in 0..started {
            if self.start_thread().is_err() {
                // There is at least one; another is tried with the next batches.
                self.lock().threads -= 1;
            }
        }
    }

    fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        let pool = Arc::clone(self);
        let builder = thread::Builder::new().name("kafka-producer compression".to_owned());
        builder.spawn(move || pool.work()).map(drop)
    }

    /// The life of one thread.
    fn work(&self) {
        let mut workspace = Workspace::default();
        while let Some(Job {
            codec,
            batch,
            group,
        }) = self.next()
        {
            let compressed = catch_panic(|| compress(&mut workspace, codec, &batch));
            let compressed = compressed.unwrap_or_else(|panic| {
                // Its state may be broken.
                workspace = Workspace::default();
                Err(Arc::from(format!("the codec panicked: {panic}")))
            });
            if let Err(why) = compressed {
                group.failure.get_or_init(|| why);
            }
            drop(batch);
            if group.open.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.doorbell.ring();
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                return Some(job);
            }
            if jobs.stage == Stage::Closed {
                return None;
            }
            jobs.idle += 1;
            jobs = self
                .arrived
                .wait(jobs)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The result is kept only if it is shorter, in the batch's own buffer; the working memory of the codecs belongs to
/// the thread, so that nothing is allocated.
fn compress(
    workspace: &mut Workspace,
    codec: Codec,
    batch: &Batch<DeliveryError>,
) -> Result<(), Arc<str>> {
    let raw = batch.records();
    let compressed = workspace
        .compressed(codec.compression, codec.level, &raw)
        .map_err(|error| Arc::from(error.to_string()))?;
    if compressed.len() < raw.len() {
        drop(raw);
        // Rejected only if another attempt has compressed the batch already.
        let _ = batch.replace_records(compressed, codec.compression);
    }
    Ok(())
}

#[cfg(test)]
impl Compressed {
    /// One batch, which is compressed when the second is called.
    pub(super) fn of_one() -> (Self, impl FnOnce()) {
        let group = Arc::new(JobGroup {
            open: AtomicUsize::new(1),
            failure: OnceLock::new(),
        });
        let finished = Arc::clone(&group);
        let finish = move || finished.open.store(0, Ordering::Release);
        (Self(Some(group)), finish)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn threads_are_started_when_there_is_work_for_them_and_no_more_than_cores() {
        let doorbell = Arc::new(Doorbell::new());
        let compressor = Compressor::start(Compression::Lz4.into(), &doorbell).unwrap();
        let threads = || compressor.pool.lock().threads;
        assert_eq!(threads(), 1);
        for _ in 0..2 {
            compressor.pool.hand_out(iter::empty(), 100_000);
            assert_eq!(threads(), compressor.pool.most_threads);
        }
    }
}
