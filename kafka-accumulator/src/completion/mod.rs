//! What became of a batch, told once to all its records (Java's `ProduceRequestResult`).
//!
//! ```text
//! engine ──complete──▶ Completion ──▶ callbacks, in record order ──▶ wakes ──▶ Delivery × n
//! ```
//!
//! There is one [`Completion`] per batch. Its records share it: a [`Delivery`](crate::Delivery) is
//! a reference to it and an index. Once completed it is read with one atomic load.
//!
//! No user code runs under its lock: callbacks and wakers are taken out first. Callbacks run on the
//! thread that completes the batch, before the awaiting tasks are woken. If one of them panics, the others
//! are called and woken all the same.

mod wakers;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    error::AlreadyCompleted,
    sync::{Mutex, Once, lock},
    user_code::run_user_code,
};

pub(crate) use wakers::Ticket;
use wakers::Wakers;

/// Where a record is in its partition's log.
///
/// ```
/// use kafka_accumulator::Delivered;
///
/// let delivered = Delivered::new(42);
/// assert_eq!((delivered.offset, delivered.log_append_time_ms), (42, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Delivered {
    /// Its offset in the partition; -1 if the broker was not asked for it (`acks=0`).
    pub offset: i64,
    /// The broker's time, if the topic is configured to put that in place of the record's.
    pub log_append_time_ms: Option<i64>,
}

impl Delivered {
    /// At this offset, with the record's own time.
    pub const fn new(offset: i64) -> Self {
        Self {
            offset,
            log_append_time_ms: None,
        }
    }

    /// With the time of the broker, in milliseconds since the epoch.
    #[must_use]
    pub const fn log_append_time_ms(mut self, log_append_time_ms: Option<i64>) -> Self {
        self.log_append_time_ms = log_append_time_ms;
        self
    }
}

/// What became of one record.
pub type Outcome<E> = Result<Delivered, E>;

/// Called once with the batch's completion, for its topic and partition, and what became of the
/// record, on the thread that completes the batch.
///
/// It must not block. If it panics, the other records' callbacks are called all the same.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
/// record.callback = Some(Box::new(|_, outcome| match outcome {
///     Ok(delivered) => println!("at offset {}", delivered.offset),
///     Err(error) => println!("not delivered: {error}"),
/// }));
/// accumulator.append(&queue, &mut record, None, Instant::now)?;
/// # Ok::<(), AppendError>(())
/// ```
pub type Callback<E> = Box<dyn FnOnce(&Completion<E>, Result<Delivered, &E>) + Send>;

/// What became of a batch.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
/// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
/// # queue.flush();
/// # let batch = queue.take(now).expect("it was flushed");
/// batch.complete(BatchOutcome::Refused { each: Box::new([(0, "invalid timestamp")]), rest: "not alone" })?;
/// assert_eq!(delivery.try_outcome(), Some(Err("invalid timestamp")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BatchOutcome<E> {
    /// It was appended to the log.
    Delivered {
        /// The offset of its first record; -1 if it is not known (`acks=0`).
        base_offset: i64,
        /// The broker's time, if the topic is configured to use that.
        log_append_time_ms: Option<i64>,
    },
    /// None of its records was delivered, all for the same reason.
    Failed(E),
    /// The broker named the records at fault (KIP-467): the others were not delivered because of them.
    Refused {
        /// Indexes of records, and what is wrong with each of them.
        each: Box<[(u32, E)]>,
        /// What to tell the others.
        rest: E,
    },
    /// It was split: the index of each piece's first record, and the piece's completion.
    Split(Box<[(u32, Arc<Completion<E>>)]>),
}

/// What happened when a batch was completed.
///
/// [`Batch::complete`](crate::Batch::complete) returns it.
///
/// ```
/// use kafka_accumulator::{Batch, BatchOutcome, Completed};
///
/// fn lost(batch: &Batch<&'static str>) {
///     if let Ok(Completed { panicked_callbacks: 1.., .. }) = batch.complete(BatchOutcome::Failed("lost")) {
///         // Some callback is to be mended; all of them were called.
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed {
    /// How many callbacks panicked. The panics went no further.
    pub panicked_callbacks: u32,
}

/// Where the records of a batch learn what became of them.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
/// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
/// # queue.flush();
/// # let batch = queue.take(now).expect("it was flushed");
/// let completion = batch.completion();
/// assert!(completion.batch_outcome().is_none());
/// completion.complete(BatchOutcome::Failed("no leader"))?;
/// assert!(matches!(completion.batch_outcome(), Some(BatchOutcome::Failed("no leader"))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Completion<E> {
    topic: Arc<str>,
    partition: i32,
    abandoned: fn() -> E,
    outcome: Once<BatchOutcome<E>>,
    /// Set when the callbacks have returned.
    told: Once<()>,
    waiting: Mutex<Waiting<E>>,
}

struct Waiting<E> {
    wakers: Wakers,
    /// In order of records.
    callbacks: Vec<(u32, Callback<E>)>,
}

impl<E> Completion<E> {
    pub(crate) fn new(topic: Arc<str>, partition: i32, abandoned: fn() -> E) -> Self {
        Self {
            topic,
            partition,
            abandoned,
            outcome: Once::new(),
            told: Once::new(),
            waiting: Mutex::new(Waiting {
                wakers: Wakers::default(),
                callbacks: Vec::new(),
            }),
        }
    }

    /// The topic of the batch.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition of the batch.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// What became of the batch, if it is completed.
    pub fn batch_outcome(&self) -> Option<&BatchOutcome<E>> {
        self.outcome.get()
    }

    /// What became of the record at `index`, if its batch is completed; follows splits.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// batch.complete(BatchOutcome::Delivered { base_offset: 7, log_append_time_ms: None })?;
    /// let outcome = batch.completion().outcome(0).expect("it is completed");
    /// assert_eq!(outcome.map(|delivered| delivered.offset), Ok(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn outcome(&self, index: u32) -> Option<Result<Delivered, &E>> {
        match self.outcome.get()?.of(index) {
            RecordOutcome::Known(outcome) => Some(outcome),
            RecordOutcome::InPiece(piece, index_in_piece) => {
                piece.outcome_after_split(index_in_piece)
            }
        }
    }

    #[cold]
    fn outcome_after_split(&self, index: u32) -> Option<Result<Delivered, &E>> {
        let (mut completion, mut index) = (self, index);
        loop {
            match completion.outcome.get()?.of(index) {
                RecordOutcome::Known(outcome) => return Some(outcome),
                RecordOutcome::InPiece(piece, index_in_piece) => {
                    (completion, index) = (piece, index_in_piece);
                }
            }
        }
    }

    /// Completes the batch: runs its callbacks in the order of the records, then wakes those who wait.
    ///
    /// Exactly one call succeeds; the others change nothing.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// batch.completion().complete(BatchOutcome::Failed("expired"))?;
    /// let late = BatchOutcome::Delivered { base_offset: 7, log_append_time_ms: None };
    /// assert_eq!(batch.completion().complete(late), Err(AlreadyCompleted));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn complete(&self, batch_outcome: BatchOutcome<E>) -> Result<Completed, AlreadyCompleted> {
        let batch_outcome = batch_outcome.normalized(self.abandoned);
        self.outcome
            .set(batch_outcome)
            .map_err(|_| AlreadyCompleted)?;
        let callbacks = std::mem::take(&mut lock(&self.waiting).callbacks);
        let panicked_callbacks = self.call(callbacks);
        // Nobody else sets it: a batch is completed once.
        let _ = self.told.set(());
        let wakers = std::mem::take(&mut lock(&self.waiting).wakers);
        for waker in wakers.into_wakers() {
            // The hook has told of its panic; what became of the records is set already.
            let _ = run_user_code(|| waker.wake());
        }
        Ok(Completed { panicked_callbacks })
    }

    /// Resolves when the batch is completed, and its pieces if it was split, and the callbacks have
    /// returned.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use kafka_accumulator::{Completion, Queue};
    ///
    /// async fn flush<E>(queue: &Arc<Queue<E>>) {
    ///     let incomplete = queue.incomplete();
    ///     queue.flush();
    ///     for completion in incomplete {
    ///         completion.settled().await;
    ///     }
    /// }
    /// ```
    pub fn settled(self: &Arc<Self>) -> Settled<E> {
        Settled {
            pending: vec![(Arc::clone(self), None)],
        }
    }

    /// One of the same partition that is not completed.
    pub(crate) fn sibling(&self) -> Self {
        Self::new(Arc::clone(&self.topic), self.partition, self.abandoned)
    }

    /// Completes what nobody else has: the last reference to the batch is dropped.
    fn abandon(&self) {
        if self.outcome.get().is_none() {
            // Somebody else may complete it at this very moment, which is just as well.
            let _ = self.complete(BatchOutcome::Failed((self.abandoned)()));
        }
    }

    /// Registers callbacks, or calls them at once if the batch is completed.
    pub(crate) fn attach(&self, mut callbacks: Vec<(u32, Callback<E>)>) -> u32 {
        if callbacks.is_empty() {
            return 0;
        }
        let mut waiting = lock(&self.waiting);
        if self.outcome.get().is_none() {
            match waiting.callbacks.is_empty() {
                true => waiting.callbacks = callbacks,
                false => waiting.callbacks.append(&mut callbacks),
            }
            return 0;
        }
        drop(waiting);
        self.call(callbacks)
    }

    /// What became of the batch; until that is known, `waker` replaces the one that `ticket` stands for.
    pub(crate) fn poll_outcome(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
    ) -> Option<&BatchOutcome<E>> {
        self.poll(&self.outcome, ticket, waker)
    }

    /// What `stage` holds; until it does, `waker` replaces the one that `ticket` stands for.
    fn poll<'a, T>(
        &'a self,
        stage: &'a Once<T>,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
    ) -> Option<&'a T> {
        if let Some(reached) = stage.get() {
            return Some(reached);
        }
        // Cloned before the lock and dropped after it: both may be anybody's code.
        let waker = waker.clone();
        let mut waiting = lock(&self.waiting);
        // The wakers are taken after both stages are set. So if the stage is not set when we look again
        // under the lock, our waker will be among those taken.
        if let Some(reached) = stage.get() {
            return Some(reached);
        }
        let unneeded = waiting.wakers.put(ticket, waker);
        drop(waiting);
        drop(unneeded);
        None
    }

    /// Calls the callbacks of a batch that is completed; those of a split one move to its pieces.
    fn call(&self, callbacks: Vec<(u32, Callback<E>)>) -> u32 {
        let Some(batch_outcome) = self.outcome.get() else {
            return 0;
        };
        if let BatchOutcome::Split(pieces) = batch_outcome {
            return move_to_pieces(pieces, callbacks);
        }
        let mut panicked = 0;
        for (index, callback) in callbacks {
            if let RecordOutcome::Known(outcome) = batch_outcome.of(index) {
                let called = run_user_code(|| callback(self, outcome));
                panicked += u32::from(called.is_err());
            }
        }
        panicked
    }
}

fn move_to_pieces<E>(
    pieces: &[(u32, Arc<Completion<E>>)],
    mut callbacks: Vec<(u32, Callback<E>)>,
) -> u32 {
    let mut parts = Vec::with_capacity(pieces.len());
    for (first, piece) in pieces.iter().rev() {
        let at = callbacks.partition_point(|(index, _)| index < first);
        let mut part = callbacks.split_off(at);
        part.iter_mut().for_each(|(index, _)| *index -= first);
        parts.push((piece, part));
    }
    let attached = parts
        .into_iter()
        .rev()
        .map(|(piece, part)| piece.attach(part));
    attached.sum()
}

/// Sees to it that a batch is completed: dropped before that, it tells the records that they were
/// abandoned, so that nobody waits for ever.
pub(crate) struct CompletionGuard<E>(Arc<Completion<E>>);

impl<E> CompletionGuard<E> {
    pub(crate) fn new(completion: Arc<Completion<E>>) -> Self {
        Self(completion)
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        &self.0
    }
}

impl<E> Drop for CompletionGuard<E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<E> fmt::Debug for Completion<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("completed", &self.outcome.get().is_some())
            .finish_non_exhaustive()
    }
}

/// What became of one record, or where to ask.
pub(crate) enum RecordOutcome<'a, E> {
    Known(Result<Delivered, &'a E>),
    InPiece(&'a Arc<Completion<E>>, u32),
}

impl<E> BatchOutcome<E> {
    /// What it means for the record at `index`.
    #[inline]
    pub(crate) fn of(&self, index: u32) -> RecordOutcome<'_, E> {
        match self {
            Self::Delivered { .. } => self.of_any(index),
            _ => self.of_undelivered(index),
        }
    }

    /// Out of line: nearly all records are delivered.
    #[cold]
    fn of_undelivered(&self, index: u32) -> RecordOutcome<'_, E> {
        self.of_any(index)
    }

    #[inline(always)]
    fn of_any(&self, index: u32) -> RecordOutcome<'_, E> {
        RecordOutcome::Known(match self {
            Self::Delivered {
                base_offset,
                log_append_time_ms,
            } => {
                let delivered = Delivered::new(offset_of(*base_offset, index));
                Ok(delivered.log_append_time_ms(*log_append_time_ms))
            }
            Self::Failed(error) => Err(error),
            Self::Refused { each, rest } => Err(each
                .binary_search_by_key(&index, |(index, _)| *index)
                .map_or(rest, |at| &each[at].1)),
            Self::Split(pieces) => {
                let after = pieces.partition_point(|(first, _)| *first <= index);
                let (first, piece) = &pieces[after.saturating_sub(1)];
                return RecordOutcome::InPiece(piece, index.saturating_sub(*first));
            }
        })
    }

    /// With its lists in order; a split into no pieces counts as a batch that was dropped.
    fn normalized(mut self, abandoned: fn() -> E) -> Self {
        match &mut self {
            Self::Refused { each, .. } => each.sort_by_key(|(index, _)| *index),
            Self::Split(pieces) if pieces.is_empty() => return Self::Failed(abandoned()),
            Self::Split(pieces) => {
                pieces.sort_by_key(|(first, _)| *first);
                pieces[0].0 = 0;
            }
            Self::Delivered { .. } | Self::Failed(_) => {}
        }
        self
    }
}

#[inline]
fn offset_of(base_offset: i64, index: u32) -> i64 {
    if base_offset < 0 {
        return UNKNOWN_OFFSET;
    }
    base_offset.saturating_add(i64::from(index))
}

/// Waits for a whole batch; see [`Completion::settled`].
#[must_use = "futures do nothing unless polled"]
pub struct Settled<E> {
    /// What is still to be waited for, and our ticket for the one that we wait for now.
    pending: Vec<(Arc<Completion<E>>, Option<Ticket>)>,
}

impl<E> Future for Settled<E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        while let Some((completion, ticket)) = self.pending.last_mut() {
            let told = completion.poll(&completion.told, ticket, context.waker());
            let pieces = match completion.batch_outcome() {
                _ if told.is_none() => return Poll::Pending,
                Some(BatchOutcome::Split(pieces)) => pieces.clone(),
                _ => Box::default(),
            };
            self.pending.pop();
            let pieces = pieces.into_vec().into_iter();
            self.pending.extend(pieces.map(|(_, piece)| (piece, None)));
        }
        Poll::Ready(())
    }
}

impl<E> fmt::Debug for Settled<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled")
            .field("pending", &self.pending.len())
            .finish()
    }
}

/// The offset of a record whose broker was not asked for it.
const UNKNOWN_OFFSET: i64 = -1;
