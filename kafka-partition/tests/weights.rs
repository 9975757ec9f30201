//! The weights of partitions, beside a plain model of Java's rule, and what threads choose by them.
//!
//! The model is the rule as KIP-794 and KIP-1123 have it, in two tables: one of all partitions whose
//! leader is available, one of those of them that stand in the client's rack.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use kafka_partition::{
    Leader, Load, Partitioner, Rack, RecordView, RoundRobinPartitioner, StickyState, TopicView,
    UniformStickyPartitioner, Weights,
};
use proptest::collection::vec;
use proptest::prelude::*;

const UNKEYED: RecordView<'_> = RecordView::new(None, Some(b"value"));

/// The weight of each partition by Java's rule; where its statistics say nothing, each that it would
/// draw from has 1.
fn model(loads: &[Load]) -> Vec<u64> {
    let led: Vec<usize> = of(loads, |load| load.leader != Leader::Missing);
    let available: Vec<usize> = of(loads, |load| load.leader == Leader::Available);
    let own = |indices: &[usize]| -> Vec<usize> {
        let own = indices
            .iter()
            .filter(|&&index| loads[index].rack == Rack::Own);
        own.copied().collect()
    };
    let mut weights = vec![0; loads.len()];
    let from = match available.is_empty() {
        true => &led,
        false => &available,
    };
    let near = own(from);
    let from = match near.is_empty() {
        true => from,
        false => &near,
    };
    let queued = |index: usize| match available.is_empty() {
        true => 0,
        false => u64::from(loads[index].queued),
    };
    let longest = from.iter().map(|&index| queued(index)).max();
    for &index in from {
        weights[index] = longest.unwrap() + 1 - queued(index);
    }
    weights
}

fn of(loads: &[Load], is: impl Fn(&Load) -> bool) -> Vec<usize> {
    (0..loads.len())
        .filter(|&index| is(&loads[index]))
        .collect()
}

/// The weight of each partition, also if they are equal.
fn weights_of(loads: &[Load]) -> Vec<u64> {
    let mut weights = Weights::default();
    weights.weigh(loads);
    if !weights.are_equal() {
        return weights.of_each().collect();
    }
    let led = |load: &Load| u64::from(load.leader != Leader::Missing);
    loads.iter().map(led).collect()
}

fn check(loads: &[Load]) {
    let (found, expected) = (weights_of(loads), model(loads));
    // Equal weights may be counted in another unit.
    let is_same = |one: &[u64], other: &[u64]| {
        let (one_sum, other_sum) = (one.iter().sum::<u64>(), other.iter().sum::<u64>());
        let pairs = one.iter().zip(other);
        one.len() == other.len()
            && pairs
                .into_iter()
                .all(|(one, other)| one * other_sum == other * one_sum)
    };
    assert!(
        is_same(&found, &expected),
        "{loads:?}: {found:?}, not {expected:?}"
    );
}

/// All that a partition can be, with up to two batches.
fn every_load() -> Vec<Load> {
    let mut every = Vec::new();
    for leader in [Leader::Available, Leader::Unavailable, Leader::Missing] {
        for rack in [Rack::Own, Rack::Other] {
            for queued in 0..3 {
                every.push(Load::queued(queued).led(leader).standing(rack));
            }
        }
    }
    every
}

#[test]
fn up_to_four_partitions_are_weighed_by_java_s_rule_whatever_they_are() {
    let every = every_load();
    check(&[]);
    for &first in &every {
        check(&[first]);
        for &second in &every {
            check(&[first, second]);
            for &third in &every {
                check(&[first, second, third]);
                for &fourth in &every {
                    check(&[first, second, third, fourth]);
                }
            }
        }
    }
}

#[test]
fn the_example_of_kip_794_has_its_weights() {
    assert_eq!(weights_of(&[0, 3, 1].map(Load::queued)), [4, 1, 3]);
}

#[test]
fn with_equal_queues_there_is_nothing_to_look_up() {
    let mut weights = Weights::default();
    weights.weigh(&[0, 1].map(Load::queued));
    assert!(!weights.are_equal());
    weights.weigh(&[5, 5, 5].map(Load::queued));
    assert!(weights.are_equal());
    assert_eq!(weights.pick(|_| unreachable!("nothing is drawn")), None);
}

#[test]
fn of_an_unavailable_leader_nothing_is_chosen_unless_there_is_no_other() {
    let (quiet, busy) = (Load::queued(0), Load::queued(3));
    let silent = Load::queued(9).led(Leader::Unavailable);
    assert_eq!(weights_of(&[quiet, silent, busy]), [4, 0, 1]);
    assert_eq!(weights_of(&[quiet, silent, quiet]), [1, 0, 1]);
    assert_eq!(
        weights_of(&[silent, quiet.led(Leader::Unavailable)]),
        [1, 1]
    );
}

#[test]
fn the_client_s_own_rack_comes_first_as_long_as_it_is_available() {
    let near = |queued| Load::queued(queued).standing(Rack::Own);
    let far = Load::queued;
    assert_eq!(weights_of(&[near(2), far(0), near(0)]), [1, 0, 3]);
    let silent = near(0).led(Leader::Unavailable);
    assert_eq!(weights_of(&[silent, far(1), far(0)]), [0, 1, 2]);
    assert_eq!(
        weights_of(&[silent, far(0).led(Leader::Unavailable)]),
        [1, 0]
    );
}

#[test]
fn the_longest_queues_of_many_partitions_do_not_overflow() {
    let mut loads = vec![Load::queued(0); 100_000];
    loads.push(Load::queued(u32::MAX));
    let mut weights = Weights::default();
    weights.weigh(&loads);
    assert_eq!(weights.of_each().last(), Some(1));
    assert_eq!(weights.pick(|total| total - 1), Some(100_000));
}

#[test]
fn threads_that_move_on_choose_by_the_weights_and_may_stay() {
    let sticky = StickyState::new(7);
    let topic = TopicView::new("orders", 3, &[], &sticky);
    let mut weights = Weights::default();
    weights.weigh(&[0, 3, 1].map(Load::queued));
    sticky.exchange_weights(&mut weights);
    let shares = shares(&topic, 80_000);
    for (share, expected) in shares.into_iter().zip([40_000, 10_000, 30_000]) {
        assert!(u32::abs_diff(share, expected) < 1_000, "{shares:?}");
    }
}

#[test]
fn weights_that_are_equal_again_are_forgotten() {
    let sticky = StickyState::new(7);
    let topic = TopicView::new("orders", 2, &[], &sticky);
    let mut weights = Weights::default();
    weights.weigh(&[Load::queued(0), Load::queued(0).led(Leader::Unavailable)]);
    sticky.exchange_weights(&mut weights);
    assert_eq!(shares(&topic, 100), [100, 0, 0]);
    weights.weigh(&[0, 0].map(Load::queued));
    sticky.exchange_weights(&mut weights);
    assert_eq!(
        shares(&topic, 100),
        [50, 50, 0],
        "in turn, as there are two"
    );
}

#[test]
fn weights_of_partitions_that_may_not_be_chosen_any_more_do_not_count() {
    let sticky = StickyState::new(7);
    let mut weights = Weights::default();
    weights.weigh(&[9, 9, 0].map(Load::queued));
    sticky.exchange_weights(&mut weights);
    let led = TopicView::new("orders", 3, &[0, 1], &sticky);
    assert_eq!(shares(&led, 1_000)[2], 0, "it has lost its leader");
    let shorter = TopicView::new("orders", 1, &[], &sticky);
    assert_eq!(
        shares(&shorter, 10),
        [10, 0, 0],
        "made anew with one partition"
    );
}

#[test]
fn a_round_robin_takes_no_notice_of_weights_nor_of_moving_on() {
    let sticky = StickyState::new(7);
    let topic = TopicView::new("orders", 3, &[], &sticky);
    let mut weights = Weights::default();
    weights.weigh(&[9, 9, 0].map(Load::queued));
    sticky.exchange_weights(&mut weights);
    for turn in 0..9 {
        let chosen = RoundRobinPartitioner.partition(&topic, &UNKEYED);
        assert_eq!(chosen, turn % 3);
        // Its batch is aborted, or full, or the one before it left early (KAFKA-9965).
        assert_eq!(
            RoundRobinPartitioner.move_on(&topic, &UNKEYED, chosen),
            chosen
        );
        RoundRobinPartitioner.batch_filled(&topic, chosen);
    }
}

/// How often each of three partitions was chosen when every choice fills a batch.
fn shares(topic: &TopicView<'_>, fills: u32) -> [u32; 3] {
    let mut shares = [0; 3];
    for _ in 0..fills {
        let chosen = UniformStickyPartitioner.partition(topic, &UNKEYED);
        shares[usize::try_from(chosen).unwrap()] += 1;
        UniformStickyPartitioner.batch_filled(topic, chosen);
    }
    shares
}

fn any_load() -> impl Strategy<Value = Load> {
    let leaders = prop_oneof![
        4 => Just(Leader::Available),
        1 => Just(Leader::Unavailable),
        1 => Just(Leader::Missing),
    ];
    let racks = prop_oneof![Just(Rack::Own), Just(Rack::Other)];
    (0..1_000_u32, leaders, racks)
        .prop_map(|(queued, leader, rack)| Load::queued(queued).led(leader).standing(rack))
}

proptest! {
    #[test]
    fn any_topic_is_weighed_by_java_s_rule(loads in vec(any_load(), 0..200)) {
        check(&loads);
    }

    #[test]
    fn what_is_picked_has_a_weight_and_every_number_picks(loads in vec(any_load(), 0..50)) {
        let mut weights = Weights::default();
        weights.weigh(&loads);
        let each: Vec<u64> = weights.of_each().collect();
        let mut picked = vec![0; each.len()];
        for number in 0..each.iter().sum() {
            let partition = weights.pick(|total| { assert!(number < total); number }).unwrap();
            picked[usize::try_from(partition).unwrap()] += 1;
        }
        prop_assert_eq!(picked, each);
    }

    #[test]
    fn weighing_again_depends_on_nothing_before(
        first in vec(any_load(), 0..50),
        second in vec(any_load(), 0..50),
    ) {
        let (mut used, mut fresh) = (Weights::default(), Weights::default());
        used.weigh(&first);
        used.weigh(&second);
        fresh.weigh(&second);
        prop_assert_eq!(used, fresh);
    }
}
