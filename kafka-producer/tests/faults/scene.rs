//! One scenario: a whole cluster, a topic, a sender at work, and in the end what was found.
//!
//! The test does the harm; the scene knows when it is healed and how long it took until records were
//! acknowledged again. It prints one line, with the same figures for every scenario.

use std::sync::Arc;
use std::time::Duration;

use kafka_producer::Producer;

use crate::checker::{Findings, check};
use crate::cluster::create_topic;
use crate::ledger::{Ledger, Millis, longest_silence, now};
use crate::load::{Load, Sender, Settings};
use crate::nodes::{Cluster, all_in_sync, wait_for};
use crate::read_back::log_of;

/// Partitions of a topic, so that each node leads some.
pub(crate) const PARTITIONS: usize = 6;
/// How long after a fault, or after its end, some record of every partition may take: for brokers on
/// a busy machine minutes, because it only turns a hang into a failure.
const ACKNOWLEDGEMENT_LIMIT: Duration = Duration::from_secs(300);
/// Records a second, unless a plan says otherwise.
const PACE: u64 = 1000;

/// Settings of a sender that notices soon and does not give up, however long brokers take to start;
/// the defaults otherwise. The small batches make several of a partition be under way at once.
pub(crate) const PERSISTENT: Settings<'_> = &[
    ("request.timeout.ms", "2000"),
    ("delivery.timeout.ms", "900000"),
    ("max.block.ms", "900000"),
    ("batch.size", "200"),
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("retries", "2147483647"),
];

/// A scenario under way.
pub(crate) struct Scene {
    name: &'static str,
    /// How many records are acknowledged after the last fault is over, at least.
    afterwards: usize,
    sender: Sender,
    pub(crate) topic: String,
    load: Load,
    /// When harm was over.
    healed: Vec<Millis>,
    _cluster: Cluster,
}

/// What is needed for a scene beside a sender.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) name: &'static str,
    pub(crate) partitions: usize,
    /// How many copies must be in sync for a record to be taken with `acks=all`; there are three.
    pub(crate) min_in_sync: usize,
    /// Records a second.
    pub(crate) pace: u64,
    pub(crate) settings: Settings<'a>,
}

impl Plan<'static> {
    /// Six partitions of a topic that wants two copies, and a sender that does not give up.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            partitions: PARTITIONS,
            min_in_sync: 2,
            pace: PACE,
            settings: PERSISTENT,
        }
    }
}

impl Scene {
    /// A sender at work on a whole cluster: every partition was acknowledged something.
    pub(crate) async fn open(sender: Sender, plan: Plan<'_>) -> Self {
        let start = |topic: &str| Load::start(sender, topic, plan.pace, plan.settings);
        Self::with(sender, plan, start).await
    }

    /// The same with a producer of ours that has more than settings.
    pub(crate) async fn of(producer: Producer<str, str>, plan: Plan<'_>) -> Self {
        Self::with(Sender::Library, plan, |topic| {
            Load::of(producer, topic, plan.pace)
        })
        .await
    }

    async fn with(sender: Sender, plan: Plan<'_>, start: impl FnOnce(&str) -> Load) -> Self {
        let cluster = Cluster::take().await;
        let min_in_sync = plan.min_in_sync.to_string();
        let settings = [("min.insync.replicas", &*min_in_sync)];
        let partitions = i32::try_from(plan.partitions).unwrap();
        let topic = create_topic("faults", partitions, &settings);
        all_in_sync().await;
        let scene = Self {
            name: plan.name,
            afterwards: usize::try_from(plan.pace / 2).unwrap(),
            sender,
            load: start(&topic),
            topic,
            healed: Vec::new(),
            _cluster: cluster,
        };
        scene.acknowledged_everywhere(plan.partitions, 0).await;
        scene
    }

    /// What the sender was told so far.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.load.ledger
    }

    /// Waits until so many partitions were acknowledged something since `moment`.
    pub(crate) async fn acknowledged_everywhere(&self, partitions: usize, moment: Millis) {
        let what = format!(
            "acknowledgements in {partitions} partitions ({})",
            self.name
        );
        wait_for(&what, ACKNOWLEDGEMENT_LIMIT, || {
            self.ledger().first_acks_since(moment).len() >= partitions
        })
        .await;
    }

    /// Waits until nothing was acknowledged for so long.
    pub(crate) async fn silent_for(&self, duration: Duration) {
        let duration_ms = Millis::try_from(duration.as_millis()).unwrap();
        wait_for("silence", ACKNOWLEDGEMENT_LIMIT, || {
            self.ledger().acked_since(now() - duration_ms) == 0
        })
        .await;
    }

    /// Harm is over now.
    pub(crate) fn healed(&mut self) {
        self.healed.push(now());
    }

    /// Waits until so much was acknowledged since `moment` that the sender is clearly at work.
    pub(crate) async fn worked_since(&self, moment: Millis) {
        wait_for("more records", ACKNOWLEDGEMENT_LIMIT, || {
            self.ledger().acked_since(moment) >= self.afterwards
        })
        .await;
    }

    /// Waits until the sender is at work again, ends it, and compares what it was told with the log.
    pub(crate) async fn close(self) -> (Findings, Arc<Ledger>) {
        let last = self.healed.last().copied().unwrap_or_default();
        self.worked_since(last).await;
        let ledger = self.load.stop().await;
        all_in_sync().await;
        let outcomes = ledger.outcomes();
        let log = log_of(&self.topic).await;
        let findings = check(ledger.sent(), &outcomes, &ledger.in_doubt(), &log);
        let silence = longest_silence(&outcomes);
        println!(
            "\n{:29} {:10} acknowledged {:6}  failed {:5}  lost {:3}  duplicates {:3}  out of order {:3}  \
             recovery {:5.2} s  longest silence {:5.2} s",
            self.name,
            format!("{:?}", self.sender),
            findings.acked,
            findings.failed,
            findings.lost.len(),
            findings.doubled.len(),
            findings.disordered.len(),
            seconds(recovery(&ledger, &self.healed)),
            seconds(silence),
        );
        (findings, ledger)
    }
}

/// The longest time from the end of a harm to the next acknowledgement in every partition.
fn recovery(ledger: &Ledger, healed: &[Millis]) -> Millis {
    let times = healed.iter().flat_map(|moment| {
        let acks = ledger.first_acks_since(*moment).into_values();
        acks.map(move |at| at - moment)
    });
    times.max().unwrap_or(0)
}

fn seconds(time: Millis) -> f64 {
    Duration::from_millis(time).as_secs_f64()
}
