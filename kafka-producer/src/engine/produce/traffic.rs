//! How many batches of each topic were sent since that was last asked: for so many, the topic's partitions are
//! weighed again.
//!
//! Nothing is decided here.

use crate::engine::produce::lane_key::LaneKey;

/// The topics whose batches were sent.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Few: those of one step of the engine.
    topics: Vec<TopicTraffic>,
}

/// What was sent of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicTraffic {
    topic_number: u32,
    /// One of its lanes.
    pub(crate) lane: LaneKey,
    pub(crate) batches: usize,
}

impl Traffic {
    /// A batch of this lane is sent.
    pub(crate) fn note(&mut self, topic_number: u32, lane: LaneKey) {
        let of_topic = |noted: &&mut TopicTraffic| noted.topic_number == topic_number;
        // The last one first: batches of a topic go together. If there are many topics, one that
        // is noted twice is only looked at twice.
        match self.topics.iter_mut().rev().take(FEW).find(of_topic) {
            Some(noted) => noted.batches += 1,
            None => self.topics.push(TopicTraffic {
                topic_number,
                lane,
                batches: 1,
            }),
        }
    }

    /// Takes what was noted.
    pub(crate) fn take(&mut self) -> Option<TopicTraffic> {
        self.topics.pop()
    }
}

const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_counted_by_topic() {
        let mut traffic = Traffic::default();
        let [one, other] = [0, 1].map(|index| LaneKey::at(index).unwrap());
        for (topic_number, lane) in [(7, one), (8, other), (7, one), (7, one)] {
            traffic.note(topic_number, lane);
        }
        let mut taken = || traffic.take().map(|noted| (noted.lane, noted.batches));
        assert_eq!(
            [taken(), taken(), taken()],
            [Some((other, 1)), Some((one, 3)), None]
        );
    }
}
