//! Metadata alone: a context, and responses made by hand. Nothing waits, and nobody is asked.

use futures_channel::oneshot;
use kafka_wire::messages::metadata::{LeadersPartition, LeadersTopic};
use kafka_wire::{ErrorCode, Uuid};

use super::*;
use crate::engine::cluster::handshake::sasl::Authenticator;
use crate::engine::cluster::metadata::apply::Applied;

const MS: Duration = Duration::from_millis(1);
const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

struct Stage {
    cx: Context,
    nodes: Nodes,
    lanes: Lanes,
    metadata: Metadata,
    topic: Arc<str>,
}

type Reply = oneshot::Receiver<Result<(), SendError>>;

fn stage() -> Stage {
    let mut cx = Context::of(&[], Instant::now());
    let mut nodes = Nodes::new(&cx.settings, Authenticator::new([0; 32]));
    for id in [ONE, TWO] {
        assert!(nodes.meet(&mut cx, id, "here".to_owned(), 1).is_none());
    }
    Stage {
        metadata: Metadata::new(cx.settings.retry_backoff),
        lanes: Lanes::new(Arc::clone(&cx.accumulator)),
        cx,
        nodes,
        topic: "orders".into(),
    }
}

/// What is told of a topic: who leads its partitions, in which epoch.
fn topic(name: &str, id: u128, leaders: &[(NodeId, i32)]) -> LeadersTopic {
    let partitions = leaders.iter().zip(0..);
    let partitions = partitions.map(|((leader, epoch), index)| {
        LeadersPartition::default()
            .with_partition_index(index)
            .with_leader_id(leader.0)
            .with_leader_epoch(*epoch)
    });
    LeadersTopic::default()
        .with_name(Some(name.to_owned()))
        .with_topic_id(Uuid(id.to_be_bytes()))
        .with_partitions(partitions.collect())
}

impl Stage {
    /// A caller waits for the topic, or for one of its partitions.
    fn wait(&mut self, partition: Option<i32>) -> Reply {
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter {
            partition,
            since: self.cx.now,
            deadline: self.cx.now + MS * 1000,
            reply,
        };
        self.metadata.wait_for(&mut self.cx, &self.topic, waiter);
        answer
    }

    fn told(&mut self, topic: LeadersTopic) -> Applied {
        let Self {
            cx,
            nodes,
            lanes,
            metadata,
            ..
        } = self;
        let applied = metadata.apply(cx, nodes, lanes, vec![topic]);
        metadata.show(cx, nodes, lanes, &[], &applied);
        self.cx.notices.drain(..).for_each(|notice| notice.tell());
        applied
    }

    /// The lane of one of the topic's partitions, which a caller writes to.
    fn write(&mut self, partition: i32) -> LaneKey {
        let cluster = self.cx.handle.cluster();
        let queue = cluster.topic(&self.topic).unwrap().queue(partition);
        let (metadata, lanes) = (&mut self.metadata, &mut self.lanes);
        let key = metadata.lane_for(queue.unwrap(), lanes, self.cx.now);
        key.unwrap()
    }

    /// The partitions that callers see to have a leader.
    fn seen(&self) -> Option<Vec<i32>> {
        let cluster = self.cx.handle.cluster();
        Some(cluster.topic(&self.topic)?.available.clone())
    }

    fn is_missing(&self) -> bool {
        self.metadata.updates.lack_any(&[Arc::clone(&self.topic)])
    }
}

fn is_served(reply: &mut Reply) -> bool {
    matches!(reply.try_recv(), Ok(Some(Ok(()))))
}

#[test]
fn callers_see_a_topic_when_it_is_told_of_and_wait_for_no_longer() {
    let mut stage = stage();
    let (mut any, mut second) = (stage.wait(None), stage.wait(Some(1)));
    assert!(stage.is_missing() && stage.seen().is_none());
    stage.told(topic("orders", 1, &[(ONE, 0)]));
    assert_eq!(stage.seen(), Some(vec![0]));
    assert!(is_served(&mut any) && !is_served(&mut second));
    assert!(
        stage.is_missing(),
        "a caller waits for the second partition"
    );
    stage.told(topic("orders", 1, &[(ONE, 0), (NodeId(3), 0)]));
    assert_eq!(stage.seen(), Some(vec![0]), "nobody knows that broker");
    assert!(is_served(&mut second) && stage.is_missing());
    stage.told(topic("orders", 1, &[(ONE, 0), (TWO, 0)]));
    assert_eq!(stage.seen(), Some(vec![0, 1]));
    assert!(!stage.is_missing());
}

#[test]
fn a_topic_that_is_said_to_be_gone_is_not_seen_and_comes_back_with_its_queues() {
    let mut stage = stage();
    let _answer = stage.wait(None);
    stage.told(topic("orders", 1, &[(ONE, 0)]));
    let lane = stage.write(0);
    let gone = LeadersTopic::default()
        .with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        .with_name(Some("orders".to_owned()));
    assert!(stage.told(gone).gone.is_empty());
    assert!(stage.seen().is_none() && stage.is_missing());
    assert!(!is_served(&mut stage.wait(None)));
    stage.told(topic("orders", 1, &[(ONE, 0)]));
    assert_eq!(stage.seen(), Some(vec![0]));
    assert_eq!(stage.write(0), lane);
}

#[test]
fn a_written_and_an_unwritten_partition_believe_the_same_of_a_leader() {
    let mut stage = stage();
    let _answer = stage.wait(None);
    stage.told(topic("orders", 1, &[(ONE, 5), (ONE, 5)]));
    let written = stage.write(0);
    stage.told(topic("orders", 1, &[(TWO, 4), (TWO, 4)]));
    let unwritten = stage.write(1);
    for lane in [written, unwritten] {
        assert_eq!(stage.lanes[lane].leader(), Some(ONE), "an older epoch");
    }
    let applied = stage.told(topic("orders", 1, &[(TWO, 6), (TWO, 6)]));
    assert_eq!(applied.led_anew, [written, unwritten]);
    for lane in [written, unwritten] {
        assert_eq!(stage.lanes[lane].leader(), Some(TWO));
    }
}

#[test]
fn the_lanes_of_a_topic_made_anew_with_fewer_partitions_are_gone() {
    let mut stage = stage();
    let _answer = stage.wait(None);
    stage.told(topic("orders", 1, &[(ONE, 5), (ONE, 5)]));
    let (kept, left) = (stage.write(0), stage.write(1));
    let applied = stage.told(topic("orders", 2, &[(TWO, 0)]));
    let gone: Vec<LaneKey> = applied.gone.iter().map(|gone| gone.lane).collect();
    assert_eq!(gone, [left]);
    assert_eq!(applied.led_anew, [kept], "its epochs begin anew");
    assert_eq!(stage.seen(), Some(vec![0]));
}

#[test]
fn a_topic_that_never_existed_is_forgotten_when_nobody_waits() {
    let mut stage = stage();
    let mut answer = stage.wait(None);
    assert!(stage.metadata.has_topics());
    stage.cx.now += MS * 1000;
    stage
        .metadata
        .due(&mut stage.cx, Some(&WaitReason::NoBroker));
    stage.cx.notices.drain(..).for_each(|notice| notice.tell());
    match answer.try_recv() {
        Ok(Some(Err(SendError::TopicUnknown { last, .. }))) => {
            assert_eq!(last, Some(WaitReason::NoBroker));
        }
        other => panic!("{other:?}"),
    }
    assert!(!stage.metadata.has_topics());
}

/// A request about a new topic waits for no pause: one that nobody wants any more must not shorten it for
/// the others.
#[test]
fn a_new_topic_whose_callers_are_refused_is_not_asked_about() {
    let mut stage = stage();
    let _answer = stage.wait(None);
    let now = stage.cx.now;
    assert_eq!(stage.metadata.next_request(now), Some(now));
    let refusal = SendError::Closed;
    stage.metadata.refuse_waiters(&mut stage.cx, &refusal);
    assert_eq!(stage.metadata.next_request(now), None);
}
