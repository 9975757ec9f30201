//! Nobody dials, and nobody asks about the cluster, before the pause that the settings want between
//! two attempts is over: it doubles while attempts are in vain. Only what was not asked about for as
//! long as the longest pause, or never, is asked about at once. And while nothing is wrong there is
//! hardly a reason to do either.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_producer::engine::NodeId;
use kafka_producer::settings::{BackoffRange, Settings};
use kafka_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::ground::Ground;
use crate::world::Weather;

/// When a producer has dialed and asked.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    dials: BTreeMap<NodeId, Rate>,
    questions: BTreeMap<NodeId, Rate>,
    metadata: Questions,
}

#[derive(Debug, Default)]
struct Rate {
    last: Option<Instant>,
    second: Option<Instant>,
    times: u32,
}

impl Rate {
    /// Once more; how often in this second.
    fn count(&mut self, now: Instant) -> u32 {
        if self.second.is_none_or(|second| now >= second + SECOND) {
            (self.second, self.times) = (Some(now), 0);
        }
        self.times += 1;
        self.times
    }
}

/// What was asked about the cluster.
#[derive(Debug, Default)]
struct Questions {
    last: Option<Instant>,
    /// Whom the last one was put to, and under which number, until it is answered.
    open: Option<(NodeId, i32)>,
    /// So many in a row were in vain.
    in_vain: u32,
    /// When each topic was last asked about.
    named: BTreeMap<String, Instant>,
}

impl Questions {
    /// Another one. The time between it and the one before, and how long that must be.
    fn ask(
        &mut self,
        now: Instant,
        names: BTreeSet<String>,
        settings: &Settings,
    ) -> Option<(Duration, Duration)> {
        let gap = self.last.map(|last| now - last);
        let range = settings.retry_backoff;
        self.in_vain += u32::from(self.open.is_some());
        let recent = |asked: &Instant| now < *asked + range.max;
        let is_new = |name: &String| !self.named.get(name).is_some_and(recent);
        let allowed = match names.iter().any(is_new) {
            true => Duration::ZERO,
            false => least_pause(range, self.in_vain),
        };
        // After some time without any the series is over.
        if gap.is_some_and(|gap| gap >= range.max) {
            self.in_vain = 0;
        }
        self.named.extend(names.into_iter().map(|name| (name, now)));
        self.last = Some(now);
        gap.map(|gap| (gap, allowed))
    }

    /// The answer. That it says the same as the one before does not mean that it was in vain: who has
    /// begun anew meanwhile has forgotten that.
    fn tell(&mut self, answer: &MetadataResponse) {
        let useless = answer.error_code != ErrorCode::NONE || answer.brokers.is_empty();
        match useless {
            true => self.in_vain += 1,
            false => self.in_vain = 0,
        }
    }
}

impl Rates {
    pub(crate) fn dial(&mut self, ground: &Ground, settings: &Settings, node: NodeId) {
        let now = ground.now();
        let dials = self.dials.entry(node).or_default();
        let gap = dials.last.replace(now).map(|last| now - last);
        let allowed = least_pause(settings.reconnect_backoff, 1);
        if let Some(gap) = gap.filter(|gap| *gap < allowed) {
            let story = format!("{node} is dialed again after {gap:?}, allowed is {allowed:?}");
            ground.broken(PROMISE, story);
        }
        let times = dials.count(now);
        if ground.weather.get() == Weather::Well && times > WELL_DIALS_MAX {
            let story =
                format!("{node} is dialed {times} times in a second, allowed are {WELL_DIALS_MAX}");
            ground.broken(PROMISE, story);
        }
    }

    pub(crate) fn request(&mut self, ground: &Ground, node: NodeId, api: ApiKey) {
        if !QUESTIONS.contains(&api) {
            return;
        }
        let times = self.questions.entry(node).or_default().count(ground.now());
        if ground.weather.get() == Weather::Well && times > WELL_QUESTIONS_MAX {
            let story = format!(
                "{node} is asked {times} times in a second, allowed are {WELL_QUESTIONS_MAX}"
            );
            ground.broken(PROMISE, story);
        }
    }

    /// A question about the cluster.
    pub(crate) fn metadata(
        &mut self,
        ground: &Ground,
        settings: &Settings,
        (node, number): (NodeId, i32),
        request: MetadataRequest,
    ) {
        if !request.allow_auto_topic_creation {
            // It is about one batch, and whether its log is still the same.
            return;
        }
        let topics = request.topics.unwrap_or_default().into_iter();
        let names = topics.filter_map(|topic| topic.name).collect();
        let asked = self.metadata.ask(ground.now(), names, settings);
        if let Some((gap, allowed)) = asked.filter(|(gap, allowed)| gap < allowed) {
            let in_vain = self.metadata.in_vain;
            let story = format!(
                "metadata is asked for again after {gap:?}, allowed is {allowed:?} \
                 ({in_vain} in vain)"
            );
            ground.broken(PROMISE, story);
        }
        self.metadata.open = Some((node, number));
    }

    /// An answer about the cluster.
    pub(crate) fn metadata_told(&mut self, node: NodeId, number: i32, answer: &MetadataResponse) {
        if self.metadata.open == Some((node, number)) {
            self.metadata.open = None;
            self.metadata.tell(answer);
        }
    }
}

/// The pause after so many attempts in vain, at its shortest: it is spread by a fifth.
fn least_pause(range: BackoffRange, in_vain: u32) -> Duration {
    let doubled = range.initial * (1 << in_vain.saturating_sub(1).min(16));
    doubled.min(range.max.max(range.initial)) * 4 / 5
}

const PROMISE: &str = "nobody asks more often than there is reason to";
const SECOND: Duration = Duration::from_secs(1);
/// Connections end that are idle for a tenth of a second.
const WELL_DIALS_MAX: u32 = 20;
const WELL_QUESTIONS_MAX: u32 = 30;
/// What a producer asks about the cluster and itself.
const QUESTIONS: [ApiKey; 6] = [
    ApiKey::METADATA,
    ApiKey::API_VERSIONS,
    ApiKey::FIND_COORDINATOR,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::DESCRIBE_PRODUCERS,
    ApiKey::DESCRIBE_CONFIGS,
];
