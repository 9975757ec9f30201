//! The driver, and one round of it: what has happened goes to the engine, what the engine wants done is
//! done.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::{Doorbell, Panic};

use super::alarm::Alarm;
use super::compressor::{Compressed, Compressor};
use super::connection::{Connection, Event};
use super::dial::{self, Dial, Tried};
use crate::clock;
use crate::engine::{Action, Engine, Input, NodeId, Outgoing};
use crate::settings::Settings;

/// The engine and everything that carries what it decides.
pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) settings: Arc<Settings>,
    pub(super) doorbell: Arc<Doorbell>,
    compressor: Option<Compressor>,
    pub(super) dials: HashMap<NodeId, Dial>,
    /// What earlier dials have tried.
    tried: HashMap<NodeId, Tried>,
    pub(super) connections: HashMap<NodeId, Connection>,
    pub(super) alarm: Alarm,
    /// Kept for its memory.
    pub(super) events: Vec<(NodeId, Event)>,
    /// A caller's step has panicked: the state may be broken, and the task ends.
    pub(super) defect: Option<Panic>,
}

/// Whether there must be another round: something was begun that this one has not polled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Busy,
    Idle,
}

impl Driver {
    pub(super) fn new(
        engine: Engine,
        settings: Arc<Settings>,
        doorbell: Arc<Doorbell>,
        compressor: Option<Compressor>,
        alarm: Alarm,
    ) -> Self {
        Self {
            engine,
            settings,
            doorbell,
            compressor,
            dials: HashMap::new(),
            tried: HashMap::new(),
            connections: HashMap::new(),
            alarm,
            events: Vec::new(),
            defect: None,
        }
    }

    pub(super) fn round(&mut self, context: &mut Context<'_>) -> Round {
        self.observe_wall_clock();
        if self.doorbell.awake() {
            self.engine.handle(Instant::now(), Input::Tick);
        }
        self.poll_dials(context);
        for (id, connection) in &mut self.connections {
            connection.poll_read(context, |event| self.events.push((*id, event)));
        }
        self.tell_engine();
        let mut round = self.act();
        for (id, connection) in &mut self.connections {
            connection.poll_write(context, |event| self.events.push((*id, event)));
        }
        if self.tell_engine() == Round::Busy {
            self.act();
            round = Round::Busy;
        }
        // Last, because what has happened since may have moved the deadline.
        let dials = self.dials.values().filter_map(Dial::deadline);
        let deadline = dials.chain(self.engine.deadline()).min();
        if self.alarm.poll(deadline, context).is_ready() {
            self.engine.handle(Instant::now(), Input::Tick);
            round = Round::Busy;
        }
        round
    }

    /// Brokers forget a producer by the dates of its records, which follow this clock.
    pub(super) fn observe_wall_clock(&mut self) {
        self.engine
            .observe_wall_clock(Instant::now(), clock::now_ms());
    }

    fn poll_dials(&mut self, context: &mut Context<'_>) {
        let Self {
            dials,
            tried,
            connections,
            events,
            ..
        } = self;
        if dials.is_empty() {
            return;
        }
        let now = Instant::now();
        dials.retain(|id, dial| {
            let Poll::Ready(done) = dial.poll(now, context) else {
                return true;
            };
            tried.insert(*id, dial.take_tried());
            let event = match done {
                Ok(stream) => {
                    connections.insert(*id, Connection::new(stream));
                    Event::Opened
                }
                Err(error) => Event::Lost(error.to_string().into()),
            };
            events.push((*id, event));
            false
        });
    }

    /// Passes the events on.
    fn tell_engine(&mut self) -> Round {
        if self.events.is_empty() {
            return Round::Idle;
        }
        let now = Instant::now();
        let mut events = std::mem::take(&mut self.events);
        for (id, event) in events.drain(..) {
            let input = match event {
                Event::Opened => Input::Opened(id),
                Event::Frame(frame) => Input::Received(id, frame),
                Event::Compressing(correlation_id) => Input::Compressing(id, correlation_id),
                Event::Compressed(correlation_id) => Input::Compressed(id, correlation_id),
                Event::Written(correlation_id) => Input::Written(id, correlation_id),
                Event::Unsendable(correlation_id, why) => {
                    Input::Unsendable(id, correlation_id, why)
                }
                Event::Lost(why) => {
                    self.connections.remove(&id);
                    Input::Lost(id, why)
                }
            };
            self.engine.handle(now, input);
        }
        self.events = events;
        Round::Busy
    }

    /// Does what the engine wants done.
    pub(super) fn act(&mut self) -> Round {
        let mut round = Round::Idle;
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Dial(id, address) => {
                    let tried = self.tried.remove(&id).unwrap_or_default();
                    let dial = dial::dial(address, tried, &self.settings);
                    self.dials.insert(id, dial);
                    round = Round::Busy;
                }
                Action::Drop(id) => {
                    if let Some(mut dial) = self.dials.remove(&id) {
                        self.tried.insert(id, dial.take_tried());
                    }
                    self.connections.remove(&id);
                }
                Action::Send(id, outgoing) => self.send(id, outgoing),
                Action::FetchToken(..) => {}
            }
        }
        round
    }

    fn send(&mut self, id: NodeId, outgoing: Outgoing) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let ready = match &self.compressor {
                Some(compressor) => compressor.compress(&outgoing),
                None => Compressed::at_once(),
            };
            let tell = |event| self.events.push((id, event));
            connection.push(outgoing, ready, tell);
        }
    }
}
