//! Nobody asks, and nobody dials, more often than there is reason to: while nothing is wrong hardly
//! ever, and however wrong it is no more often than the pauses between attempts allow.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_producer::engine::NodeId;
use kafka_producer::settings::Settings;
use kafka_wire::ApiKey;

use crate::ground::Ground;
use crate::world::Weather;

/// How often a producer has dialed and asked in the last second.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    dials: BTreeMap<NodeId, Rate>,
    questions: BTreeMap<NodeId, Rate>,
    metadata: Rate,
}

#[derive(Debug, Default)]
struct Rate {
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

impl Rates {
    pub(crate) fn dial(&mut self, ground: &Ground, settings: &Settings, node: NodeId) {
        let times = self.dials.entry(node).or_default().count(ground.now());
        let allowed = match ground.weather.get() {
            Weather::Well => WELL_DIALS_MAX,
            _ => attempts_in_a_second(settings.reconnect_backoff.initial),
        };
        if times > allowed {
            let story =
                format!("{node} is dialed {times} times in a second, allowed are {allowed}");
            ground.broken(PROMISE, story);
        }
    }

    pub(crate) fn request(
        &mut self,
        ground: &Ground,
        settings: &Settings,
        node: NodeId,
        api: ApiKey,
    ) {
        if !QUESTIONS.contains(&api) {
            return;
        }
        let now = ground.now();
        let times = self.questions.entry(node).or_default().count(now);
        if ground.weather.get() == Weather::Well && times > WELL_QUESTIONS_MAX {
            let story = format!(
                "{node} is asked {times} times in a second, allowed are {WELL_QUESTIONS_MAX}"
            );
            ground.broken(PROMISE, story);
        }
        let allowed = attempts_in_a_second(settings.retry_backoff.initial) + NEW_TOPICS_MAX;
        let judged = METADATA_JUDGED && api == ApiKey::METADATA;
        if judged && self.metadata.count(now) > allowed {
            let story = format!("metadata is asked for {allowed} times in a second, and again");
            ground.broken(PROMISE, story);
        }
    }
}

/// Pauses are up to a fifth shorter than they are set; two windows meet in one.
fn attempts_in_a_second(pause: Duration) -> u32 {
    (SECOND.as_micros() * 5 / 4 / pause.as_micros().max(1)) as u32 * 2 + 4
}

const PROMISE: &str = "nobody asks more often than there is reason to";
const SECOND: Duration = Duration::from_secs(1);
/// Connections end that are idle for a tenth of a second.
const WELL_DIALS_MAX: u32 = 20;
const WELL_QUESTIONS_MAX: u32 = 30;
/// What is new is asked for at once.
const NEW_TOPICS_MAX: u32 = 20;
/// What a producer asks about the cluster and itself.
const QUESTIONS: [ApiKey; 6] = [
    ApiKey::METADATA,
    ApiKey::API_VERSIONS,
    ApiKey::FIND_COORDINATOR,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::DESCRIBE_PRODUCERS,
    ApiKey::DESCRIBE_CONFIGS,
];
/// A producer that is asked to begin anew asks for metadata again at once.
const METADATA_JUDGED: bool = false;
