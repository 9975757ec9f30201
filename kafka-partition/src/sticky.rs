//! What a topic remembers between choices: where each thread sticks, and whose turn it is.
//!
//! Records without a key stay on one partition until its batch is full, because one full batch
//! costs less than many small ones (KIP-480); which partition is next is drawn at random, so that
//! all get the same share, or one by their [`Weights`] (KIP-794). Each thread sticks to a partition of
//! its own, in a slot on its own cache line: senders on different threads do not queue for one
//! partition's lock.
//!
//! ```text
//! thread ─▶ slot │ chosen ─ available? ─▶ that one          (one load per record)
//!                │ filled, or its leader is lost ─▶ the next, drawn from the slot's own sequence
//! ```
//!
//! It takes no randomness from the system: the same seed, slots and weights give the same choices.

use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::candidates::Candidates;
use crate::weights::Weights;

/// What a topic's partitioner remembers from one choice to the next.
///
/// It belongs to one topic, and is stored with the topic's other data, so that it needs no lookup.
///
/// ```
/// use kafka_partition::{StickyState, TopicView};
///
/// let state = StickyState::new(42);
/// let topic = TopicView::new("orders", 6, &[], &state);
/// assert_eq!(topic.sticky_partition(), topic.sticky_partition());
/// ```
#[derive(Debug)]
pub struct StickyState {
    /// A power of two of them; each thread uses one, always the same.
    slots: Box<[Slot]>,
    turn: Turn,
    /// Locked when a thread moves on, and for as long as it takes to exchange two pointers.
    weights: Mutex<Weights>,
    /// Whether any thread has ever moved on.
    drawn: AtomicBool,
}

impl StickyState {
    /// Remembers one choice for each of up to 16 threads; further threads share them.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// let topic = TopicView::new("orders", 6, &[2], &state);
    /// assert_eq!(topic.sticky_partition(), 2);
    /// ```
    pub fn new(seed: u64) -> Self {
        Self::with_slots(seed, SLOTS)
    }

    /// One choice for all threads, which depends on the seed alone.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let (one, same) = (StickyState::shared(3), StickyState::shared(3));
    /// let here = TopicView::new("orders", 100, &[], &one).sticky_partition();
    /// let there = std::thread::spawn(move || {
    ///     TopicView::new("orders", 100, &[], &same).sticky_partition()
    /// });
    /// assert_eq!(there.join().unwrap(), here);
    /// ```
    pub fn shared(seed: u64) -> Self {
        Self::with_slots(seed, 1)
    }

    fn with_slots(seed: u64, slots: usize) -> Self {
        let slot = |index: u64| Slot::new(mix(seed.wrapping_add(index.wrapping_mul(STREAM))));
        Self {
            slots: (0..slots as u64).map(slot).collect(),
            turn: Turn(AtomicU32::new(0)),
            weights: Mutex::default(),
            drawn: AtomicBool::new(false),
        }
    }

    /// Lets threads that move on choose by these weights; returns the former ones in their place, so
    /// that their memory can be used again.
    ///
    /// ```
    /// use kafka_partition::{Leader, Load, StickyState, TopicView, Weights};
    ///
    /// let state = StickyState::new(42);
    /// let mut weights = Weights::default();
    /// weights.weigh(&[Load::queued(0).led(Leader::Unavailable), Load::queued(9)]);
    /// state.exchange_weights(&mut weights);
    /// assert!(weights.are_equal()); // as they were before
    ///
    /// let topic = TopicView::new("orders", 2, &[], &state);
    /// assert_eq!(topic.sticky_partition(), 1);
    /// ```
    pub fn exchange_weights(&self, weights: &mut Weights) {
        std::mem::swap(&mut *self.weights(), weights);
    }

    /// Whether any thread has ever chosen where to stick, so that weights are of use.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(42);
    /// assert!(!state.is_used());
    /// TopicView::new("orders", 2, &[], &state).sticky_partition();
    /// assert!(state.is_used());
    /// ```
    pub fn is_used(&self) -> bool {
        self.drawn.load(Relaxed)
    }

    fn weights(&self) -> MutexGuard<'_, Weights> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this thread sticks; somewhere else at once if that partition may not be chosen now.
    #[inline]
    pub(crate) fn partition(&self, candidates: Candidates<'_>) -> i32 {
        let chosen = self.slot().chosen.load(Relaxed);
        if candidates.contains(chosen) {
            chosen
        } else {
            self.move_on(candidates, chosen)
        }
    }

    /// Moves this thread on if it sticks to `partition`: to another candidate, if there is one; by
    /// weights that are not equal, perhaps to the same.
    pub(crate) fn leave(&self, candidates: Candidates<'_>, partition: i32) {
        if self.slot().chosen.load(Relaxed) == partition {
            self.move_on(candidates, partition);
        }
    }

    /// Moves this thread on from `left`, unless another in its slot did already; returns where it is now.
    #[cold]
    fn move_on(&self, candidates: Candidates<'_>, left: i32) -> i32 {
        let slot = self.slot();
        self.drawn.store(true, Relaxed);
        let picked = self.weights().pick(|total| slot.draw_below(total));
        let next = match picked.filter(|picked| candidates.contains(*picked)) {
            Some(picked) => picked,
            None => slot.draw_other(candidates, left),
        };
        match slot.chosen.compare_exchange(left, next, Relaxed, Relaxed) {
            Err(moved) if candidates.contains(moved) => moved,
            _ => next,
        }
    }

    /// The next turn of a round, shared by all threads: 0, 1, 2, … and around.
    pub(crate) fn next_turn(&self) -> u32 {
        self.turn.0.fetch_add(1, Relaxed)
    }

    #[inline]
    fn slot(&self) -> &Slot {
        let thread = THREAD.with(|thread| *thread);
        &self.slots[thread & (self.slots.len() - 1)]
    }
}

/// One thread's choice, on a cache line of its own (two, as the prefetcher sees them).
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    /// `NOWHERE` before the first choice.
    chosen: AtomicI32,
    /// Position in the slot's pseudo-random sequence.
    random: AtomicU64,
}

/// Apart from the slots: round robin writes to it for every record.
#[derive(Debug)]
#[repr(align(128))]
struct Turn(AtomicU32);

impl Slot {
    fn new(seed: u64) -> Self {
        Self {
            chosen: AtomicI32::new(NOWHERE),
            random: AtomicU64::new(seed),
        }
    }

    /// A random candidate other than `left`, unless `left` is the only one.
    fn draw_other(&self, candidates: Candidates<'_>, left: i32) -> i32 {
        let count = candidates.count();
        match candidates.index_of(left) {
            Some(_) if count == 1 => left,
            Some(index) => {
                let drawn = self.draw_index(count - 1);
                candidates.at(if drawn < index { drawn } else { drawn + 1 })
            }
            None => candidates.at(self.draw_index(count)),
        }
    }

    fn draw_index(&self, count: u32) -> u32 {
        self.draw_below(count.into()) as u32
    }

    /// SplitMix64: a xorshift of a counter, so that concurrent draws cannot lose a step.
    fn draw_below(&self, bound: u64) -> u64 {
        let position = self
            .random
            .fetch_add(GOLDEN_GAMMA, Relaxed)
            .wrapping_add(GOLDEN_GAMMA);
        ((u128::from(mix(position)) * u128::from(bound)) >> 64) as u64
    }
}

/// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

thread_local! {
    /// Threads are numbered as they first choose, so that neighbours do not share a slot.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// As many as threads that plausibly send at once; 2 KiB a topic.
const SLOTS: usize = 16;
const NOWHERE: i32 = -1;
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
/// Distance between the slots' seeds; odd, and unlike the step within a sequence.
const STREAM: u64 = 0xd134_2543_de82_ef95;
