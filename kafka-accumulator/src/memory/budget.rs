//! The memory of the producer (`buffer.memory`): how much is free, whose it is, and who is given some.
//!
//! Half of it is guaranteed to [accounts](super::account), to each the same; the other half is common. An
//! account may use its own part and all that is common, but never what is guaranteed to another, however
//! little the other uses: what is lent to a broker that does not answer comes back only when its records
//! expire. With one account alone, that one may use everything.
//!
//! When there is nothing left for an account, its callers wait, in order of arrival. Those for whom there is
//! something in their account's own part are served whatever others wait for; the common part is given out
//! in order of arrival. While a caller waits, no newcomer gets what it waits for, however little that is.
//!
//! Callers also wait while the *backlog* of their account is at its limit, and until half of it is gone. The
//! backlog is what is reserved for batches that are no longer written to. Records that a connection cannot
//! take yet are better written later, because they would have left the CPU's caches by the time they are
//! sent. The engine sets the limit; without that there is none.
//!
//! A batch that needs more than its account could ever have beside what is guaranteed to others (a record of
//! nearly all of `buffer.memory`) is given that, too, while the others do not use it.
//!
//! Nothing here allocates the bytes it counts, reads a clock or blocks for longer than it takes to count. Nor
//! is a task woken here: memory is given back wherever a batch is dropped, which may be under a lock. The
//! doorbell rings, and the engine's driver takes the wakers of the callers that were served
//! ([`Budget::take_served`]).
//!
//! # Invariants
//! - What is free plus what is charged to all accounts is the total.
//! - What is free, charged, guaranteed and waited for changes under the lock alone.

use std::{sync::Arc, task::Waker, time::Instant};

use super::{
    account::Account,
    waiters::{Answer, First, Place, Waiters},
};
use crate::{
    doorbell::Doorbell,
    sync::{AtomicU8, AtomicUsize, Guard, Mutex, Ordering, lock},
};

/// The bytes there are, and the callers that wait for some.
pub(crate) struct Budget {
    total: usize,
    /// What a full batch takes.
    batch_bytes: usize,
    free: AtomicUsize,
    /// How many callers wait.
    waiting: AtomicUsize,
    /// What they wait for, beside what is guaranteed to their own accounts.
    awaited: AtomicU8,
    /// How many wakers are to be taken, as far as is known without the lock.
    unwoken: AtomicUsize,
    doorbell: Arc<Doorbell>,
    ledger: Mutex<Ledger>,
}

/// What is decided under the lock.
struct Ledger {
    waiters: Waiters,
    parts: Parts,
}

/// What is guaranteed.
struct Parts {
    /// To whom.
    accounts: Vec<Arc<Account>>,
    /// To all of them together.
    bytes: usize,
    /// How much of that is not used.
    unused: usize,
}

/// What callers wait for, beside what is guaranteed to their own accounts. Nothing:
const NOTHING: u8 = 0;
/// What is common.
const COMMON: u8 = 1;
/// Whatever there is: the first of them needs more than what is common.
const EVERYTHING: u8 = 2;

/// Who asks for memory that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A caller with a new batch, behind all who wait.
    InTurn,
    /// A caller that does not wait for the backlog, behind those who wait for memory alone.
    DespiteBacklog,
    /// The same for an open batch that grows, which is no part of the backlog: it is counted as open at once.
    ToGrow,
}

/// A caller that has asked for memory and may have to wait.
pub(crate) enum Joined {
    /// It was there.
    Granted { account: Arc<Account> },
    /// It waits, under this number.
    Waits { ticket: u64 },
    /// Nobody is given any more.
    Closed,
}

impl Budget {
    /// At most `isize::MAX` bytes, the most that can be allocated anyway; a full batch takes so many.
    pub(crate) fn new(total: usize, batch_bytes: usize, doorbell: Arc<Doorbell>) -> Self {
        let total = total.min(isize::MAX as usize);
        Self {
            total,
            batch_bytes,
            free: AtomicUsize::new(total),
            waiting: AtomicUsize::new(0),
            awaited: AtomicU8::new(NOTHING),
            unwoken: AtomicUsize::new(0),
            doorbell,
            ledger: Mutex::new(Ledger {
                waiters: Waiters::new(),
                parts: Parts {
                    accounts: Vec::new(),
                    bytes: 0,
                    unused: 0,
                },
            }),
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn free(&self) -> usize {
        self.free.load(Ordering::Acquire)
    }

    /// How many callers wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether callers wait for memory that batches of this account hold: its own, or what is common.
    pub(crate) fn is_awaited(&self, account: &Account) -> bool {
        account.is_short()
            || match self.awaited.load(Ordering::Acquire) {
                NOTHING => false,
                COMMON => account.uses_common(),
                _ => true,
            }
    }

    /// Whether callers wait for more than what is guaranteed to their own accounts: it is theirs first.
    fn is_common_awaited(&self) -> bool {
        self.awaited.load(Ordering::Acquire) != NOTHING
    }

    /// Guarantees the same to each of these accounts, and nothing to others. What one of them uses beyond
    /// that is not called back.
    pub(crate) fn guarantee(&self, accounts: Vec<Arc<Account>>) {
        let each = guaranteed_each(self.total, accounts.len(), self.batch_bytes);
        let mut ledger = lock(&self.ledger);
        for account in &ledger.parts.accounts {
            account.set_guaranteed(0);
        }
        for account in &accounts {
            account.set_guaranteed(each);
        }
        ledger.parts = Parts {
            bytes: each * accounts.len(),
            unused: accounts.iter().map(|account| account.unused()).sum(),
            accounts,
        };
        self.grant_and_unlock(ledger);
    }

    /// From this backlog on callers wait to charge an account. Those that need not wait any longer are served.
    pub(crate) fn limit_backlog(&self, account: &Account, bytes: usize) {
        if account.limit_backlog(bytes) {
            // Under the lock: a caller that begins to wait now either sees the new limit, or is served here.
            self.grant_and_unlock(lock(&self.ledger));
        }
    }

    /// Charges `bytes` if they are there and whoever `asks` overtakes nobody; returns whether that is so.
    pub(crate) fn charge(&self, account: &Account, bytes: usize, asks: Asks) -> bool {
        let mut ledger = lock(&self.ledger);
        let may = match asks {
            Asks::InTurn => account.waiting() == 0 && !account.is_backed_up(),
            Asks::DespiteBacklog | Asks::ToGrow => {
                !account.is_short() && !ledger.waiters.is_closed()
            }
        };
        let own_only = self.is_common_awaited();
        let may = may && self.has(&ledger.parts, account, bytes, own_only);
        if may {
            if asks == Asks::ToGrow {
                // Before it is used, so that it never counts as backlog.
                account.open(bytes);
            }
            self.take(&mut ledger.parts, account, bytes);
        }
        may
    }

    /// Gives back `bytes` that were charged.
    pub(crate) fn discharge(&self, account: &Account, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut ledger = lock(&self.ledger);
        self.give_back(&mut ledger.parts, account, bytes);
        if self.waiting() > 0 {
            self.grant_and_unlock(ledger);
        }
    }

    /// Charges `bytes`, at most the total, or begins to wait for them.
    pub(crate) fn join(
        &self,
        account: &Arc<Account>,
        place: Place,
        bytes: usize,
        deadline: Instant,
    ) -> Joined {
        let mut ledger = lock(&self.ledger);
        if ledger.waiters.is_closed() {
            return Joined::Closed;
        }
        let ticket = ledger.waiters.join(account, place, bytes, deadline);
        self.grant(&mut ledger);
        let answer = ledger.waiters.take_answer(ticket);
        self.unlock(ledger);
        match answer {
            Some(Answer::Granted { account, .. }) => Joined::Granted { account },
            Some(Answer::TimedOut | Answer::Closed) | None => Joined::Waits { ticket },
        }
    }

    /// Lets those who wait for this place charge another account.
    pub(crate) fn move_to(&self, account: &Arc<Account>, place: Place) {
        if self.waiting() > 0 {
            let mut ledger = lock(&self.ledger);
            ledger.waiters.move_to(account, place);
            self.grant_and_unlock(ledger);
        }
    }

    /// The answer to a caller that waits, if there is one; until then `waker` is to be woken.
    pub(super) fn poll_ticket(&self, ticket: u64, waker: &Waker) -> Option<Answer> {
        // Cloned, and the one before dropped, while nothing is locked: both may run user code.
        let mut waker = Some(waker.clone());
        let mut ledger = lock(&self.ledger);
        let answer = ledger.waiters.poll(ticket, &mut waker);
        drop(ledger);
        answer
    }

    /// A caller waits no longer; what it was granted and has not fetched is given back.
    pub(crate) fn leave(&self, ticket: u64) {
        let mut ledger = lock(&self.ledger);
        let answer = ledger.waiters.take_answer(ticket);
        let removed = ledger.waiters.remove(ticket);
        if let Some(Answer::Granted { account, bytes }) = &answer {
            self.give_back(&mut ledger.parts, account, *bytes);
        }
        self.grant_and_unlock(ledger);
        // With its waker, now that nothing is locked.
        drop((removed, answer));
    }

    /// Ends the waits whose deadline has come. Callers that waited for the backlog alone get the memory that
    /// there is.
    pub(crate) fn expire(&self, now: Instant) {
        if self.waiting() == 0 {
            return;
        }
        let mut ledger = lock(&self.ledger);
        let earliest = ledger.waiters.earliest_deadline();
        if earliest.is_none_or(|earliest| now < earliest) {
            return;
        }
        let own_only = self.is_common_awaited();
        let Ledger { waiters, parts } = &mut *ledger;
        waiters.expire(now, |account, bytes| {
            let account = Arc::clone(account);
            if account.is_backed_up() && self.has(parts, &account, bytes, own_only) {
                self.take(parts, &account, bytes);
                Answer::Granted { account, bytes }
            } else {
                Answer::TimedOut
            }
        });
        self.grant_and_unlock(ledger);
    }

    /// A moment that is not later than the earliest deadline of a caller that waits.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.waiting() == 0 {
            return None;
        }
        lock(&self.ledger).waiters.earliest_deadline()
    }

    /// Ends every wait, and rejects new ones. What is charged stays so.
    pub(crate) fn close(&self) {
        let mut ledger = lock(&self.ledger);
        ledger.waiters.close();
        self.grant_and_unlock(ledger);
    }

    /// Moves the wakers of the callers that were served to the end of `into`.
    pub(crate) fn take_served(&self, into: &mut Vec<Waker>) {
        if self.unwoken.load(Ordering::Acquire) > 0 {
            self.unwoken.store(0, Ordering::Release);
            lock(&self.ledger).waiters.take_to_wake(into);
        }
    }

    fn grant_and_unlock(&self, mut ledger: Guard<'_, Ledger>) {
        self.grant(&mut ledger);
        self.unlock(ledger);
    }

    /// Gives the lock back, and rings if there is a caller to be woken.
    fn unlock(&self, ledger: Guard<'_, Ledger>) {
        self.waiting.store(ledger.waiters.len(), Ordering::Release);
        let to_wake = ledger.waiters.to_wake();
        if to_wake > 0 {
            self.unwoken.store(to_wake, Ordering::Release);
        }
        drop(ledger);
        if to_wake > 0 {
            self.doorbell.ring();
        }
    }

    /// Serves those for whom there is something: in each line, while its account's own part has enough; and
    /// from what is common, in order of arrival.
    fn grant(&self, ledger: &mut Ledger) {
        let Ledger { waiters, parts } = ledger;
        while let Some(first) = self.next_in_turn(waiters, parts) {
            let First {
                line,
                account,
                bytes,
                ..
            } = first;
            if !self.has(parts, account, bytes, false) {
                let awaited = match bytes > self.most(parts, account) {
                    true => EVERYTHING,
                    false => COMMON,
                };
                return self.awaited.store(awaited, Ordering::Release);
            }
            self.take(parts, account, bytes);
            waiters.grant_first(line);
        }
        self.awaited.store(NOTHING, Ordering::Release);
    }

    /// One for whom its account's own part has enough; else the one that came first. Those that wait for the
    /// backlog have no turn.
    fn next_in_turn<'a>(&self, waiters: &'a Waiters, parts: &Parts) -> Option<First<'a>> {
        let firsts = waiters.firsts();
        let ready = firsts.filter(|first| !first.account.is_backed_up());
        // One that can be served at once is as good as one that came before all others.
        ready.min_by_key(
            |first| match self.has(parts, first.account, first.bytes, true) {
                true => 0,
                false => first.ticket + 1,
            },
        )
    }

    /// Whether an account can be charged with so much; `own_only`: without what is common.
    fn has(&self, parts: &Parts, account: &Account, bytes: usize, own_only: bool) -> bool {
        let free = self.free();
        let own = account.unused();
        if bytes > free || bytes <= own {
            return bytes <= free;
        }
        let common = free.saturating_sub(parts.unused);
        !own_only && (bytes - own <= common || bytes > self.most(parts, account))
    }

    /// The most that an account may have beside what is guaranteed to others.
    fn most(&self, parts: &Parts, account: &Account) -> usize {
        self.total - (parts.bytes - account.guaranteed())
    }

    fn take(&self, parts: &mut Parts, account: &Account, bytes: usize) {
        self.book(parts, account, account.used() + bytes);
        self.free.store(self.free() - bytes, Ordering::Release);
    }

    fn give_back(&self, parts: &mut Parts, account: &Account, bytes: usize) {
        self.book(parts, account, account.used() - bytes);
        self.free.store(self.free() + bytes, Ordering::Release);
    }

    fn book(&self, parts: &mut Parts, account: &Account, used: usize) {
        let before = account.unused();
        account.set_used(used);
        parts.unused = parts.unused + account.unused() - before;
    }
}

/// How much is guaranteed to each of so many accounts: half of the total together, but to none less than a
/// full batch. If there is not a batch for each, nothing is guaranteed: it would help nobody.
fn guaranteed_each(total: usize, accounts: usize, batch_bytes: usize) -> usize {
    if accounts == 0 {
        return 0;
    }
    let each = (total / 2 / accounts).max(batch_bytes);
    match each.checked_mul(accounts) {
        Some(all) if all <= total => each,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_guaranteed_but_to_none_less_than_a_batch() {
        let table = [
            // Total, accounts, a batch; to each.
            (1_000, 0, 10, 0),
            (1_000, 1, 10, 500),
            (1_000, 3, 10, 166),
            (1_000, 5, 150, 150),
            (1_000, 6, 150, 150),
            (1_000, 7, 150, 0),
            (1_000, 1, 2_000, 0),
            (usize::MAX, 2, usize::MAX, 0),
        ];
        for (total, accounts, batch, each) in table {
            let found = guaranteed_each(total, accounts, batch);
            assert_eq!(found, each, "{total} for {accounts}");
        }
    }
}
