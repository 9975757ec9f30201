//! Which queues there are, for what happens to all of them: that they are closed, and looked through
//! one last time.
//!
//! Nobody is kept alive by it. A queue that is entered after it was closed is closed, too.

use std::sync::{Arc, Weak};

use crate::{
    queue::{Queue, Stage},
    sync::{Mutex, lock},
};

pub(crate) struct Registry<E> {
    entered: Mutex<Entered<E>>,
}

struct Entered<E> {
    stage: Stage,
    queues: Vec<Weak<Queue<E>>>,
}

impl<E> Registry<E> {
    pub(crate) fn new() -> Self {
        let entered = Entered {
            stage: Stage::Accepting,
            queues: Vec::new(),
        };
        Self {
            entered: Mutex::new(entered),
        }
    }

    /// Enters a queue that holds nothing yet.
    pub(crate) fn enter(&self, queue: &Arc<Queue<E>>) {
        if self.note(queue) == Stage::Closed {
            queue.close();
        }
    }

    fn note(&self, queue: &Arc<Queue<E>>) -> Stage {
        let Entered { stage, queues } = &mut *lock(&self.entered);
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

    /// All that somebody keeps, but for those that were closed when they were entered.
    pub(crate) fn queues(&self) -> Vec<Arc<Queue<E>>> {
        let entered = lock(&self.entered);
        entered.queues.iter().filter_map(Weak::upgrade).collect()
    }

    /// Lets go of what is kept of queues that nobody holds any more.
    pub(crate) fn release_dropped(&self) {
        let queues = &mut lock(&self.entered).queues;
        queues.retain(|queue| queue.strong_count() > 0);
        queues.shrink_to(queues.len().saturating_mul(2));
    }

    /// Closes them, those included that are entered from now on.
    pub(crate) fn close(&self) {
        lock(&self.entered).stage = Stage::Closed;
        self.queues().iter().for_each(Queue::close);
    }
}

/// Room for so many queues is made at once, and for a quarter more.
const FEW: usize = 16;
