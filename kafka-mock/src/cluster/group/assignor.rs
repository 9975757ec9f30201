//! Who reads what in a group of KIP-848: the two assignors that brokers have.

use std::collections::{BTreeMap, BTreeSet};

use kafka_wire::Uuid;

/// Partitions: the id of a topic, and a number.
pub(in crate::cluster) type Partitions = BTreeSet<(Uuid, i32)>;

/// The numbers of the partitions of each topic.
pub(in crate::cluster) fn by_topic(partitions: &Partitions) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics = BTreeMap::<Uuid, Vec<i32>>::new();
    for &(topic, number) in partitions {
        topics.entry(topic).or_default().push(number);
    }
    topics
}

/// A topic that there is: its id, and how many partitions it has.
pub(in crate::cluster) type TopicSize = (Uuid, i32);

/// How partitions are assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) enum Assignor {
    /// Evenly, with as few changes as possible.
    #[default]
    Uniform,
    /// The partitions of each topic in ranges, so that topics of one size are read side by side.
    Range,
}

/// What a member wants, and what it was to read until now.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    pub(super) member_id: &'a str,
    pub(super) topics: Vec<TopicSize>,
    pub(super) had: Partitions,
}

impl Assignor {
    pub(in crate::cluster) fn named(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
            "range" => Some(Self::Range),
            _ => None,
        }
    }

    pub(in crate::cluster) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// What each member is to read, by its id.
    pub(super) fn assign(self, wishes: &[Wish<'_>]) -> BTreeMap<String, Partitions> {
        let assigned = match self {
            Self::Uniform => uniform(wishes),
            Self::Range => range(wishes),
        };
        let ids = wishes.iter().map(|it| it.member_id.to_owned());
        ids.zip(assigned).collect()
    }
}

fn uniform(wishes: &[Wish<'_>]) -> Vec<Partitions> {
    let wants = |it: &Wish<'_>, (topic, index): (Uuid, i32)| {
        let mut topics = it.topics.iter();
        topics.any(|&(id, count)| id == topic && index < count)
    };
    let topics: BTreeSet<TopicSize> = wishes.iter().flat_map(|it| it.topics.clone()).collect();
    let all = topics
        .into_iter()
        .flat_map(|(id, count)| (0..count).map(move |index| (id, index)));
    let mut left: Partitions = all.collect();
    let members = wishes.len().max(1);
    let (fair, mut more) = (left.len() / members, left.len() % members);
    let mut assigned = vec![Partitions::new(); wishes.len()];
    for (wish, own) in wishes.iter().zip(&mut assigned) {
        for &partition in wish.had.iter().filter(|it| wants(wish, **it)) {
            let room = match own.len() {
                count if count < fair => true,
                count if count == fair && more > 0 => {
                    more -= 1;
                    true
                }
                _ => false,
            };
            if room && left.remove(&partition) {
                own.insert(partition);
            }
        }
    }
    for partition in left {
        let takers = assigned.iter_mut().zip(wishes);
        let takers = takers.filter(|(_, wish)| wants(wish, partition));
        if let Some((own, _)) = takers.min_by_key(|(own, _)| own.len()) {
            own.insert(partition);
        }
    }
    assigned
}

fn range(wishes: &[Wish<'_>]) -> Vec<Partitions> {
    let mut assigned = vec![Partitions::new(); wishes.len()];
    let topics: BTreeSet<TopicSize> = wishes.iter().flat_map(|it| it.topics.clone()).collect();
    for (topic, count) in topics {
        let readers = assigned.iter_mut().zip(wishes);
        let mut readers: Vec<_> = readers
            .filter(|(_, wish)| wish.topics.contains(&(topic, count)))
            .collect();
        readers.sort_by_key(|(_, wish)| wish.member_id);
        let mut partitions = (0..count).map(|index| (topic, index));
        let mut waiting = readers.len();
        for (own, _) in &mut readers {
            // Those who come first have one more, if it does not come out even.
            let share = partitions.len().div_ceil(waiting);
            own.extend(partitions.by_ref().take(share));
            waiting -= 1;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid([1; 16]);
    const B: Uuid = Uuid([2; 16]);

    fn wish<'a>(member_id: &'a str, topics: &[TopicSize], had: &[(Uuid, i32)]) -> Wish<'a> {
        Wish {
            member_id,
            topics: topics.to_vec(),
            had: had.iter().copied().collect(),
        }
    }

    fn check(assignor: Assignor, wishes: &[Wish<'_>], expected: &[&[(Uuid, i32)]]) {
        let assigned = assignor.assign(wishes);
        for (wish, expected) in wishes.iter().zip(expected) {
            let expected: Partitions = expected.iter().copied().collect();
            assert_eq!(assigned[wish.member_id], expected, "{}", wish.member_id);
        }
    }

    #[test]
    fn partitions_are_spread_evenly_and_stay_where_they_can() {
        let uniform = |wishes: &[Wish<'_>], expected: &[&[(Uuid, i32)]]| {
            check(Assignor::Uniform, wishes, expected);
        };
        let topic = &[(A, 3)];
        uniform(&[wish("m", topic, &[])], &[&[(A, 0), (A, 1), (A, 2)]]);
        uniform(
            &[
                wish("m", topic, &[(A, 0), (A, 1), (A, 2)]),
                wish("n", topic, &[]),
            ],
            &[&[(A, 0), (A, 1)], &[(A, 2)]],
        );
        uniform(
            &[wish("m", topic, &[(A, 0)]), wish("n", topic, &[(A, 2)])],
            &[&[(A, 0), (A, 1)], &[(A, 2)]],
        );
        uniform(
            &[
                wish("m", &[(A, 1)], &[(B, 0)]),
                wish("n", &[(B, 1)], &[(A, 0)]),
            ],
            &[&[(A, 0)], &[(B, 0)]],
        );
        uniform(&[wish("m", &[], &[(A, 0)])], &[&[]]);
    }

    #[test]
    fn ranges_of_topics_lie_side_by_side() {
        let both = &[(A, 3), (B, 3)];
        check(
            Assignor::Range,
            &[
                wish("n", both, &[]),
                wish("m", both, &[]),
                wish("o", &[(B, 3)], &[]),
            ],
            &[&[(A, 2), (B, 1)], &[(A, 0), (A, 1), (B, 0)], &[(B, 2)]],
        );
    }

    #[test]
    fn an_assignor_has_the_name_that_it_is_found_by() {
        for assignor in [Assignor::Uniform, Assignor::Range] {
            assert_eq!(Assignor::named(assignor.name()), Some(assignor));
        }
        assert_eq!(Assignor::named("sticky"), None);
    }
}
