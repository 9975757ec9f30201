//! Brokers that misbehave in every way that makes a client come back: however they answer, none is
//! dialed, and none is asked, more often than the settings say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::settings::{Guarantee, Settings};
use kafka_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use kafka_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, ms, settings};
use crate::transactions::transactional;
use crate::wires::{Map, What, error};

/// How the brokers of a stage misbehave.
struct Kind {
    name: &'static str,
    settings: fn() -> Settings,
    /// What the test plays; all else is answered as it should be.
    by_hand: &'static [ApiKey],
    /// Does one thing, if there is one to be done; whether there was.
    play: fn(&mut Stage, &mut Memory) -> bool,
}

/// What the brokers remember.
#[derive(Default)]
struct Memory {
    answers: usize,
}

const SECONDS: u64 = 60;

/// What was done in a minute.
struct Count {
    /// How often the brokers have misbehaved.
    strikes: usize,
    dials: BTreeMap<NodeId, Vec<Instant>>,
    metadata: Vec<Instant>,
    requests: usize,
}

fn front(stage: &Stage, api: ApiKey) -> Option<NodeId> {
    let mut open = stage.connections.iter();
    let asks = |unanswered: &std::collections::VecDeque<crate::wires::Asked>| {
        let asked = unanswered.front();
        asked.is_some_and(|asked| asked.header.api_key == api)
    };
    open.find(|(_, unanswered)| asks(unanswered))
        .map(|(&node, _)| node)
}

/// Closes the connection on which this is asked.
fn close_at(stage: &mut Stage, api: ApiKey) -> bool {
    let Some(node) = front(stage, api) else {
        return false;
    };
    stage.connections.remove(&node);
    stage.input(Input::Lost(node, "connection reset".into()));
    true
}

/// Answers this with bytes that mean nothing.
pub(crate) fn babble_at(stage: &mut Stage, api: ApiKey) -> bool {
    let Some(node) = front(stage, api) else {
        return false;
    };
    let correlation_id = stage.connections[&node][0].header.correlation_id;
    let mut frame = correlation_id.to_be_bytes().to_vec();
    frame.extend([0, 0xff, 0xff, 0xff, 0xff]);
    stage.respond(node, Bytes::from(frame));
    true
}

/// Answers a question for metadata with what `change` makes of the right answer.
fn tell(stage: &mut Stage, change: impl FnOnce(NodeId, &mut MetadataResponse)) -> Option<NodeId> {
    let node = front(stage, ApiKey::METADATA)?;
    let asked = &stage.connections[&node][0];
    let What::Metadata(topics) = &asked.what else {
        return None;
    };
    let mut answer = stage.map.tell(topics);
    change(node, &mut answer);
    let frame = asked.answer::<MetadataRequest>(&answer);
    stage.respond(node, frame);
    Some(node)
}

fn refuse_record(stage: &mut Stage, code: ErrorCode) -> bool {
    let Some(node) = front(stage, ApiKey::PRODUCE) else {
        return false;
    };
    let frame = stage.connections[&node][0].produced(0, vec![error(code)]);
    stage.respond(node, frame);
    true
}

const METADATA: &[ApiKey] = &[ApiKey::METADATA];

const KINDS: &[Kind] = &[
    Kind {
        name: "refuses connections",
        settings,
        by_hand: &[],
        play: |stage, _| {
            stage.unreachable.extend([NodeId(-1), NodeId(1)]);
            let dialing = stage.dialing.keys().next().copied();
            if let Some(NodeId(node)) = dialing {
                stage.lose(node);
            }
            dialing.is_some()
        },
    },
    Kind {
        name: "closes instead of greeting",
        settings,
        by_hand: &[ApiKey::API_VERSIONS],
        play: |stage, _| close_at(stage, ApiKey::API_VERSIONS),
    },
    Kind {
        name: "greets, then closes",
        settings,
        by_hand: METADATA,
        play: |stage, _| close_at(stage, ApiKey::METADATA),
    },
    Kind {
        name: "greets with what cannot be read",
        settings,
        by_hand: &[ApiKey::API_VERSIONS],
        play: |stage, _| babble_at(stage, ApiKey::API_VERSIONS),
    },
    Kind {
        name: "tells of the cluster what cannot be read",
        settings,
        by_hand: METADATA,
        play: |stage, _| babble_at(stage, ApiKey::METADATA),
    },
    Kind {
        name: "tells of the cluster, then closes",
        settings,
        by_hand: METADATA,
        play: |stage, _| match tell(stage, |_, _| ()) {
            Some(node) if stage.connections.contains_key(&node) => {
                stage.connections.remove(&node);
                stage.input(Input::Lost(node, "connection reset".into()));
                true
            }
            told => told.is_some(),
        },
    },
    Kind {
        name: "closes instead of acknowledging",
        settings,
        by_hand: &[],
        play: |stage, _| close_at(stage, ApiKey::PRODUCE),
    },
    Kind {
        name: "acknowledges with what cannot be read",
        settings,
        by_hand: &[],
        play: |stage, _| babble_at(stage, ApiKey::PRODUCE),
    },
    Kind {
        name: "does not speak Metadata",
        settings,
        by_hand: &[],
        play: |stage, _| {
            // Once and for all: the greetings from now on lack it.
            stage.withheld.insert(ApiKey::METADATA)
        },
    },
    Kind {
        name: "is told to be at two addresses in turns",
        settings,
        by_hand: METADATA,
        play: |stage, memory| {
            memory.answers += 1;
            let host = ["here", "there"][memory.answers % 2];
            tell(stage, |_, answer| answer.brokers[0].host = host.to_owned()).is_some()
        },
    },
    Kind {
        name: "refuses records as no leader, and is told to be at two addresses in turns",
        settings,
        by_hand: METADATA,
        play: |stage, memory| {
            memory.answers += 1;
            let host = ["here", "there"][memory.answers % 2];
            tell(stage, |_, answer| answer.brokers[0].host = host.to_owned()).is_some()
                || refuse_record(stage, ErrorCode::NOT_LEADER_OR_FOLLOWER)
        },
    },
    Kind {
        name: "leaves the cluster and comes back in turns",
        settings,
        by_hand: METADATA,
        play: |stage, memory| {
            memory.answers += 1;
            let gone = memory.answers % 2 == 0;
            let told = tell(stage, |_, answer| {
                if gone {
                    answer.brokers[0].node_id = 2;
                }
            });
            told.is_some() || refuse_record(stage, ErrorCode::NOT_LEADER_OR_FOLLOWER)
        },
    },
    Kind {
        name: "asks to begin anew, whoever is asked",
        settings,
        by_hand: METADATA,
        play: |stage, _| {
            tell(stage, |_, answer| {
                answer.error_code = ErrorCode::REBOOTSTRAP_REQUIRED;
            })
            .is_some()
        },
    },
    Kind {
        name: "asks to begin anew, but the bootstrap server does not",
        settings,
        by_hand: METADATA,
        play: |stage, _| {
            let told = tell(stage, |node, answer| {
                if node.0 >= 0 {
                    answer.error_code = ErrorCode::REBOOTSTRAP_REQUIRED;
                }
            });
            told.is_some() || refuse_record(stage, ErrorCode::NOT_LEADER_OR_FOLLOWER)
        },
    },
    Kind {
        name: "knows of no broker",
        settings,
        by_hand: METADATA,
        play: |stage, _| tell(stage, |_, answer| answer.brokers.clear()).is_some(),
    },
    Kind {
        name: "knows of no leader",
        settings,
        by_hand: METADATA,
        play: |stage, _| {
            stage.map.topics[0].leaders[0].0 = -1;
            tell(stage, |_, _| ()).is_some()
        },
    },
    Kind {
        name: "refuses records as no leader",
        settings,
        by_hand: &[],
        play: |stage, _| refuse_record(stage, ErrorCode::NOT_LEADER_OR_FOLLOWER),
    },
    Kind {
        name: "refuses records as no leader, and is elected again each time",
        settings,
        by_hand: &[],
        play: |stage, _| {
            let refused = refuse_record(stage, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            if refused {
                stage.map.moves(0, 1);
            }
            refused
        },
    },
    Kind {
        name: "refuses records as no leader, and names itself as the next",
        settings,
        by_hand: &[],
        play: |stage, memory| {
            let Some(node) = front(stage, ApiKey::PRODUCE) else {
                return false;
            };
            memory.answers += 1;
            let epoch = 1 + i32::try_from(memory.answers).unwrap();
            let says = error(ErrorCode::NOT_LEADER_OR_FOLLOWER).leader_is(1, epoch);
            let frame = stage.connections[&node][0].produced(0, vec![says]);
            stage.respond(node, frame);
            true
        },
    },
    Kind {
        name: "is asked for metadata that is always too old",
        settings: || Settings {
            metadata_max_age: Duration::ZERO,
            ..settings()
        },
        by_hand: &[],
        play: |stage, _| refuse_record(stage, ErrorCode::NOT_ENOUGH_REPLICAS),
    },
    Kind {
        name: "gives no producer id",
        settings,
        by_hand: &[ApiKey::INIT_PRODUCER_ID],
        play: |stage, _| {
            let Some(node) = front(stage, ApiKey::INIT_PRODUCER_ID) else {
                return false;
            };
            let answer = InitProducerIdResponse::default()
                .with_error_code(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
            let asked = &stage.connections[&node][0];
            let frame = asked.answer::<InitProducerIdRequest>(&answer);
            stage.respond(node, frame);
            true
        },
    },
    Kind {
        name: "gives a producer id that cannot be read",
        settings,
        by_hand: &[ApiKey::INIT_PRODUCER_ID],
        play: |stage, _| babble_at(stage, ApiKey::INIT_PRODUCER_ID),
    },
    Kind {
        name: "tells of coordinators what cannot be read",
        settings: transactional,
        by_hand: &[ApiKey::FIND_COORDINATOR],
        play: |stage, _| babble_at(stage, ApiKey::FIND_COORDINATOR),
    },
    Kind {
        name: "closes instead of coordinating",
        settings: transactional,
        by_hand: &[ApiKey::INIT_PRODUCER_ID],
        play: |stage, _| close_at(stage, ApiKey::INIT_PRODUCER_ID),
    },
];

/// A minute with brokers of this kind, and somebody who always has a record to send.
fn minute(kind: &Kind) -> Count {
    let mut stage = Stage::bare((kind.settings)(), Map::of(TOPIC, &[1]));
    stage.by_hand.extend(kind.by_hand);
    let first = (kind.play)(&mut stage, &mut Memory::default());
    let _known = stage.ask_topic(TOPIC);
    let mut init =
        matches!(stage.settings.guarantee, Guarantee::Transactional(_)).then(|| stage.init());
    let mut memory = Memory::default();
    let mut sent = None;
    let mut count = Count {
        strikes: usize::from(first),
        dials: BTreeMap::new(),
        metadata: Vec::new(),
        requests: 0,
    };
    for _ in 0..SECONDS * 1000 {
        for _ in 0..1000 {
            if !(kind.play)(&mut stage, &mut memory) {
                break;
            }
            count.strikes += 1;
            stage.settle();
        }
        if init.is_none() && sent.is_none() && stage.handle.cluster().topic(TOPIC).is_some() {
            sent = Some(stage.send(0, "tea"));
        }
        if sent
            .as_ref()
            .is_some_and(|sent| sent.try_outcome().is_some())
        {
            sent = None;
        }
        for (node, at) in stage.dials.drain(..) {
            count.dials.entry(node).or_default().push(at);
        }
        let asked = std::mem::take(&mut stage.asked);
        count.requests += asked.len();
        let about_cluster = |(_, api): &&(NodeId, ApiKey)| *api == ApiKey::METADATA;
        let questions = asked.iter().filter(about_cluster).count();
        count
            .metadata
            .extend(std::iter::repeat_n(stage.now, questions));
        stage.pass(ms(1));
    }
    drop(init.take());
    count
}

/// Of how many things within this time there was never more than this.
fn most_within(times: &[Instant], window: Duration) -> usize {
    let within = |(at, since): (usize, &Instant)| {
        let rest = times[at..].iter();
        rest.take_while(|time| **time < *since + window).count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

#[test]
fn no_broker_is_dialed_or_asked_more_often_than_the_settings_say_however_it_answers() {
    let print = std::env::var_os("STORMS").is_some();
    for kind in KINDS {
        let count = minute(kind);
        let dials = count.dials.values().map(Vec::len).max().unwrap_or(0);
        let (metadata, name) = (count.metadata.len(), kind.name);
        if print {
            let per_second = |n: usize| n as f64 / SECONDS as f64;
            println!(
                "| {name} | {:.1} | {:.1} | {:.1} |",
                per_second(dials),
                per_second(metadata),
                per_second(count.requests)
            );
        }
        assert!(count.strikes > 0, "{name}: it never came to that");
        assert!(dials > 0, "{name}: nobody was dialed");
        for (node, times) in &count.dials {
            let at_once = most_within(times, ms(40));
            assert!(
                at_once <= 1,
                "{name}: {node} is dialed {at_once} times in 40 ms"
            );
            // From the sixth on there is a second between two, within a fifth.
            let most = 5 + SECONDS as usize * 5 / 4;
            let n = times.len();
            assert!(n <= most, "{name}: {node} is dialed {n} times in a minute");
        }
        let at_once = most_within(&count.metadata, ms(80));
        assert!(at_once <= 2, "{name}: metadata {at_once} times in 80 ms");
        let most = 2 + 10 * SECONDS as usize;
        assert!(metadata <= most, "{name}: metadata {metadata} times");
        let most = 40 * SECONDS as usize;
        assert!(
            count.requests <= most,
            "{name}: {} requests",
            count.requests
        );
    }
}
