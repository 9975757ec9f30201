//! How the partitioners behave towards a topic that changes, and towards many threads.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;
use std::thread;

use kafka_partition::{
    DefaultPartitioner, ExplicitError, Partitioner, RecordView, RoundRobinPartitioner, StickyState,
    TopicView, UniformStickyPartitioner, explicit, partition_for_key,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

const UNKEYED: RecordView<'_> = RecordView::new(None, Some(b"value"));

/// All partitioners, each with what it calls a record without a key.
fn all() -> [Box<dyn Partitioner>; 4] {
    [
        Box::new(DefaultPartitioner::new()),
        Box::new(DefaultPartitioner::new().ignoring_keys()),
        Box::new(UniformStickyPartitioner),
        Box::new(RoundRobinPartitioner),
    ]
}

/// How often each partition was chosen when every choice fills a batch.
fn shares(partitioner: &dyn Partitioner, topic: &TopicView<'_>, fills: u32) -> Vec<u32> {
    let mut shares = vec![0; topic.partitions as usize];
    for _ in 0..fills {
        let chosen = partitioner.partition(topic, &UNKEYED);
        shares[usize::try_from(chosen).unwrap()] += 1;
        partitioner.batch_filled(topic, chosen);
    }
    shares
}

#[test]
fn a_key_stays_on_its_partition_whatever_has_a_leader() {
    let sticky = StickyState::new(1);
    let record = RecordView::new(Some(b"foobar"), None);
    for available in [&[][..], &[0], &[0, 1, 2, 3, 4, 5, 6]] {
        let topic = TopicView::new("orders", 12, available, &sticky);
        let chosen = DefaultPartitioner::new().partition(&topic, &record);
        assert_eq!(chosen, partition_for_key(b"foobar", 12));
    }
}

#[test]
fn an_empty_key_is_a_key() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 100, &[], &sticky);
    let record = RecordView::new(Some(b""), None);
    let chosen = DefaultPartitioner::new().partition(&topic, &record);
    assert_eq!(chosen, partition_for_key(b"", 100));
}

#[test]
fn without_a_key_records_stay_until_their_batch_is_full() {
    for partitioner in [
        &DefaultPartitioner::new() as &dyn Partitioner,
        &UniformStickyPartitioner,
    ] {
        let sticky = StickyState::new(1);
        let topic = TopicView::new("orders", 6, &[], &sticky);
        let first = partitioner.partition(&topic, &UNKEYED);
        assert!((0..100).all(|_| partitioner.partition(&topic, &UNKEYED) == first));
        partitioner.batch_filled(&topic, first);
        assert_ne!(partitioner.partition(&topic, &UNKEYED), first);
    }
}

#[test]
fn a_full_batch_elsewhere_does_not_move_anyone() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 6, &[], &sticky);
    let partitioner = DefaultPartitioner::new();
    let first = partitioner.partition(&topic, &UNKEYED);
    partitioner.batch_filled(&topic, (first + 1) % 6);
    assert_eq!(partitioner.partition(&topic, &UNKEYED), first);
}

#[test]
fn ignored_keys_do_not_decide() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 1000, &[], &sticky);
    let partitioner = DefaultPartitioner::new().ignoring_keys();
    let keys: Vec<[u8; 1]> = (0..100).map(|byte| [byte]).collect();
    let chosen: BTreeSet<i32> = keys
        .iter()
        .map(|key| partitioner.partition(&topic, &RecordView::new(Some(key), None)))
        .collect();
    assert_eq!(chosen.len(), 1);
}

#[test]
fn a_partition_that_loses_its_leader_is_left_at_once() {
    let sticky = StickyState::new(1);
    let partitioner = DefaultPartitioner::new();
    let lost = partitioner.partition(&TopicView::new("orders", 3, &[], &sticky), &UNKEYED);
    let others: Vec<i32> = (0..3).filter(|&partition| partition != lost).collect();
    let topic = TopicView::new("orders", 3, &others, &sticky);
    let chosen = partitioner.partition(&topic, &UNKEYED);
    assert!(others.contains(&chosen));
    assert_eq!(partitioner.partition(&topic, &UNKEYED), chosen);
}

#[test]
fn a_partition_that_is_gone_is_left_at_once() {
    let sticky = StickyState::new(1);
    let partitioner = UniformStickyPartitioner;
    let gone = partitioner.partition(&TopicView::new("orders", 9, &[8], &sticky), &UNKEYED);
    assert_eq!(gone, 8);
    let recreated = TopicView::new("orders", 2, &[], &sticky);
    assert!((0..2).contains(&partitioner.partition(&recreated, &UNKEYED)));
}

#[test]
fn the_only_partition_is_chosen_again() {
    for (partitions, available, only) in [(1, &[][..], 0), (1, &[0], 0), (5, &[3], 3)] {
        let sticky = StickyState::new(1);
        let topic = TopicView::new("orders", partitions, available, &sticky);
        for partitioner in all() {
            for _ in 0..3 {
                assert_eq!(
                    partitioner.partition(&topic, &UNKEYED),
                    only,
                    "{partitioner:?}"
                );
                partitioner.batch_filled(&topic, only);
            }
        }
    }
}

#[test]
fn a_topic_without_partitions_panics_nowhere() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 0, &[], &sticky);
    for partitioner in all() {
        for record in [UNKEYED, RecordView::new(Some(b"key"), None)] {
            assert_eq!(partitioner.partition(&topic, &record), 0);
            partitioner.batch_filled(&topic, 0);
        }
    }
}

#[test]
fn turns_go_around_those_with_a_leader_whatever_the_key_and_the_batch() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 5, &[0, 2, 4], &sticky);
    let chosen: Vec<i32> = (0..6)
        .map(|_| {
            let record = RecordView::new(Some(b"same"), None);
            let chosen = RoundRobinPartitioner.partition(&topic, &record);
            RoundRobinPartitioner.batch_filled(&topic, chosen);
            chosen
        })
        .collect();
    assert_eq!(chosen, [0, 2, 4, 0, 2, 4]);
}

#[test]
fn turns_are_shared_by_all_threads_and_none_is_lost() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 4, &[], &sticky);
    let mut shares = vec![0; 4];
    thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let turn = |_| RoundRobinPartitioner.partition(&topic, &UNKEYED);
                    (0..1000).map(turn).collect::<Vec<i32>>()
                })
            })
            .collect();
        for chosen in senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap())
        {
            shares[usize::try_from(chosen).unwrap()] += 1;
        }
    });
    assert_eq!(shares, [1000; 4]);
}

#[test]
fn the_same_seed_makes_the_same_choices_and_another_makes_others() {
    let course = |seed| {
        let sticky = StickyState::shared(seed);
        let topic = TopicView::new("orders", 50, &[], &sticky);
        let choose = |_| {
            let chosen = UniformStickyPartitioner.partition(&topic, &UNKEYED);
            UniformStickyPartitioner.batch_filled(&topic, chosen);
            chosen
        };
        (0..100).map(choose).collect::<Vec<i32>>()
    };
    assert_eq!(course(7), course(7));
    assert_ne!(course(7), course(8));
    assert_eq!(thread::spawn(move || course(7)).join().unwrap(), course(7));
}

#[test]
fn a_partition_named_by_the_caller_must_exist() {
    assert_eq!(explicit(0, 1), Ok(0));
    assert_eq!(explicit(i32::MAX, u32::MAX), Ok(i32::MAX));
    assert_eq!(
        explicit(1, 1),
        Err(ExplicitError::Beyond {
            partition: 1,
            partitions: 1
        })
    );
    assert_eq!(
        explicit(i32::MIN, 9),
        Err(ExplicitError::Negative {
            partition: i32::MIN
        })
    );
}

proptest! {
    #[test]
    fn a_choice_exists_and_has_a_leader_if_any_has(
        seed: u64,
        topics in vec((1..300_u32, btree_set(0..300_i32, 0..20)), 1..10),
    ) {
        for partitioner in all() {
            // One state for all: what it remembers may have vanished since.
            let sticky = StickyState::new(seed);
            for (partitions, leaders) in &topics {
                let last = i32::try_from(*partitions).unwrap();
                let available: Vec<i32> = leaders.range(..last).copied().collect();
                let topic = TopicView::new("orders", *partitions, &available, &sticky);
                for _ in 0..5 {
                    let chosen = partitioner.partition(&topic, &UNKEYED);
                    prop_assert!((0..last).contains(&chosen));
                    prop_assert!(available.is_empty() || available.contains(&chosen));
                    partitioner.batch_filled(&topic, chosen);
                }
            }
        }
    }

    #[test]
    fn a_keyed_choice_exists(key in vec(any::<u8>(), 0..50), partitions in 1..=i32::MAX) {
        let chosen = partition_for_key(&key, partitions.cast_unsigned());
        prop_assert!((0..partitions).contains(&chosen));
    }
}

proptest! {
    // Each case fills up to 800,000 batches: few cases do.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn over_many_full_batches_all_partitions_get_the_same_share(
        seed: u64,
        leaders in btree_set(0..20_i32, 2..20),
    ) {
        let available: Vec<i32> = leaders.into_iter().collect();
        for partitioner in all() {
            let sticky = StickyState::new(seed);
            let topic = TopicView::new("orders", 20, &available, &sticky);
            let fair = 10_000;
            let fills = fair * u32::try_from(available.len()).unwrap();
            let shares = shares(&*partitioner, &topic, fills);
            for (partition, share) in (0..).zip(shares) {
                let expected = if available.contains(&partition) { fair } else { 0 };
                prop_assert!(share.abs_diff(expected) <= expected / 10, "{}: {}", partition, share);
            }
        }
    }
}
