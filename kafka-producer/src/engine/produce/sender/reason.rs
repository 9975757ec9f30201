//! What a partition's records wait for, by what is known of their batch and of its leader: a table, and nothing else.
//!
//! It is told to people (`Producer::explain`); nothing is decided by it.

use std::sync::Arc;
use std::time::Instant;

use crate::engine::produce::stand::Stand;
use crate::error::WaitReason;

/// What is known of a batch and its leader.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) stand: Stand,
    pub(super) others: Others,
    /// What keeps every batch of the partition from leaving, if anything does.
    pub(super) obstacle: Option<WaitReason>,
    /// The name of the leader, or of the broker that the batch was sent to.
    pub(super) broker: Arc<str>,
    pub(super) load: Load,
}

/// Whether other batches of the partition must have an answer before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Awaited,
    NotAwaited,
}

/// How many produce requests the leader has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// It takes another one.
    Open,
    /// As many as it may have; the oldest was sent then.
    Full { requests: usize, oldest: Instant },
}

/// What the batch waits for. What ends first comes last: a broker that is away outlasts a pause before a retry.
pub(super) fn reason(facts: Facts, now: Instant) -> WaitReason {
    let Facts {
        stand,
        others,
        obstacle,
        broker,
        load,
    } = facts;
    let left = |until: Instant| until.saturating_duration_since(now);
    let ago = |since: Instant| now.saturating_duration_since(since);
    match (stand, obstacle, others, load) {
        (Stand::InFlight { since }, ..) => {
            let since = ago(since);
            WaitReason::InFlight { broker, since }
        }
        (Stand::BeingAsked, ..) => WaitReason::Unanswered {
            request: "DescribeProducers",
        },
        (Stand::PresumedAppended, ..) => WaitReason::Unconfirmed { broker },
        (Stand::Lingering { until }, ..) if until > now => {
            let left = left(until);
            WaitReason::Lingering { left }
        }
        (_, Some(obstacle), ..) => obstacle,
        (Stand::Again { until, after }, ..) if until > now => {
            let left = left(until);
            WaitReason::BackingOff { left, after }
        }
        (_, _, Others::Awaited, _) => WaitReason::EarlierBatch,
        (.., Load::Full { requests, oldest }) => WaitReason::WindowFull {
            broker,
            requests,
            oldest: ago(oldest),
        },
        (.., Load::Open) => WaitReason::Due,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafka_wire::ErrorCode;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Every combination of what can be known of a batch that waits, ten milliseconds after `start`.
    fn all(start: Instant) -> Vec<Facts> {
        let now = start + 10 * MS;
        let after = Some(ErrorCode::NOT_ENOUGH_REPLICAS);
        let times = [start, now, now + MS];
        let mut stands = vec![Stand::Queued, Stand::BeingAsked, Stand::PresumedAppended];
        stands.push(Stand::InFlight { since: start });
        stands.extend(times.map(|until| Stand::Lingering { until }));
        stands.extend(times.map(|until| Stand::Again { until, after }));
        let mut all = Vec::new();
        for stand in stands {
            for others in [Others::Awaited, Others::NotAwaited] {
                for obstacle in [None, Some(WaitReason::NoBroker)] {
                    let full = Load::Full {
                        requests: 5,
                        oldest: start,
                    };
                    for load in [Load::Open, full] {
                        all.push(Facts {
                            stand,
                            others,
                            obstacle: obstacle.clone(),
                            broker: "broker 1 at kafka-1:9092".into(),
                            load,
                        });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_state_of_a_batch_has_one_reason() {
        let start = Instant::now();
        let now = start + 10 * MS;
        let facts = all(start);
        assert_eq!(facts.len(), 10 * 2 * 2 * 2);
        for facts in facts {
            let told = reason(facts.clone(), now);
            let Facts {
                stand,
                others,
                obstacle,
                load,
                ..
            } = &facts;
            let ends = |until: &Instant| *until > now;
            let expected = match stand {
                Stand::InFlight { .. } => matches!(
                    told,
                    WaitReason::InFlight { since, .. } if since == 10 * MS
                ),
                Stand::BeingAsked => matches!(told, WaitReason::Unanswered { .. }),
                Stand::PresumedAppended => matches!(told, WaitReason::Unconfirmed { .. }),
                Stand::Lingering { until } if ends(until) => {
                    told == WaitReason::Lingering { left: MS }
                }
                _ if obstacle.is_some() => told == WaitReason::NoBroker,
                Stand::Again { until, after } if ends(until) => {
                    let (left, after) = (MS, *after);
                    told == WaitReason::BackingOff { left, after }
                }
                _ if *others == Others::Awaited => told == WaitReason::EarlierBatch,
                _ if *load == Load::Open => told == WaitReason::Due,
                _ => matches!(
                    told,
                    WaitReason::WindowFull { requests: 5, oldest, .. } if oldest == 10 * MS
                ),
            };
            assert!(expected, "{facts:?}: {told:?}");
        }
    }
}
