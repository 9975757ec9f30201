//! Does on the thread of whoever rings what a producer's own thread does else.
//!
//! ```text
//! append ─▶ ring ─▶ wake ─▶ step, under the lock ─▶ tell, under no lock ─▶ again, until there is nothing
//! ```
//!
//! One thread at a time does it. Another that rings meanwhile, or a callback, leaves it to that one; so callbacks run
//! in the order in which outcomes were decided, never within each other. While they run, the thread counts as the
//! producer's own, where a callback may not wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use kafka_accumulator::{Doorbell, Sleep};

use super::cluster::MockCluster;
use super::notice::Notice;
use crate::own_thread;

/// The cluster behind one producer, and whether a thread sees to it.
pub(super) struct MockDriver {
    doorbell: Arc<Doorbell>,
    state: Mutex<State>,
}

struct State {
    cluster: MockCluster,
    driving: Driving,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Driving {
    Nobody,
    AThread,
}

impl MockDriver {
    /// From now on it is woken.
    pub(super) fn start(doorbell: Arc<Doorbell>, cluster: MockCluster) -> Arc<Self> {
        let driving = Driving::Nobody;
        let driver = Arc::new(Self {
            doorbell,
            state: Mutex::new(State { cluster, driving }),
        });
        driver.drive();
        driver
    }

    /// What a query of the cluster returns.
    pub(super) fn read<T>(&self, query: impl FnOnce(&MockCluster) -> T) -> T {
        query(&self.lock().cluster)
    }

    /// Changes something, and tells what follows from it.
    pub(super) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut MockCluster) -> T) -> T {
        let changed = {
            let mut state = self.lock();
            // A ring from within must not wake this: whoever drives next looks at everything.
            self.doorbell.awake();
            change(&mut state.cluster)
        };
        self.drive();
        changed
    }

    fn drive(self: &Arc<Self>) {
        {
            let mut state = self.lock();
            if state.driving == Driving::AThread {
                return;
            }
            state.driving = Driving::AThread;
        }
        while let Some(notices) = self.step() {
            let _own = own_thread::enter();
            notices.into_iter().for_each(Notice::tell);
        }
    }

    /// What is to be told; `None`: there is nothing, and the next ring wakes this again.
    fn step(self: &Arc<Self>) -> Option<Vec<Notice>> {
        let mut state = self.lock();
        loop {
            self.doorbell.awake();
            let notices = state.cluster.step();
            if !notices.is_empty() {
                return Some(notices);
            }
            if state.cluster.has_ended() {
                // What the producer and this share is freed.
                self.doorbell.dismiss();
                break;
            }
            if self.doorbell.sleep(&Waker::from(Arc::clone(self))) == Sleep::Asleep {
                break;
            }
        }
        state.driving = Driving::Nobody;
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for MockDriver {
    fn wake(self: Arc<Self>) {
        self.drive();
    }
}
