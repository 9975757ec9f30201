//! The callers' runtime: futures that are polled when they were woken, in the order of the wakes.
//!
//! Whoever runs the world decides when a woken task gets its turn, so that what callers do falls
//! between any two steps of the engine.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// All tasks of a run; one that is done stays as an empty place.
pub(crate) struct Tasks {
    tasks: Vec<Option<Task>>,
    woken: Arc<Mutex<VecDeque<TaskId>>>,
}

/// Which task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) usize);

struct Task {
    /// The producer whose process it runs in.
    client: usize,
    future: Pin<Box<dyn Future<Output = ()>>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Puts its task on the list of the woken, once.
struct Bell {
    task: TaskId,
    listed: AtomicBool,
    woken: Arc<Mutex<VecDeque<TaskId>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, Ordering::Relaxed) {
            self.woken.lock().unwrap().push_back(self.task);
        }
    }
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            tasks: Vec::new(),
            woken: Arc::default(),
        }
    }

    /// Takes a task on; it is woken at once.
    pub(crate) fn spawn(&mut self, client: usize, future: impl Future<Output = ()> + 'static) {
        let task = TaskId(self.tasks.len());
        let bell = Arc::new(Bell {
            task,
            listed: AtomicBool::new(false),
            woken: Arc::clone(&self.woken),
        });
        bell.wake_by_ref();
        self.tasks.push(Some(Task {
            client,
            future: Box::pin(future),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }));
    }

    /// Who has been woken since the last call.
    pub(crate) fn take_woken(&self) -> VecDeque<TaskId> {
        std::mem::take(&mut *self.woken.lock().unwrap())
    }

    /// The producer in whose process a task runs.
    pub(crate) fn client_of(&self, TaskId(id): TaskId) -> Option<usize> {
        self.tasks[id].as_ref().map(|task| task.client)
    }

    /// Gives a task its turn.
    pub(crate) fn poll(&mut self, TaskId(id): TaskId) {
        let Some(task) = &mut self.tasks[id] else {
            return;
        };
        task.bell.listed.store(false, Ordering::Relaxed);
        let mut context = Context::from_waker(&task.waker);
        if let Poll::Ready(()) = task.future.as_mut().poll(&mut context) {
            self.tasks[id] = None;
        }
    }

    /// Whether every task is done.
    pub(crate) fn are_done(&self) -> bool {
        self.tasks.iter().all(Option::is_none)
    }

    /// How many are not done.
    pub(crate) fn left(&self) -> usize {
        self.tasks.iter().flatten().count()
    }
}
