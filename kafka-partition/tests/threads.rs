//! Threads stick apart from each other. Alone in its binary: threads are numbered as they come,
//! so that only 16 in a row, undisturbed by other tests, take each of the 16 slots once.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use kafka_partition::{Partitioner, RecordView, StickyState, TopicView, UniformStickyPartitioner};

#[test]
fn each_thread_sticks_to_a_partition_of_its_own_and_moves_alone() {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("orders", 1_000_000, &[], &sticky);
    let choose = || UniformStickyPartitioner.partition(&topic, &RecordView::default());
    let step = Barrier::new(16);
    let sender = |number: usize| {
        let before = choose();
        step.wait();
        if number.is_multiple_of(2) {
            UniformStickyPartitioner.batch_filled(&topic, before);
        }
        step.wait();
        (before, choose())
    };

    let choices: Vec<(i32, i32)> = thread::scope(|scope| {
        let sender = &sender;
        let senders: Vec<_> = (0..16)
            .map(|number| scope.spawn(move || sender(number)))
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    });

    let distinct: BTreeSet<i32> = choices.iter().map(|(before, _)| *before).collect();
    assert_eq!(distinct.len(), 16, "{choices:?}");
    for (number, (before, after)) in choices.into_iter().enumerate() {
        assert_eq!(before != after, number.is_multiple_of(2), "thread {number}");
    }
}
