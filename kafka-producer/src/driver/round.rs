//! The driver, and one round of it: what has happened goes to the engine, what the engine wants done is
//! done.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::{Doorbell, Panic};

use super::alarm::Alarm;
use super::batch_spans::{self, SentBatches};
use super::compressor::{Compressed, Compressor};
use super::connection::{Connection, Event};
use super::dial::{self, Tried};
use super::foreign_calls::{Answered, Dials, Order, Tokens};
use super::opening::Opening;
use super::securing::{Securing, ToSecure};
use super::transport::{Failure, Foreign, Socket, Transport};
use crate::clock;
use crate::engine::{self, Action, Engine, Gathering, Input, NodeId, Outgoing};
use crate::security::Sasl;
use crate::settings::{Address, DnsLookup, Settings};

/// The engine and everything that carries what it decides.
pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) settings: Arc<Settings>,
    pub(super) doorbell: Arc<Doorbell>,
    compressor: Option<Compressor>,
    securing: Option<Securing>,
    way: Way,
    /// Connections to open: begun by the task alone, because files are read for some.
    pub(super) to_dial: Vec<(NodeId, Address)>,
    pub(super) dials: HashMap<NodeId, Opening>,
    /// What earlier dials have tried.
    tried: HashMap<NodeId, Tried>,
    pub(super) connections: HashMap<NodeId, Connection>,
    pub(super) alarm: Alarm,
    /// Kept for its memory.
    pub(super) events: Vec<(NodeId, Event)>,
    /// What code of others is to do, when the lock is free.
    pub(super) outside: Outside,
    /// A caller's step has panicked: the state may be broken, and the task ends.
    pub(super) defect: Option<Panic>,
}

/// How connections are opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Tcp,
    /// By code of others.
    Dialer,
}

/// What only code of others can do, which is called between rounds.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) dial_orders: Vec<Order<(Address, Instant)>>,
    /// Connections that are not used any more, with code of others in them.
    pub(super) left: Vec<Box<dyn Send>>,
    pub(super) token_orders: Vec<Order<Address>>,
    pub(super) warnings: Vec<String>,
    /// Metrics that are to be gathered, which calls code of the program.
    pub(super) gatherings: Vec<Gathering>,
    pub(super) events: Vec<engine::Event>,
    /// For their spans, which call a subscriber.
    pub(super) sent: SentBatches,
}

impl Outside {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            dial_orders,
            left,
            token_orders,
            warnings,
            gatherings,
            events,
            sent,
        } = self;
        let calls = [
            left.is_empty(),
            dial_orders.is_empty(),
            token_orders.is_empty(),
            gatherings.is_empty(),
            sent.is_empty(),
        ];
        calls == [true; 5] && warnings.is_empty() && events.is_empty()
    }
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
        (securing, way): (Option<Securing>, Way),
        alarm: Alarm,
    ) -> Self {
        Self {
            engine,
            settings,
            doorbell,
            compressor,
            securing,
            way,
            to_dial: Vec::new(),
            dials: HashMap::new(),
            tried: HashMap::new(),
            connections: HashMap::new(),
            alarm,
            events: Vec::new(),
            outside: Outside::default(),
            defect: None,
        }
    }

    pub(super) fn round(&mut self, context: &mut Context<'_>) -> Round {
        self.observe_wall_clock();
        if self.doorbell.awake() {
            self.engine.handle(Instant::now(), Input::Tick);
        }
        self.begin_dials();
        self.poll_dials(context);
        for (id, connection) in &mut self.connections {
            connection.poll_read(context, |event| self.events.push((*id, event)));
        }
        self.tell_engine();
        let mut round = self.act();
        for (id, connection) in &mut self.connections {
            connection.poll_write(context, |event| self.events.push((*id, event)));
        }
        self.tell_traffic();
        if self.tell_engine() == Round::Busy {
            self.act();
            round = Round::Busy;
        }
        // Last, because what has happened since may have moved the deadline.
        let dials = self.dials.values().filter_map(Opening::deadline);
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

    /// What token providers have given: for connections that still are the same.
    pub(super) fn fetched(&mut self, answers: impl Iterator<Item = Answered<Tokens>>) {
        let now = Instant::now();
        for Answered { id, answer, .. } in answers {
            let orders = &self.outside.token_orders;
            if !orders.iter().any(|order| order.node() == id) {
                self.engine.handle(now, Input::Token(id, answer));
            }
        }
    }

    /// What the dialer has opened or not: for connections that still are the same.
    pub(super) fn dialed(&mut self, answers: impl Iterator<Item = Answered<Dials>>) {
        for Answered {
            id,
            question: (address, _),
            answer: stream,
        } in answers
        {
            let orders = &self.outside.dial_orders;
            if orders.iter().any(|order| order.node() == id) {
                self.outside.left.extend(stream.ok().map(boxed));
                continue;
            }
            let event = match stream.map(Foreign::new) {
                Ok(stream) => self.enter(id, &address, stream),
                Err(error) => {
                    let why = format!("the dialer has opened no connection: {error}");
                    Some(Failure::Network(why).into())
                }
            };
            self.events.extend(event.map(|event| (id, event)));
        }
    }

    /// Goes on with what the dialer has opened; what is to be told of it at once.
    fn enter(&mut self, id: NodeId, address: &Address, stream: Foreign) -> Option<Event> {
        let Some(to_secure) = self.securing_for(address) else {
            let transport = Transport::Plain(Socket::Foreign(stream));
            self.connections
                .insert(id, Connection::new(transport, None));
            return Some(Event::Opened);
        };
        match Opening::secure(stream, to_secure) {
            Ok(opening) => {
                self.dials.insert(id, opening);
                None
            }
            Err(failure) => Some(failure.into()),
        }
    }

    fn poll_dials(&mut self, context: &mut Context<'_>) {
        let Self {
            dials,
            tried,
            connections,
            events,
            securing,
            ..
        } = self;
        if dials.is_empty() {
            return;
        }
        let now = Instant::now();
        dials.retain(|id, dial| {
            let tell = |event| events.push((*id, event));
            let Poll::Ready(done) = dial.poll(now, context, tell) else {
                return true;
            };
            tried.insert(*id, dial.take_tried());
            let event = match done {
                Ok(opened) => {
                    if let Some(securing) = securing {
                        securing.agreed();
                    }
                    let connection = Connection::new(opened.transport, opened.canonical);
                    connections.insert(*id, connection);
                    Event::Opened
                }
                Err(failure) => failure.into(),
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
                Event::Resolved => Input::Resolved(id),
                Event::Opened => Input::Opened(id),
                Event::Frame(frame) => Input::Received(id, frame),
                Event::Compressing(correlation_id) => Input::Compressing(id, correlation_id),
                Event::Compressed(correlation_id) => Input::Compressed(id, correlation_id),
                Event::Written(correlation_id) => Input::Written(id, correlation_id),
                Event::Unsendable(correlation_id, why) => {
                    Input::Unsendable(id, correlation_id, why)
                }
                Event::Lost(why) => {
                    self.forget(id);
                    Input::Lost(id, why)
                }
                Event::TlsFailed(why) => {
                    self.forget(id);
                    Input::TlsFailed(id, why)
                }
            };
            self.engine.handle(now, input);
        }
        self.events = events;
        Round::Busy
    }

    /// Tells the engine what went through each connection.
    pub(super) fn tell_traffic(&mut self) {
        for (id, connection) in &mut self.connections {
            if let Some(traffic) = connection.take_traffic() {
                self.engine.note_traffic(Instant::now(), *id, &traffic);
            }
        }
    }

    /// Does what the engine wants done.
    pub(super) fn act(&mut self) -> Round {
        let mut round = Round::Idle;
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Dial(id, address, deadline) => {
                    self.order_dial(id, address, deadline);
                    round = Round::Busy;
                }
                Action::Drop(id) => {
                    self.to_dial.retain(|(other, _)| *other != id);
                    if let Some(mut dial) = self.dials.remove(&id) {
                        self.tried.insert(id, dial.take_tried());
                        if dial.is_foreign() {
                            self.outside.left.push(Box::new(dial));
                        }
                    }
                    self.forget(id);
                }
                Action::Rename(from, to) => self.rename(from, to),
                Action::Send(id, outgoing) => self.send(id, outgoing),
                Action::FetchToken(id, address) => self.fetch_token(id, address),
                Action::GatherMetrics(gathering) => self.outside.gatherings.push(gathering),
                Action::Tell(event) => self.outside.events.push(event),
            }
        }
        round
    }

    fn order_dial(&mut self, id: NodeId, address: Address, deadline: Instant) {
        match self.way {
            Way::Tcp => self.to_dial.push((id, address)),
            Way::Dialer => {
                // It resolves names itself.
                self.events.push((id, Event::Resolved));
                let orders = &mut self.outside.dial_orders;
                orders.push(Order::Call(id, (address, deadline)));
            }
        }
    }

    fn begin_dials(&mut self) {
        for (id, address) in std::mem::take(&mut self.to_dial) {
            self.dial(id, address);
        }
    }

    fn dial(&mut self, id: NodeId, address: Address) {
        let to_secure = self.securing_for(&address);
        let tried = self.tried.remove(&id).unwrap_or_default();
        let lookup = match id.is_bootstrap() {
            true => self.settings.dns_lookup,
            false => DnsLookup::UseAllDnsIps,
        };
        let dial = dial::dial(address, lookup, tried, &self.settings);
        self.dials.insert(id, Opening::new(dial, to_secure));
    }

    /// What TLS begins with there, if that is asked for.
    fn securing_for(&mut self, address: &Address) -> Option<ToSecure> {
        let securing = self.securing.as_mut();
        let warning = securing.and_then(|securing| securing.refresh(Instant::now()));
        self.outside.warnings.extend(warning);
        let securing = self.securing.as_ref();
        securing.map(|securing| securing.next(address))
    }

    /// Asks for a token for the broker by the name that it is known by.
    fn fetch_token(&mut self, id: NodeId, mut address: Address) {
        let connection = self.connections.get(&id);
        if let Some(canonical) = connection.and_then(Connection::canonical) {
            address.host = canonical.to_owned();
        }
        let orders = &mut self.outside.token_orders;
        orders.push(Order::Call(id, address));
    }

    fn rename(&mut self, from: NodeId, to: NodeId) {
        if let Some(connection) = self.connections.remove(&from) {
            self.connections.insert(to, connection);
        }
        if let Some(tried) = self.tried.remove(&from) {
            self.tried.insert(to, tried);
        }
    }

    fn forget(&mut self, id: NodeId) {
        let mut connection = self.connections.remove(&id);
        let traffic = connection.as_mut().and_then(Connection::take_traffic);
        if let Some(traffic) = traffic {
            self.engine.note_traffic(Instant::now(), id, &traffic);
        }
        let foreign = connection.filter(Connection::is_foreign);
        self.outside.left.extend(foreign.map(boxed));
        if self.way == Way::Dialer {
            self.outside.dial_orders.push(Order::Forget(id));
        }
        let sasl = self.settings.security.sasl.as_ref();
        if sasl.is_some_and(Sasl::takes_token) {
            self.outside.token_orders.push(Order::Forget(id));
        }
    }

    fn send(&mut self, id: NodeId, outgoing: Outgoing) {
        if batch_spans::are_wanted() {
            let address = self.engine.address_of(id);
            self.outside.sent.note(&outgoing, address);
        }
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

fn boxed<T: Send + 'static>(left: T) -> Box<dyn Send> {
    Box::new(left)
}
