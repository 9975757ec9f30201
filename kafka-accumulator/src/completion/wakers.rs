//! The wakers of those who wait for a batch: of its records' deliveries, and of those who wait for all of
//! it.
//!
//! Each has a [`Ticket`] of its own, which says where its waker is, so that nothing is searched or moved in
//! whatever order deliveries are polled. Those that come one after another with the same waker, as the
//! deliveries that one task awaits do, share a place: the list grows with the tasks that wait, not with
//! the records. It is not paid for by the buffer memory, because a task takes several times the 24 bytes
//! of its place.
//!
//! Nothing here locks, clones or drops a waker, or wakes: that may run user code, and this is used under
//! a lock.

use std::{num::NonZeroU32, task::Waker};

/// Where a waker is in the list; counted from 1, so that `Option<Ticket>` takes no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(NonZeroU32);

impl Ticket {
    fn of(place: usize) -> Self {
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        Self(NonZeroU32::MIN.saturating_add(number))
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Wakers, and how many wait with each of them: one at least, so that there are never more wakers
/// than there are tickets.
#[derive(Default)]
pub(crate) struct Wakers(Vec<(u32, Waker)>);

impl Wakers {
    /// Puts `waker` in place of the one that `ticket` stands for, if there is any. Returns the one that is
    /// not needed any more, to be dropped after the lock.
    #[must_use = "it is dropped after the lock is given back"]
    pub(crate) fn put(&mut self, ticket: &mut Option<Ticket>, waker: Waker) -> Option<Waker> {
        let held = ticket.and_then(|ticket| self.0.get_mut(ticket.place()));
        match held {
            Some((_, held)) if held.will_wake(&waker) => return Some(waker),
            Some((1, held)) => return Some(std::mem::replace(held, waker)),
            Some((waiting, _)) => *waiting -= 1,
            None => {}
        }
        let last = self.0.len().wrapping_sub(1);
        match self.0.last_mut() {
            Some((waiting, held)) if held.will_wake(&waker) => {
                *waiting += 1;
                *ticket = Some(Ticket::of(last));
                Some(waker)
            }
            _ => {
                *ticket = Some(Ticket::of(self.0.len()));
                self.0.push((1, waker));
                None
            }
        }
    }

    /// Each waker once.
    pub(crate) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.0.into_iter().map(|(_, waker)| waker)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    fn task() -> Waker {
        Waker::from(Arc::new(Task))
    }

    fn counts(wakers: &Wakers) -> Vec<u32> {
        wakers.0.iter().map(|(waiting, _)| *waiting).collect()
    }

    #[test]
    fn those_of_one_task_share_a_place() {
        let (mut wakers, one) = (Wakers::default(), task());
        let mut tickets = [None; 1_000];
        for ticket in tickets.iter_mut().rev().chain(&mut [None]) {
            drop(wakers.put(ticket, one.clone()));
        }
        for ticket in &mut tickets {
            drop(wakers.put(ticket, one.clone()));
        }
        assert_eq!(counts(&wakers), [1_001]);
    }

    #[test]
    fn a_place_is_overwritten_by_its_only_holder_and_left_by_others() {
        let (mut wakers, one, other) = (Wakers::default(), task(), task());
        let mut tickets = [None; 3];
        for ticket in &mut tickets {
            drop(wakers.put(ticket, one.clone()));
        }
        drop(wakers.put(&mut tickets[0], other.clone()));
        assert_eq!(counts(&wakers), [2, 1]);
        drop(wakers.put(&mut tickets[1], other.clone()));
        assert_eq!(counts(&wakers), [1, 2]);
        drop(wakers.put(&mut tickets[2], other.clone()));
        assert!(wakers.into_wakers().all(|held| held.will_wake(&other)));
    }

    #[test]
    fn who_comes_touches_two_places_at_most_however_many_there_are_and_in_any_order() {
        let places = |wakers: &Wakers| -> Vec<_> {
            let places = wakers.0.iter();
            places
                .map(|(waiting, held)| (*waiting, held.data()))
                .collect()
        };
        let touched = |before: &[_], after: &[_]| {
            let changed = before
                .iter()
                .zip(after)
                .filter(|(before, after)| before != after);
            changed.count() + after.len() - before.len()
        };
        let mut wakers = Wakers::default();
        let tasks: [_; 7] = std::array::from_fn(|_| task());
        let mut tickets = [None; 300];
        let in_reverse = (0..tickets.len()).rev();
        let scattered = (0..3_000).map(|step| step * 7_919 % 300);
        for (step, who) in in_reverse.chain(scattered).enumerate() {
            let before = places(&wakers);
            drop(wakers.put(&mut tickets[who], tasks[step % tasks.len()].clone()));
            assert!(touched(&before, &places(&wakers)) <= 2, "at step {step}");
        }
    }

    #[test]
    fn there_are_never_more_wakers_than_who_waits_however_often_they_change() {
        let mut wakers = Wakers::default();
        let tasks = [task(), task(), task()];
        let mut tickets = [None; 10];
        for round in 0..1_000 {
            for (number, ticket) in tickets.iter_mut().enumerate() {
                let waker = &tasks[(round / 7 + number * round) % tasks.len()];
                drop(wakers.put(ticket, waker.clone()));
                let held = ticket.and_then(|ticket| wakers.0.get(ticket.place()));
                assert!(held.is_some_and(|(_, held)| held.will_wake(waker)));
            }
            let waiting: u32 = counts(&wakers).iter().sum();
            assert_eq!(waiting as usize, tickets.len());
            assert!(counts(&wakers).iter().all(|waiting| *waiting > 0));
        }
    }
}
