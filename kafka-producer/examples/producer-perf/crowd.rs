//! Who sends: this thread, several threads, or tasks of a runtime, all through one producer. Each
//! sends its share; the work is done when everything has an outcome.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, Runtime};

use crate::sending::{Load, Sender};

/// Several senders.
pub(crate) enum Crowd {
    Threads(u64),
    Tasks(u64, Runtime),
}

impl Crowd {
    pub(crate) fn tasks(count: u64) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().build()?;
        Ok(Self::Tasks(count, runtime))
    }

    /// Sends `records` as fast as possible, and gives how many failed of those that were not timed.
    pub(crate) fn send(&self, load: &Arc<Load>, records: u64) -> anyhow::Result<u64> {
        match self {
            Self::Threads(1) => {
                let mut sender = Sender::new(load);
                sender.send(0..records)?;
                load.producer.flush()?;
                Ok(sender.errors())
            }
            Self::Threads(count) => by_threads(load, shares(records, *count)),
            Self::Tasks(count, runtime) => by_tasks(runtime, load, shares(records, *count)),
        }
    }
}

fn by_threads(load: &Load, shares: impl Iterator<Item = Range<u64>>) -> anyhow::Result<u64> {
    thread::scope(|scope| {
        let spawn = |share| {
            scope.spawn(move || {
                let mut sender = Sender::new(load);
                sender.send(share).map(|()| sender)
            })
        };
        let threads: Vec<_> = shares.map(spawn).collect();
        let senders = threads
            .into_iter()
            .map(|thread| thread.join().expect("a sender panicked"));
        let senders = senders.collect::<anyhow::Result<Vec<_>>>()?;
        load.producer.flush()?;
        Ok(senders.into_iter().map(Sender::errors).sum())
    })
}

/// A task owns what it sends from, so each looks at its own outcomes after a flush of its own.
fn by_tasks(
    runtime: &Runtime,
    load: &Arc<Load>,
    shares: impl Iterator<Item = Range<u64>>,
) -> anyhow::Result<u64> {
    let spawn = |share| {
        let load = Arc::clone(load);
        runtime.spawn(async move {
            let mut sender = Sender::new(&load);
            sender.send_async(share).await?;
            load.producer.as_async().flush().await?;
            anyhow::Ok(sender.errors())
        })
    };
    let tasks: Vec<_> = shares.map(spawn).collect();
    let mut errors = 0;
    for task in tasks {
        errors += runtime.block_on(task)??;
    }
    Ok(errors)
}

/// The numbers of `records` in `count` parts of nearly the same length.
fn shares(records: u64, count: u64) -> impl Iterator<Item = Range<u64>> {
    let bound = move |part| records * part / count;
    (0..count).map(move |part| bound(part)..bound(part + 1))
}
