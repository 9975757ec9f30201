//! What the engine does, and the accumulator around it: without a socket, on one thread, exactly.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use kafka_accumulator::Filled;

use crate::rig::{Rig, order_of};
use crate::{Counted, Outside, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "append 100 B",
        per: "record",
        operations: 100_000,
        outside: Outside::Instructions,
        run: append,
    },
    Scenario {
        name: "engine, 12 batches a request",
        per: "batch",
        operations: 24_000,
        outside: Outside::Instructions,
        run: serve,
    },
    Scenario {
        name: "one record at a time",
        per: "record",
        operations: 10_000,
        outside: Outside::Instructions,
        run: alone,
    },
    Scenario {
        name: "from append to acknowledgement, 100 B",
        per: "record",
        operations: 100_000,
        outside: Outside::Instructions,
        run: journey,
    },
    Scenario {
        name: "awaiting a batch from its end",
        per: "record",
        operations: 200_000,
        outside: Outside::Instructions,
        run: awaiting,
    },
    Scenario {
        name: "doorbell",
        per: "batch",
        operations: 1_000_000,
        outside: Outside::Nothing,
        run: wakes,
    },
];

const PLAIN: (&str, &str) = ("enable.idempotence", "false");

/// Records into one partition; a full batch is taken and decided without an engine.
fn append(scenario: &Scenario, operations: u64) -> Counted {
    let rig = Rig::new(1, &[PLAIN]);
    let append = || {
        if rig.append(0, None, black_box(&[b'v'; 100])).filled == Filled::Filled {
            rig.decide_full();
        }
    };
    (0..WARM_UP).for_each(|_| append());
    scenario.count(operations, append)
}

/// Batches of one record, so that little else is counted: opened, sealed, taken, sent in one
/// request with eleven others, answered and decided.
fn serve(scenario: &Scenario, operations: u64) -> Counted {
    let mut rig = Rig::new(12, &[PLAIN, ("linger.ms", "0")]);
    let mut request = || {
        for partition in 0..12 {
            drop(rig.append(partition, None, b"v"));
        }
        rig.now += Duration::from_micros(10);
        rig.tick();
        while rig.answer().is_some() {}
    };
    (0..WARM_UP / 12).for_each(|_| request());
    let mut batches = 0;
    scenario.count(operations, || {
        if batches % 12 == 0 {
            request();
        }
        batches += 1;
    })
}

/// A record that finds everything idle: a batch and a request of its own, framed and answered. What
/// its latency consists of, but for the calls into the system.
fn alone(scenario: &Scenario, operations: u64) -> Counted {
    let mut rig = Rig::new(1, &[PLAIN, ("linger.ms", "0")]);
    let mut send = || {
        rig.now += Duration::from_millis(1);
        drop(rig.append(0, None, black_box(&[b'v'; 100])));
        rig.tick();
        frame_and_answer(&mut rig);
    };
    (0..WARM_UP).for_each(|_| send());
    scenario.count(operations, send)
}

/// A record's whole journey but for the socket and the caller's own part: full batches of twelve
/// partitions in turn, each request framed with its checksums, and answered.
fn journey(scenario: &Scenario, operations: u64) -> Counted {
    let mut rig = Rig::new(12, &[PLAIN]);
    let mut partition = 0;
    let mut send = || {
        rig.now += Duration::from_nanos(100);
        if rig.append(partition, None, black_box(&[b'v'; 100])).filled == Filled::Filled {
            partition = (partition + 1) % 12;
            if rig.is_called() {
                rig.tick();
            }
            frame_and_answer(&mut rig);
        }
    };
    (0..WARM_UP).for_each(|_| send());
    scenario.count(operations, send)
}

/// Batches of some thousand small records, each awaited by another task than the next: the last one
/// first, which is to cost as much as in any other order, and as little for a large batch as for a
/// small one.
fn awaiting(scenario: &Scenario, operations: u64) -> Counted {
    let rig = Rig::new(1, &[PLAIN, ("batch.size", "100000")]);
    let tasks = [(); 2].map(|()| Waker::from(Arc::new(Task)));
    let mut deliveries = Vec::new();
    let mut append = || {
        let appended = rig.append(0, None, black_box(b"v"));
        deliveries.push(appended.delivery);
        if appended.filled == Filled::Filled {
            for (delivery, task) in deliveries.iter_mut().rev().zip(tasks.iter().cycle()) {
                let polled = Pin::new(delivery).poll(&mut Context::from_waker(task));
                assert!(polled.is_pending());
            }
            rig.decide_full();
            deliveries.clear();
        }
    };
    (0..WARM_UP).for_each(|_| append());
    scenario.count(operations, append)
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

/// What a connection and its broker would do with each request that is on its way.
fn frame_and_answer(rig: &mut Rig) {
    while let Some((_, outgoing)) = rig.unanswered.front() {
        black_box(order_of(outgoing).frame().unwrap());
        rig.answer();
    }
}

/// How often who appends wakes a driver that goes to sleep whenever it can, under steady load.
fn wakes(_: &Scenario, operations: u64) -> Counted {
    let (woken, batches) = Rig::new(12, &[PLAIN]).woken_by(operations as usize, &[b'v'; 100]);
    Counted::from([("wakes per batch".to_owned(), woken as f64 / batches as f64)])
}

/// As many records as fill every buffer once.
const WARM_UP: usize = 20_000;
