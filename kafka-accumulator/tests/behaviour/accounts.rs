//! What is guaranteed to an account is there when it is asked for, whatever others use and wait for.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use kafka_accumulator::{Account, Queue, Reservation, Reserve, ReserveError};
use proptest::{collection::vec, prelude::*};

use crate::scene::{Scene, Why};

const BATCH: usize = 1_024;

fn poll(reserve: &mut Reserve) -> Poll<Result<Reservation, ReserveError>> {
    Pin::new(reserve).poll(&mut Context::from_waker(Waker::noop()))
}

fn granted(mut reserve: Reserve) -> Reservation {
    match poll(&mut reserve) {
        Poll::Ready(Ok(reservation)) => reservation,
        other => panic!("{other:?}"),
    }
}

/// So many accounts, each with a queue, in this much memory.
struct Brokers {
    scene: Scene,
    accounts: Vec<Arc<Account>>,
    queues: Vec<Arc<Queue<Why>>>,
}

impl Brokers {
    fn new(brokers: usize, batch_bytes: usize, memory: usize) -> Self {
        let scene = Scene::new(batch_bytes, 0, memory);
        let accounts: Vec<_> = (0..brokers).map(|_| scene.accumulator.account()).collect();
        let queues = accounts.iter().zip(0..).map(|(account, partition)| {
            let queue = scene.queue(partition);
            queue.assign(account);
            queue
        });
        let queues = queues.collect();
        scene.accumulator.guarantee(accounts.clone());
        Self {
            scene,
            accounts,
            queues,
        }
    }

    fn reserve(&self, broker: usize, bytes: usize) -> Reserve {
        self.queues[broker].reserve(bytes, self.scene.at(1_000))
    }

    fn waiting(&self) -> Vec<usize> {
        let accounts = self.accounts.iter();
        accounts.map(|account| account.waiting()).collect()
    }
}

#[test]
fn one_account_takes_all_but_what_is_guaranteed_to_the_others() {
    let brokers = Brokers::new(4, BATCH, 32 * BATCH);
    let batches: Vec<_> = (0..20)
        .map(|_| granted(brokers.reserve(0, BATCH)))
        .collect();
    let waiting: Vec<_> = (0..5).map(|_| brokers.reserve(0, BATCH)).collect();
    assert_eq!(brokers.waiting(), [5, 0, 0, 0]);
    for other in 1..4 {
        let all = granted(brokers.reserve(other, 4 * BATCH));
        assert_eq!(all.bytes(), brokers.accounts[other].guaranteed());
        let more = brokers.reserve(other, 1);
        assert_eq!(brokers.accounts[other].waiting(), 1, "the rest is common");
        drop((all, more));
    }
    drop((batches, waiting));
    assert_eq!(brokers.scene.accumulator.memory_in_use(), 0);
}

#[test]
fn the_only_account_may_use_everything() {
    let brokers = Brokers::new(1, BATCH, 32 * BATCH);
    drop(granted(brokers.reserve(0, 32 * BATCH)));
    brokers.scene.accumulator.guarantee(Vec::new());
    drop(granted(brokers.reserve(0, 32 * BATCH)));
}

#[test]
fn what_is_common_is_given_out_in_order_of_arrival_whoever_asks() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let own = granted(brokers.reserve(1, 4 * BATCH));
    let mut first = brokers.reserve(0, 2 * BATCH);
    let mut second = brokers.reserve(1, BATCH);
    let mut third = brokers.reserve(0, BATCH);
    drop(most);
    drop(own);
    let served = [&mut first, &mut second, &mut third].map(|it| poll(it).is_ready());
    assert_eq!(served, [true; 3]);

    let most = granted(brokers.reserve(0, 12 * BATCH));
    let own = granted(brokers.reserve(1, 4 * BATCH));
    let mut large = brokers.reserve(0, 9 * BATCH);
    let mut small = brokers.reserve(1, 5 * BATCH);
    drop(own);
    assert!(
        poll(&mut small).is_pending(),
        "it needs some of what is common"
    );
    assert!(poll(&mut large).is_pending());
    drop(most);
    assert!(poll(&mut large).is_ready(), "it came first");
}

#[test]
fn a_newcomer_within_its_own_part_passes_those_that_wait_for_what_is_common() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let waiting = brokers.reserve(0, BATCH);
    drop(granted(brokers.reserve(1, 4 * BATCH)));
    assert_eq!(brokers.waiting(), [1, 0]);
    drop((most, waiting));
}

#[test]
fn nobody_overtakes_within_an_account() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 11 * BATCH));
    let mut large = brokers.reserve(0, 2 * BATCH);
    let mut small = brokers.reserve(0, BATCH);
    assert!(poll(&mut small).is_pending(), "though there is as much");
    let append = brokers.scene.try_append(&brokers.queues[0], b"v", 0, None);
    assert!(append.is_err());
    drop(most);
    assert!(poll(&mut large).is_ready());
    assert!(poll(&mut small).is_ready());
}

#[test]
fn a_record_that_takes_more_than_an_account_may_have_waits_until_the_others_are_idle() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let other = granted(brokers.reserve(1, BATCH));
    let mut large = brokers.reserve(0, 16 * BATCH);
    assert!(poll(&mut large).is_pending());
    drop(other);
    let Poll::Ready(Ok(all)) = poll(&mut large) else {
        panic!("nobody uses anything");
    };
    let mut waits = brokers.reserve(1, BATCH);
    assert!(poll(&mut waits).is_pending());
    drop(all);
    assert!(poll(&mut waits).is_ready());
}

#[test]
fn memory_goes_back_to_the_account_that_was_charged_wherever_its_queue_belongs_by_then() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let held = granted(brokers.reserve(0, BATCH));
    brokers.scene.append(&brokers.queues[0], b"v", 0);
    let used = brokers.accounts[0].used();
    brokers.queues[0].assign(&brokers.accounts[1]);
    assert_eq!(brokers.accounts[0].used(), used);
    drop((held, brokers.queues[0].take_all()));
    let used: Vec<_> = brokers.accounts.iter().map(|it| it.used()).collect();
    assert_eq!(used, [0, 0]);
    brokers.scene.append(&brokers.queues[0], b"v", 0);
    let used: Vec<_> = brokers.accounts.iter().map(|it| it.used() > 0).collect();
    assert_eq!(used, [false, true]);
}

#[test]
fn a_caller_that_waits_goes_with_its_partition_to_another_broker() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let moved = brokers.scene.queue(7);
    moved.assign(&brokers.accounts[0]);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let mut before = brokers.reserve(0, BATCH);
    let mut goes = moved.reserve(BATCH, brokers.scene.at(1_000));
    assert_eq!(brokers.waiting(), [2, 0]);
    moved.assign(&brokers.accounts[1]);
    assert!(poll(&mut goes).is_ready(), "there is memory");
    assert!(poll(&mut before).is_pending());
    drop(most);
}

#[test]
fn a_queue_without_an_account_rings_when_a_caller_waits_and_is_served_once_it_has_one() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let new = brokers.scene.queue(7);
    let mut waiting = new.reserve(BATCH, brokers.scene.at(1_000));
    assert!(poll(&mut waiting).is_pending());
    assert!(brokers.scene.bell.awake());
    assert_eq!(brokers.scene.rung(), [7]);
    new.assign(&brokers.accounts[1]);
    assert!(poll(&mut waiting).is_ready());
    drop(most);
}

#[test]
fn accounts_that_come_and_go_change_what_is_guaranteed_and_what_is_used_beyond_drains() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    brokers
        .scene
        .accumulator
        .guarantee(brokers.accounts[1..].to_vec());
    let guaranteed: Vec<_> = brokers.accounts.iter().map(|it| it.guaranteed()).collect();
    assert_eq!(guaranteed, [0, 8 * BATCH]);
    // Half of it is used by the one that is gone.
    let rest = granted(brokers.reserve(1, 4 * BATCH));
    let mut more = brokers.reserve(1, 4 * BATCH);
    let mut gone = brokers.reserve(0, 4 * BATCH);
    drop(most);
    assert!(poll(&mut more).is_ready());
    assert!(poll(&mut gone).is_ready());
    drop(rest);
}

#[test]
fn a_batch_lingers_though_callers_wait_for_the_memory_of_another_account() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let waiting = brokers.reserve(0, BATCH);
    let accumulator = &brokers.scene.accumulator;
    assert!(accumulator.is_awaited(&brokers.accounts[0]));
    assert!(!accumulator.is_awaited(&brokers.accounts[1]));
    drop((most, waiting));
}

#[test]
fn close_ends_the_waits_of_all_accounts() {
    let brokers = Brokers::new(2, BATCH, 16 * BATCH);
    let most = granted(brokers.reserve(0, 12 * BATCH));
    let own = granted(brokers.reserve(1, 4 * BATCH));
    let mut waiting = [brokers.reserve(0, BATCH), brokers.reserve(1, BATCH)];
    brokers.scene.accumulator.close();
    for reserve in &mut waiting {
        assert!(matches!(
            poll(reserve),
            Poll::Ready(Err(ReserveError::Closed))
        ));
    }
    drop((most, own));
    let accumulator = &brokers.scene.accumulator;
    assert_eq!((accumulator.waiting(), accumulator.memory_in_use()), (0, 0));
}

/// One step of callers that are given memory and give it back.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve {
        broker: usize,
        bytes: usize,
    },
    /// Gives back what was granted to a broker's callers, oldest first.
    GiveBack {
        broker: usize,
    },
    /// The caller of a broker that waits longest gives up.
    Leave {
        broker: usize,
    },
    /// So many of the brokers lead partitions from now on.
    Divide {
        brokers: usize,
    },
}

const BROKERS: usize = 3;
const MEMORY: usize = 12 * BATCH;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let broker = 0..BROKERS;
    let step = prop_oneof![
        6 => (broker.clone(), 1..3 * BATCH).prop_map(|(broker, bytes)| Step::Reserve { broker, bytes }),
        4 => broker.clone().prop_map(|broker| Step::GiveBack { broker }),
        1 => broker.prop_map(|broker| Step::Leave { broker }),
        1 => (0..=BROKERS).prop_map(|brokers| Step::Divide { brokers }),
    ];
    vec(step, 1..80)
}

/// The callers of each broker, in order of arrival.
struct Callers {
    brokers: Brokers,
    waiting: [VecDeque<Reserve>; BROKERS],
    granted: [VecDeque<Reservation>; BROKERS],
}

impl Callers {
    fn step(&mut self, step: Step) {
        match step {
            Step::Reserve { broker, bytes } => {
                let reserve = self.brokers.reserve(broker, bytes);
                self.waiting[broker].push_back(reserve);
            }
            Step::GiveBack { broker } => drop(self.granted[broker].pop_front()),
            Step::Leave { broker } => drop(self.waiting[broker].pop_front()),
            Step::Divide { brokers } => {
                let accounts = self.brokers.accounts[..brokers].to_vec();
                self.brokers.scene.accumulator.guarantee(accounts);
            }
        }
        self.fetch();
        self.check();
    }

    /// Fetches what was granted: to the callers of a broker in order of arrival, and to no later one before.
    fn fetch(&mut self) {
        for broker in 0..BROKERS {
            let mut served = true;
            for mut reserve in std::mem::take(&mut self.waiting[broker]) {
                match poll(&mut reserve) {
                    Poll::Ready(reservation) => {
                        assert!(served, "a caller was overtaken");
                        self.granted[broker].push_back(reservation.unwrap());
                    }
                    Poll::Pending => {
                        served = false;
                        self.waiting[broker].push_back(reserve);
                    }
                }
            }
        }
    }

    fn check(&self) {
        let used: Vec<usize> = self.granted.iter().map(held).collect();
        let total: usize = used.iter().sum();
        assert_eq!(self.brokers.scene.accumulator.memory_in_use(), total);
        assert!(total <= MEMORY);
        let accounts = &self.brokers.accounts;
        let waiting: Vec<usize> = self.waiting.iter().map(VecDeque::len).collect();
        assert_eq!(self.brokers.waiting(), waiting);
        let unused = |broker: usize| accounts[broker].guaranteed().saturating_sub(used[broker]);
        let kept: usize = (0..BROKERS).map(unused).sum();
        for broker in 0..BROKERS {
            assert_eq!(accounts[broker].used(), used[broker]);
            // Somebody who waits has no memory within its own part, unless others have used that before it
            // was guaranteed.
            if waiting[broker] > 0 && total + kept <= MEMORY {
                let mut probe = self.brokers.reserve(broker, 1);
                assert!(poll(&mut probe).is_pending(), "nobody overtakes");
            } else if waiting[broker] == 0 && total + kept <= MEMORY {
                // What is guaranteed can always be had.
                drop(granted(self.brokers.reserve(broker, unused(broker))));
            }
        }
    }
}

fn held(granted: &VecDeque<Reservation>) -> usize {
    granted.iter().map(Reservation::bytes).sum()
}

proptest! {
    #[test]
    fn what_is_guaranteed_can_be_had_and_the_total_is_never_exceeded(steps in steps()) {
        let mut callers = Callers {
            brokers: Brokers::new(BROKERS, BATCH, MEMORY),
            waiting: Default::default(),
            granted: Default::default(),
        };
        for step in steps {
            callers.step(step);
        }
        // Each round ends a wait at least: what is free goes to whoever is first.
        for _ in 0..200 {
            for broker in 0..BROKERS {
                callers.granted[broker].clear();
            }
            callers.fetch();
        }
        let left: usize = callers.waiting.iter().map(VecDeque::len).sum();
        prop_assert_eq!(left, 0, "each was served in the end");
        for broker in 0..BROKERS {
            callers.granted[broker].clear();
        }
        prop_assert_eq!(callers.brokers.scene.accumulator.memory_in_use(), 0);
    }
}
