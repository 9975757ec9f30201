//! Which queues there are, so that all of them can be closed, and looked through at the end.
//!
//! It keeps no queue alive. A queue that is added after it was closed is closed, too.

use std::sync::{Arc, Weak};

use crate::{
    queue::{Queue, Stage},
    sync::{Mutex, lock},
};

pub(crate) struct Registry<E> {
    known: Mutex<Known<E>>,
}

struct Known<E> {
    stage: Stage,
    queues: Vec<Weak<Queue<E>>>,
}

impl<E> Registry<E> {
    pub(crate) fn new() -> Self {
        let known = Known {
            stage: Stage::Accepting,
            queues: Vec::new(),
        };
        Self {
            known: Mutex::new(known),
        }
    }

    /// Adds a queue that holds nothing yet.
    pub(crate) fn add(&self, queue: &Arc<Queue<E>>) {
        if self.list(queue) == Stage::Closed {
            queue.close();
        }
    }

    fn list(&self, queue: &Arc<Queue<E>>) -> Stage {
        let Known { stage, queues } = &mut *lock(&self.known);
        if *stage == Stage::Accepting {
            if queues.len() == queues.capacity() {
                queues.retain(|queue| queue.strong_count() > 0);
                // A doubling would leave as much again unused.
                queues.reserve_exact(queues.len() / 4 + FEW);
            }
            queues.push(Arc::downgrade(queue));
        }
        *stage
    }

    /// All that are still referred to, but for those that were closed when they were added.
    pub(crate) fn queues(&self) -> Vec<Arc<Queue<E>>> {
        let known = lock(&self.known);
        known.queues.iter().filter_map(Weak::upgrade).collect()
    }

    /// Frees what is kept of queues that nobody refers to any more.
    pub(crate) fn release_dropped(&self) {
        let queues = &mut lock(&self.known).queues;
        queues.retain(|queue| queue.strong_count() > 0);
        queues.shrink_to(queues.len().saturating_mul(2));
    }

    /// Closes them, and those that are added from now on.
    pub(crate) fn close(&self) {
        lock(&self.known).stage = Stage::Closed;
        self.queues().iter().for_each(Queue::close);
    }
}

/// Room for so many queues is made at once, and for a quarter more.
const FEW: usize = 16;
