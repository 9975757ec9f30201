//! What the memory of a queue's batches is charged to, and the wait for it.
//!
//! A record that finds no open batch needs memory for one, which is charged to the account of its queue. The
//! engine assigns it, and again when another broker leads the partition; callers that wait go with it. Nothing
//! here decides who is given memory (that is the [budget](crate::memory)), or locks while it asks.

use std::{sync::Arc, time::Instant};

use super::Queue;
use crate::{
    memory::{Account, Asks, Place, Reservation, Reserve},
    sync::lock,
};

impl<E> Queue<E> {
    /// Charges another account with the memory of batches that are opened from now on, for which callers may
    /// wait already. Those that are here stay charged to the one before.
    ///
    /// [`Account`] has an example.
    pub fn assign(&self, account: &Arc<Account>) {
        let before = lock(&self.state).assign(Arc::clone(account));
        if !Arc::ptr_eq(&before, account) {
            self.shared.budget.move_to(account, self.place());
        }
    }

    /// Waits, in order of arrival, for the memory of a new batch in this queue.
    ///
    /// The deadline is enforced by whoever calls [`expire_waiters`](crate::Accumulator::expire_waiters). If the
    /// caller has to wait, the doorbell rings: the memory may be in open batches, and while it is short those
    /// that hold it are due. A queue that is [assigned](Self::assign) to no account also rings itself.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// let all = queue.reserve(4_096, now + Duration::from_secs(60));
    /// let waiting = queue.reserve(1_024, now + Duration::from_secs(60));
    /// assert_eq!(accumulator.waiting(), 1);
    /// drop(all);
    /// assert_eq!(accumulator.waiting(), 0);
    /// # drop(waiting);
    /// ```
    pub fn reserve(self: &Arc<Self>, bytes: usize, deadline: Instant) -> Reserve {
        let account = self.account();
        let budget = &self.shared.budget;
        let reserve = Reserve::of(budget, &account, self.place(), bytes, deadline);
        if reserve.is_waiting() {
            self.follow(account);
            self.ask_for_account();
            self.shared.doorbell.ring();
        }
        reserve
    }

    /// Takes memory for a batch in this queue if there is some and nobody waits for memory, though others may
    /// wait for the backlog to get smaller.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let account = accumulator.account();
    /// queue.assign(&account);
    /// accumulator.limit_backlog(&account, 0);
    /// let refused = accumulator.append(&queue, &mut record, None, Instant::now);
    /// let Err(AppendError::NeedsMemory { bytes }) = refused else { panic!("it is throttled") };
    /// let reserved = queue.reserve_despite_backlog(bytes);
    /// assert!(accumulator.append(&queue, &mut record, reserved, Instant::now).is_ok());
    /// ```
    // Hidden: there is no backlog to wait for unless the producer limits it.
    #[doc(hidden)]
    pub fn reserve_despite_backlog(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let (budget, account) = (&self.shared.budget, self.account());
        let reserved = Reservation::of(budget, &account, bytes, Asks::DespiteBacklog);
        if reserved.is_none() {
            self.ask_for_account();
        }
        reserved
    }

    /// What new batches are charged to.
    fn account(&self) -> Arc<Account> {
        Arc::clone(lock(&self.state).account())
    }

    /// The queue was assigned to this account when a caller began to wait: if that has changed since, the
    /// caller is to wait for the memory of the present one.
    fn follow(&self, mut account: Arc<Account>) {
        loop {
            let present = self.account();
            if Arc::ptr_eq(&present, &account) {
                return;
            }
            self.shared.budget.move_to(&present, self.place());
            account = present;
        }
    }

    /// Lets the engine look at this queue if it has not assigned it to any account, as it does when a record
    /// comes: without memory none does.
    fn ask_for_account(self: &Arc<Self>) {
        if Arc::ptr_eq(&self.account(), &self.shared.unassigned) {
            self.shared.list_rung(self);
            self.shared.doorbell.ring();
        }
    }

    /// What tells its waiters from those of other queues while it lives.
    fn place(&self) -> Place {
        Place(Some(std::ptr::from_ref(self).addr()))
    }
}
