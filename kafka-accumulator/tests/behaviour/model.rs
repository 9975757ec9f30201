//! Any sequence of calls leaves the accumulator where a simple model of it is.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use kafka_accumulator::{
    AppendError, Batch, BatchOutcome, Delivery, Queue, Readiness, Reservation, Reserve,
};
use proptest::{collection::vec, prelude::*};

use crate::scene::{Scene, Why, record_bytes, values};

const QUEUES: usize = 3;
const LINGER_MS: u64 = 10;

#[derive(Clone, Debug)]
enum Call {
    Append { queue: usize, bytes: usize },
    Pass { ms: u64 },
    PollReady { queue: usize },
    Take { queue: usize },
    Seal { queue: usize },
    Expire { queue: usize, age_ms: u64 },
    TakeAll { queue: usize },
    Decide { batch: usize },
    LetGo { batch: usize },
    Compact { batch: usize, bytes: usize },
    Reserve { bytes: usize, wait_max_ms: u64 },
    PickUp,
    Leave { waiter: usize },
    ExpireWaiters,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let queue = 0..QUEUES;
    let any_of = 0..8_usize;
    let call = prop_oneof![
        12 => (queue.clone(), 0..400_usize).prop_map(|(queue, bytes)| Call::Append { queue, bytes }),
        3 => (0..8_u64).prop_map(|ms| Call::Pass { ms }),
        3 => queue.clone().prop_map(|queue| Call::PollReady { queue }),
        5 => queue.clone().prop_map(|queue| Call::Take { queue }),
        1 => queue.clone().prop_map(|queue| Call::Seal { queue }),
        1 => (queue.clone(), 0..30_u64).prop_map(|(queue, age_ms)| Call::Expire { queue, age_ms }),
        1 => queue.prop_map(|queue| Call::TakeAll { queue }),
        4 => any_of.clone().prop_map(|batch| Call::Decide { batch }),
        4 => any_of.clone().prop_map(|batch| Call::LetGo { batch }),
        1 => (any_of.clone(), 1..300_usize).prop_map(|(batch, bytes)| Call::Compact { batch, bytes }),
        2 => (1..1_500_usize, 0..20_u64)
            .prop_map(|(bytes, wait_max_ms)| Call::Reserve { bytes, wait_max_ms }),
        2 => Just(Call::PickUp),
        1 => any_of.prop_map(|waiter| Call::Leave { waiter }),
        1 => Just(Call::ExpireWaiters),
    ];
    vec(call, 1..120)
}

/// A batch as the model knows it.
#[derive(Clone, Debug)]
struct Expected {
    created_ms: u64,
    values: Vec<Vec<u8>>,
}

/// What one queue should hold, and whether the engine would learn of it.
#[derive(Default)]
struct Model {
    sealed: VecDeque<Expected>,
    open: Option<Expected>,
    engine_knows: Knows,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knows {
    #[default]
    Nothing,
    Deadline,
    Everything,
}

struct Run {
    scene: Scene,
    batch_size: usize,
    now_ms: u64,
    number: u32,
    queues: Vec<Arc<Queue<Why>>>,
    models: Vec<Model>,
    /// Drained from the accumulator's list and not looked at yet.
    rung: Vec<bool>,
    taken: Vec<(Batch<Why>, Expected)>,
    waiters: Vec<(Reserve, u64)>,
    reserved: Vec<Reservation>,
    deliveries: HashMap<Vec<u8>, Delivery<Why>>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_calls_leave_it_where_the_model_is(
        calls in calls(),
        batch_size in prop_oneof![Just(0_usize), 64..1_000_usize, 1_000..5_000_usize],
        memory in 1_500..12_000_usize,
    ) {
        let scene = Scene::new(batch_size, LINGER_MS, memory);
        let queues: Vec<_> = (0..QUEUES).map(|queue| scene.queue(queue as i32)).collect();
        let mut run = Run {
            // No batch is larger than all the memory.
            batch_size: batch_size.min(scene.accumulator.memory_total()),
            now_ms: 1_000,
            number: 0,
            models: queues.iter().map(|_| Model::default()).collect(),
            rung: vec![false; QUEUES],
            taken: Vec::new(),
            waiters: Vec::new(),
            reserved: Vec::new(),
            deliveries: HashMap::new(),
            queues,
            scene,
        };
        for call in calls {
            run.call(&call);
            run.check(memory);
        }
        run.finish();
    }
}

impl Run {
    fn call(&mut self, call: &Call) {
        let now = self.scene.at(self.now_ms);
        match *call {
            Call::Append { queue, bytes } => self.append(queue, bytes),
            Call::Pass { ms } => self.now_ms += ms,
            Call::PollReady { queue } => self.poll_ready(queue),
            Call::Take { queue } => self.take(queue),
            Call::Seal { queue } => {
                self.queues[queue].flush();
                let model = &mut self.models[queue];
                model.sealed.extend(model.open.take());
            }
            Call::Expire { queue, age_ms } => {
                let until_ms = self.now_ms - age_ms;
                let batches = self.queues[queue].take_expired(self.scene.at(until_ms));
                let model = &mut self.models[queue];
                model.seal_if(|open| open.created_ms <= until_ms);
                let kept = model
                    .sealed
                    .iter()
                    .position(|batch| batch.created_ms > until_ms);
                let kept = model.sealed.split_off(kept.unwrap_or(model.sealed.len()));
                let expected = std::mem::replace(&mut model.sealed, kept);
                self.took(queue, batches, expected);
            }
            Call::TakeAll { queue } => {
                let batches = self.queues[queue].take_all();
                self.models[queue].seal_if(|_| true);
                let expected = std::mem::take(&mut self.models[queue].sealed);
                self.took(queue, batches, expected);
            }
            Call::Decide { batch } => self.complete(batch),
            Call::LetGo { batch } => {
                if batch < self.taken.len() {
                    self.complete(batch);
                    self.taken.swap_remove(batch);
                }
            }
            Call::Compact { batch, bytes } => {
                if let Some((batch, _)) = self.taken.get(batch) {
                    let lz4 = kafka_wire::compression::Compression::Lz4;
                    let before = batch.memory_held();
                    if batch.replace_records(&vec![0; bytes], lz4).is_ok() {
                        assert_eq!(batch.memory_held(), before);
                    }
                }
            }
            Call::Reserve { bytes, wait_max_ms } => {
                let deadline_ms = self.now_ms + wait_max_ms;
                let reserve = self
                    .scene
                    .accumulator
                    .reserve(bytes, self.scene.at(deadline_ms));
                self.waiters.push((reserve, deadline_ms));
            }
            Call::PickUp => self.pick_up(),
            Call::Leave { waiter } => {
                if waiter < self.waiters.len() {
                    drop(self.waiters.remove(waiter));
                }
            }
            Call::ExpireWaiters => {
                self.scene.accumulator.expire_waiters(now);
                let next = self.scene.accumulator.next_waiter_deadline();
                assert!(next.is_none_or(|deadline| deadline > now));
            }
        }
    }

    fn append(&mut self, queue: usize, bytes: usize) {
        self.number += 1;
        let mut value = self.number.to_be_bytes().to_vec();
        value.resize(4 + bytes, 0);
        let model = &mut self.models[queue];
        let batches_before = model.batches();
        let reserved = self.reserved.pop();
        let appended = self
            .scene
            .try_append(&self.queues[queue], &value, self.now_ms, reserved);
        match appended {
            Ok(appended) => {
                self.deliveries.insert(value.clone(), appended.delivery);
                // Where it went is only known from how many batches there are now.
                let opened = self.queues[queue].batches() > batches_before || model.open.is_none();
                if opened {
                    model.seal_if(|_| true);
                }
                let fresh = Expected {
                    created_ms: self.now_ms,
                    values: Vec::new(),
                };
                model.open.get_or_insert(fresh).values.push(value);
                if appended.filled == kafka_accumulator::Filled::Filled {
                    model.seal_as_good_as_full(self.batch_size);
                }
            }
            Err(AppendError::NeedsMemory { bytes }) => {
                let alone = record_bytes(&value) + 61;
                let most = self.batch_size.max(alone + alone / 4);
                assert!((alone..=most).contains(&bytes), "{bytes} for {alone}");
                model.seal_if(|_| true);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn poll_ready(&mut self, queue: usize) {
        let now_ms = self.now_ms;
        let model = &mut self.models[queue];
        let due_ms = model.open.as_ref().map(|open| open.created_ms + LINGER_MS);
        let expected = match due_ms {
            _ if !model.sealed.is_empty() => Readiness::Ready,
            None => Readiness::Empty,
            Some(due_ms) if now_ms >= due_ms => Readiness::Ready,
            Some(_) if self.scene.accumulator.waiting() > 0 => Readiness::Ready,
            Some(due_ms) => Readiness::Lingering {
                until: self.scene.at(due_ms),
            },
        };
        assert_eq!(
            self.queues[queue].poll_ready(self.scene.at(now_ms)),
            expected
        );
        self.rung[queue] = false;
        model.engine_knows = match expected {
            Readiness::Empty => Knows::Nothing,
            Readiness::Lingering { .. } => Knows::Deadline,
            Readiness::Ready => Knows::Everything,
        };
    }

    fn take(&mut self, queue: usize) {
        let (now_ms, waiting) = (self.now_ms, self.scene.accumulator.waiting() > 0);
        let batch = self.queues[queue].take(self.scene.at(now_ms));
        let model = &mut self.models[queue];
        if model.sealed.is_empty() {
            model.seal_if(|open| waiting || now_ms >= open.created_ms + LINGER_MS);
        }
        let expected = model.sealed.pop_front();
        if expected.is_none() {
            // That was as good as a look.
            let open = model.open.as_ref();
            let due = open.map(|open| self.scene.at(open.created_ms + LINGER_MS));
            assert_eq!(batch.as_ref().err(), Some(&due));
            self.rung[queue] = false;
            model.engine_knows = due.map_or(Knows::Nothing, |_| Knows::Deadline);
        }
        self.took(
            queue,
            batch.into_iter().collect(),
            expected.into_iter().collect(),
        );
    }

    fn took(&mut self, queue: usize, batches: Vec<Batch<Why>>, expected: VecDeque<Expected>) {
        assert_eq!(batches.len(), expected.len());
        for (batch, expected) in batches.into_iter().zip(expected) {
            assert_eq!(batch.created(), self.scene.at(expected.created_ms));
            assert_eq!(values(&batch), expected.values);
            self.taken.push((batch, expected));
        }
        if self.models[queue].batches() == 0 {
            self.models[queue].engine_knows = Knows::Nothing;
        }
    }

    fn complete(&self, batch: usize) {
        let Some((batch, expected)) = self.taken.get(batch) else {
            return;
        };
        let first_time = batch.completion().batch_outcome().is_none();
        let base_offset = expected.created_ms as i64;
        let batch_outcome = BatchOutcome::Delivered {
            base_offset,
            log_append_time_ms: None,
        };
        assert_eq!(batch.complete(batch_outcome).is_ok(), first_time);
        for (index, value) in expected.values.iter().enumerate() {
            let outcome = self.deliveries[value].try_outcome().unwrap().unwrap();
            assert_eq!(outcome.offset, base_offset + index as i64);
        }
    }

    fn pick_up(&mut self) {
        let mut still = Vec::new();
        for (mut reserve, deadline_ms) in self.waiters.drain(..) {
            let polled = Pin::new(&mut reserve).poll(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Pending => still.push((reserve, deadline_ms)),
                Poll::Ready(Ok(reservation)) => self.reserved.push(reservation),
                Poll::Ready(Err(_)) => assert!(deadline_ms <= self.now_ms),
            }
        }
        assert_eq!(still.len(), self.scene.accumulator.waiting());
        self.waiters = still;
    }

    /// What must hold after every call.
    fn check(&mut self, memory: usize) {
        let mut drained = Vec::new();
        self.scene.accumulator.take_rung(&mut drained);
        for queue in drained {
            assert!(
                !self.rung[queue.key() as usize],
                "rang twice before it was looked at"
            );
            self.rung[queue.key() as usize] = true;
        }
        for ((queue, model), rung) in self.queues.iter().zip(&self.models).zip(&self.rung) {
            assert_eq!(queue.batches(), model.batches());
            assert_eq!(queue.incomplete().len(), model.batches());
            let oldest = model.sealed.front().or(model.open.as_ref());
            let oldest = oldest.map(|batch| self.scene.at(batch.created_ms));
            assert_eq!(queue.oldest_created(), oldest);
            let learns = match model.engine_knows {
                Knows::Everything => true,
                Knows::Deadline => model.sealed.is_empty(),
                Knows::Nothing => model.batches() == 0,
            };
            assert!(learns || *rung, "the engine would never learn of it");
        }
        let in_use = self.scene.accumulator.memory_in_use();
        assert!(in_use <= memory, "{in_use} > {memory}");
        let held: usize = self
            .taken
            .iter()
            .map(|(batch, _)| batch.memory_held())
            .sum();
        assert!(in_use >= held);
    }

    /// Everything ends, and all memory comes back.
    fn finish(mut self) {
        for queue in 0..QUEUES {
            self.call(&Call::TakeAll { queue });
        }
        for batch in 0..self.taken.len() {
            self.complete(batch);
        }
        assert!(
            self.deliveries
                .values()
                .all(|delivery| delivery.try_outcome().is_some())
        );
        self.taken.clear();
        self.waiters.clear();
        self.reserved.clear();
        assert_eq!(self.scene.accumulator.memory_in_use(), 0);
        assert_eq!(self.scene.accumulator.waiting(), 0);
    }
}

impl Model {
    fn batches(&self) -> usize {
        self.sealed.len() + usize::from(self.open.is_some())
    }

    fn seal_if(&mut self, due: impl FnOnce(&Expected) -> bool) {
        if self.open.as_ref().is_some_and(due) {
            self.sealed.extend(self.open.take());
        }
    }

    fn seal_as_good_as_full(&mut self, batch_size: usize) {
        self.seal_if(|open| {
            let sizes = open.values.iter().map(|value| record_bytes(value));
            let written: usize = sizes.sum();
            let room = (batch_size.max(61) - 61).max(written);
            (room - written) * open.values.len() < written
        });
    }
}
