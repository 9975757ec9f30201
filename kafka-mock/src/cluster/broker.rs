//! The brokers: where they listen, and whether they answer.
//!
//! ```text
//! Alive ─freeze─▶ Frozen ─silent too long─▶ Fenced ─thaw─▶ Alive
//!   │               └───────────thaw───────────────────────▲
//!   └─kill─▶ Dead ─restart─────────────────────────────────┘
//! ```
//!
//! The rest of the cluster learns at once that a broker died, as its connections break; that one
//! froze it learns when its session is over.

use std::{collections::BTreeMap, time::Instant};

use kafka_wire::ApiKey;

use super::ids::BrokerId;

/// All brokers, by id.
#[derive(Clone, Debug)]
pub(super) struct Brokers {
    by_id: BTreeMap<BrokerId, Broker>,
}

#[derive(Clone, Debug)]
pub(super) struct Broker {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) rack: Option<String>,
    /// Above which versions it offers none, if not as the cluster has it.
    pub(super) caps: Option<Vec<(ApiKey, i16)>>,
    pub(super) state: BrokerState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokerState {
    Alive,
    /// It takes requests and answers nothing; its session is not over. The time is unknown until
    /// the cluster is told the time again.
    Frozen {
        since: Option<Instant>,
    },
    /// The same, and the cluster has given up on it.
    Fenced,
    Dead,
}

impl Brokers {
    /// So many brokers on 127.0.0.1, all alive; the first ones stand in these racks.
    pub(super) fn new(count: u16, racks: &[String]) -> Self {
        let broker = |id: u16| {
            let broker = Broker {
                host: "127.0.0.1".to_owned(),
                port: FIRST_PORT.saturating_add(id - 1),
                rack: racks.get(usize::from(id - 1)).cloned(),
                caps: None,
                state: BrokerState::Alive,
            };
            (BrokerId(i32::from(id)), broker)
        };
        Self {
            by_id: (1..=count).map(broker).collect(),
        }
    }

    pub(super) fn get(&self, id: BrokerId) -> Option<&Broker> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: BrokerId) -> Option<&mut Broker> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = BrokerId> {
        self.by_id.keys().copied()
    }

    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = (BrokerId, &mut BrokerState)> {
        let brokers = self.by_id.iter_mut();
        brokers.map(|(&id, broker)| (id, &mut broker.state))
    }

    /// Those that count as alive, by id.
    pub(super) fn listed(&self) -> impl Iterator<Item = (BrokerId, &Broker)> {
        let brokers = self.by_id.iter().map(|(&id, broker)| (id, broker));
        brokers.filter(|(_, broker)| broker.is_listed())
    }

    /// Whether it counts as alive: it is, or its session is not over yet.
    pub(super) fn is_listed(&self, id: BrokerId) -> bool {
        self.get(id).is_some_and(Broker::is_listed)
    }

    /// Whether it answers requests.
    pub(super) fn is_up(&self, id: BrokerId) -> bool {
        self.get(id)
            .is_some_and(|broker| broker.state == BrokerState::Alive)
    }

    /// Whether it takes requests and answers nothing.
    pub(super) fn is_frozen(&self, id: BrokerId) -> bool {
        let state = self.get(id).map(|broker| broker.state);
        matches!(
            state,
            Some(BrokerState::Frozen { .. } | BrokerState::Fenced)
        )
    }

    pub(super) fn is_dead(&self, id: BrokerId) -> bool {
        self.get(id)
            .is_none_or(|broker| broker.state == BrokerState::Dead)
    }
}

impl Broker {
    fn is_listed(&self) -> bool {
        matches!(self.state, BrokerState::Alive | BrokerState::Frozen { .. })
    }
}

/// The port of the first broker, unless it is told otherwise.
const FIRST_PORT: u16 = 9092;
