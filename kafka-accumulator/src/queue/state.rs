//! What a queue holds under its lock: the open batch, the sealed ones, and what the engine knows of
//! them.
//!
//! A record is appended to the open batch here; a batch leaves from here. Each step returns whether the
//! engine must be rung for, and the queue rings after it has unlocked. Nothing here locks, waits or
//! reserves memory.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};

use super::{
    attention::{Attention, Ring},
    outcome::{Appended, Attempt, Filled, NewBatch, Readiness, WhenShort},
};
use crate::{
    batch::{AppendResult, OpenBatch, SealedBatch},
    completion::Completion,
    delivery::Receipt,
    memory::{Account, Budget, BufferSizes, InitialSize},
    record::{NewRecord, RecordHeaders},
};

/// The batches of a queue, and what the engine knows of them.
pub(super) struct QueueState<E> {
    stage: Stage,
    attention: Attention,
    open: Option<OpenBatch<E>>,
    /// Boxed, so that all that an append touches lies together.
    sealed: Box<SealedBatches<E>>,
    /// What new batches are charged to.
    account: Arc<Account>,
    sizes: BufferSizes,
    initial_size: InitialSize,
    /// How many bytes may still leave in batches that are not full before a sticky partitioner should
    /// move on (KIP-794).
    share_left: isize,
}

/// Whether records are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Accepting,
    Closed,
}

impl<E> QueueState<E> {
    pub(super) fn new(account: Arc<Account>, sizes: BufferSizes) -> Self {
        Self {
            stage: Stage::Accepting,
            attention: Attention::Away,
            open: None,
            sealed: Box::new(SealedBatches::new()),
            account,
            sizes,
            initial_size: InitialSize::first(sizes),
            share_left: share_of(sizes),
        }
    }

    /// What new batches are charged to.
    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Charges another account with the batches that are opened from now on; returns the one before.
    pub(super) fn assign(&mut self, account: Arc<Account>) -> Arc<Account> {
        std::mem::replace(&mut self.account, account)
    }

    /// Appends a short record to the open batch if there is one with room. The second of the pair says
    /// whether [`check_full`](Self::check_full) has to be called.
    #[inline(always)]
    pub(super) fn append_short<'a, R: Receipt<E>, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Option<(R, bool)> {
        let open = self.open.as_mut()?;
        let receipt = open.append_short(record)?;
        let may_be_full = open.is_as_good_as_full() || self.share_left <= 0;
        Some((receipt, may_be_full))
    }

    /// After an append: seals the open batch if it is full; else says whether a sticky partitioner
    /// should move on all the same.
    pub(super) fn check_full(&mut self) -> (Filled, Ring) {
        match &self.open {
            Some(open) if open.is_as_good_as_full() => (Filled::Filled, self.seal_full()),
            _ => (self.share_exceeded(), Ring::No),
        }
    }

    /// Before a batch is opened: whether as much as a full one holds has left in batches that were not
    /// full. If so, it counts from 0 again.
    pub(super) fn end_share(&mut self) -> Filled {
        if self.open.is_some() || self.share_left > 0 {
            return Filled::Room;
        }
        self.share_left = share_of(self.sizes);
        Filled::Filled
    }

    /// Appends to the open batch if there is one and it has room; else it is sealed, but for one that
    /// only has to grow, for which `when_short` says how to go on.
    pub(super) fn try_append<'a, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
        when_short: &mut WhenShort,
    ) -> Result<(Attempt<E>, Ring), RecordTooLarge> {
        if self.stage == Stage::Closed {
            return Ok((Attempt::Closed, Ring::No));
        }
        let Some(open) = &mut self.open else {
            return Ok((self.needs_batch(Filled::Room), Ring::No));
        };
        match (open.try_append(record)?, when_short) {
            (AppendResult::NeedsMemory(request), WhenShort::Report) => {
                let account = Arc::clone(open.account());
                Ok((Attempt::NeedsMemory(request, account), Ring::No))
            }
            (AppendResult::NeedsMemory(_), WhenShort::Grow(growth)) => {
                open.grow(growth);
                self.try_append(record, &mut WhenShort::Report)
            }
            (result, _) => Ok(self.appended(result)),
        }
    }

    /// Appends to the open batch if there is one by now; else to `new`, which then is the open one. A
    /// batch that is not needed stays in `new`, to be dropped after the lock.
    pub(super) fn append_new_batch<'a, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
        new: &mut Option<OpenBatch<E>>,
        linger: Duration,
    ) -> (Result<Attempt<E>, RecordTooLarge>, Ring) {
        let (attempt, before) = match self.try_append(record, &mut WhenShort::Seal) {
            Ok(found) => found,
            Err(too_large) => return (Err(too_large), Ring::No),
        };
        let (Attempt::NeedsBatch(_), Some(batch)) = (&attempt, new.as_mut()) else {
            return (Ok(attempt), before);
        };
        // It is opened with its first record in: nobody ever sees a batch without any.
        let result = match batch.try_append(record) {
            Ok(result) => result,
            Err(too_large) => return (Err(too_large), before),
        };
        self.open = new.take();
        let opened = self.attention.batch_opened(linger);
        let (attempt, sealed) = self.appended(result);
        (Ok(attempt), before.or(opened).or(sealed))
    }

    /// What there is to take.
    pub(super) fn readiness(&self, now: Instant, linger: Duration, budget: &Budget) -> Readiness {
        if !self.sealed.is_empty() {
            return Readiness::Ready;
        }
        let Some(open) = &self.open else {
            return Readiness::Empty;
        };
        let created = open.created();
        let until = created.checked_add(linger).unwrap_or(created);
        if now >= until || budget.is_awaited(open.account()) {
            return Readiness::Ready;
        }
        Readiness::Lingering { until }
    }

    /// The engine knows of this now.
    pub(super) fn note_seen(&mut self, readiness: Readiness) {
        self.attention = Attention::after_look(readiness);
    }

    /// Takes the oldest batch, the open one included.
    pub(super) fn take_oldest(&mut self) -> Option<SealedBatch<E>> {
        let oldest = self.sealed.pop().or_else(|| self.seal());
        self.note_left();
        oldest
    }

    /// Takes the batches that were created at `created_until` or before, oldest first.
    pub(super) fn take_expired(&mut self, created_until: Instant) -> Vec<SealedBatch<E>> {
        let mut expired = Vec::new();
        while self
            .oldest_created()
            .is_some_and(|created| created <= created_until)
        {
            expired.extend(self.take_oldest());
        }
        self.note_left();
        expired
    }

    /// Takes everything, oldest first.
    pub(super) fn take_all(&mut self) -> Vec<SealedBatch<E>> {
        std::iter::from_fn(|| self.take_oldest()).collect()
    }

    /// Seals the open batch, so that it is due.
    pub(super) fn seal_open(&mut self) -> Ring {
        let Some(sealed) = self.seal() else {
            return Ring::No;
        };
        self.sealed.push(sealed);
        self.attention.batch_sealed()
    }

    /// Accepts nothing from now on; what is open is due.
    pub(super) fn close(&mut self) -> Ring {
        self.stage = Stage::Closed;
        self.seal_open()
    }

    /// Accepts nothing from now on if nothing is here; returns whether that is so.
    pub(super) fn close_if_empty(&mut self) -> bool {
        let empty = self.batches() == 0;
        if empty {
            self.stage = Stage::Closed;
        }
        empty
    }

    /// When the oldest batch that is still here was created.
    pub(super) fn oldest_created(&self) -> Option<Instant> {
        match self.sealed.oldest() {
            Some(sealed) => Some(sealed.created()),
            None => self.open.as_ref().map(OpenBatch::created),
        }
    }

    /// The completions of the batches that are here, oldest first.
    pub(super) fn completions(&self) -> Vec<Arc<Completion<E>>> {
        let sealed = self.sealed.iter().map(SealedBatch::completion);
        let open = self.open.iter().map(OpenBatch::completion);
        sealed.chain(open).map(Arc::clone).collect()
    }

    /// How many records are here.
    pub(super) fn records(&self) -> u64 {
        let sealed = self.sealed.iter().map(SealedBatch::count);
        let open = self.open.iter().map(OpenBatch::records);
        sealed.chain(open).map(u64::from).sum()
    }

    /// How many batches are here, the open one included.
    pub(super) fn batches(&self) -> usize {
        self.sealed.len() + usize::from(self.open.is_some())
    }

    fn needs_batch(&self, filled: Filled) -> Attempt<E> {
        Attempt::NeedsBatch(NewBatch {
            account: Arc::clone(&self.account),
            filled,
            initial_size: self.initial_size,
        })
    }

    /// What follows from an attempt: a batch that is full, or cannot grow, is sealed.
    fn appended(&mut self, result: AppendResult<E>) -> (Attempt<E>, Ring) {
        let (delivery, filled, ring) = match result {
            AppendResult::Appended(delivery) => (delivery, self.share_exceeded(), Ring::No),
            AppendResult::AppendedFull(delivery) => (delivery, Filled::Filled, self.seal_full()),
            AppendResult::NeedsMemory(_) | AppendResult::BatchFull => {
                let ring = self.seal_full();
                return (self.needs_batch(Filled::Filled), ring);
            }
        };
        (Attempt::Appended(Appended { delivery, filled }), ring)
    }

    /// Whether the open batch makes it twice as much as a full one holds. It comes to that if nobody was
    /// there to move on when the batch was opened.
    fn share_exceeded(&mut self) -> Filled {
        let share = share_of(self.sizes);
        let open = self.open.as_ref().map_or(0, OpenBatch::written) as isize;
        if open - self.share_left < share {
            return Filled::Room;
        }
        self.share_left = share + BATCH_HEADER_BYTES as isize + open;
        Filled::Filled
    }

    fn seal_full(&mut self) -> Ring {
        let ring = self.seal_open();
        self.share_left = share_of(self.sizes);
        ring
    }

    /// The open batch, sealed; the next one will begin with what it has used.
    fn seal(&mut self) -> Option<SealedBatch<E>> {
        let open = self.open.take()?;
        let used_bytes = BATCH_HEADER_BYTES + open.written();
        self.share_left -= used_bytes as isize;
        self.initial_size = self
            .initial_size
            .after(used_bytes, open.callback_bytes(), self.sizes);
        Some(open.seal())
    }

    fn note_left(&mut self) {
        if self.batches() == 0 {
            self.attention.emptied();
        }
    }
}

/// What a full batch holds; at least a byte, so that nothing is taken before anything was written.
fn share_of(sizes: BufferSizes) -> isize {
    sizes.batch_bytes().max(1) as isize
}

/// The sealed batches of a queue, oldest first. It keeps little room when it is empty, because there is one
/// for each partition that is written to.
struct SealedBatches<E> {
    batches: VecDeque<SealedBatch<E>>,
}

impl<E> SealedBatches<E> {
    fn new() -> Self {
        let batches = VecDeque::new();
        Self { batches }
    }

    /// Adds the newest. The first one gets room for itself alone: most queues never hold two.
    fn push(&mut self, sealed: SealedBatch<E>) {
        if self.batches.capacity() == 0 {
            self.batches.reserve_exact(1);
        }
        self.batches.push_back(sealed);
    }

    /// Takes the oldest. Releases the list's own memory when the last one is gone and the list was long:
    /// no reservation pays for it.
    fn pop(&mut self) -> Option<SealedBatch<E>> {
        let oldest = self.batches.pop_front();
        if self.batches.is_empty() && self.batches.capacity() > KEPT_BATCHES {
            self.batches = VecDeque::new();
        }
        oldest
    }

    fn oldest(&self) -> Option<&SealedBatch<E>> {
        self.batches.front()
    }

    fn iter(&self) -> impl Iterator<Item = &SealedBatch<E>> {
        self.batches.iter()
    }

    fn len(&self) -> usize {
        self.batches.len()
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

/// Room for so many sealed batches is kept when they are gone.
const KEPT_BATCHES: usize = 4;
