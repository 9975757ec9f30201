//! The network: connections that carry bytes, late, in pieces, or not at all.
//!
//! Bytes of one direction of one connection arrive in their order. A connection may end anywhere:
//! then what is on its way arrives up to some byte, and the rest never does. A broker acts on whole
//! requests only; what it answers to somebody who has left is lost. So requests of connections long
//! given up may still reach a broker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_accumulator::Completion;
use kafka_mock::cluster::{Answer, BrokerId, ConnectionId};
use kafka_producer::engine::{Confirm, Input, NodeId, Outgoing, Payload};
use kafka_producer::error::DeliveryError;
use kafka_producer::settings::Address;
use kafka_wire::ApiKey;
use kafka_wire::compression::{Compression, compress};

use crate::checkers::window;
use crate::client::Client;
use crate::pipe::Pipe;
use crate::reading;
use crate::world::{Event, World};

/// A connection, counted through the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

/// One connection between a producer and a broker.
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) node: NodeId,
    /// `None`: nobody listens there.
    pub(crate) broker: Option<BrokerId>,
    stage: Stage,
    /// Requests that the socket has not taken.
    queue: VecDeque<Outgoing>,
    writing: Writing,
    /// What the producer waits for, in order.
    pub(crate) owed: VecDeque<Owed>,
    /// What answers are answers to, for the story.
    asked: BTreeMap<i32, reading::Asked>,
    up: Pipe,
    down: Pipe,
}

/// Who is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dialing,
    Open,
    /// The producer has hung up; its last bytes may be on their way.
    ClientLeft,
    /// The broker, or the network, has gone; the producer may not know yet.
    BrokerLeft,
}

/// Whether the socket is about to take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Idle,
    Planned,
}

/// An answer that is owed to the producer.
pub(crate) struct Owed {
    pub(crate) correlation_id: i32,
    /// Of each batch; empty if it is no produce request.
    pub(crate) batches: Vec<Arc<Completion<DeliveryError>>>,
}

impl Link {
    /// Whether both are there, as far as each knows.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether the producer has a part of an answer only.
    pub(crate) fn is_amid_an_answer(&self) -> bool {
        !self.down.buffer.is_empty()
    }
}

impl World {
    /// Begins a connection.
    pub(crate) fn dial(&mut self, client: usize, node: NodeId, address: &Address) {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        self.counts.connections += 1;
        let detour = self.ailments.detours.get(&address.port);
        let port = detour.unwrap_or(&address.port);
        let broker = self.ailments.addresses.get(port).copied();
        let now = self.now();
        let earlier = self.clients[client].links.insert(node, id);
        if earlier.is_some() {
            let story = format!("{node} is dialed while there is a connection to it");
            self.ground.broken("one connection per broker", story);
        }
        self.links.insert(
            id,
            Link {
                client,
                node,
                broker,
                stage: Stage::Dialing,
                queue: VecDeque::new(),
                writing: Writing::Idle,
                owed: VecDeque::new(),
                asked: BTreeMap::new(),
                up: Pipe::new(now),
                down: Pipe::new(now),
            },
        );
        self.ground.trace.mark("dial", id.0);
        let Client {
            producer, rates, ..
        } = &mut self.clients[client];
        rates.dial(&self.ground, &producer.settings, node);
        let who = &self.clients[client].producer;
        self.ground
            .trace
            .tell(who, || format!("dials {node} at {address}"));
        let at = now + self.latency(broker) * 2;
        self.agenda.push(at, Event::Dialed(id));
    }

    pub(crate) fn dialed(&mut self, id: LinkId) {
        let frozen = self.thaws_at(id).is_some();
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage != Stage::Dialing {
            return;
        }
        let (client, node) = (link.client, link.node);
        let dead = link
            .broker
            .is_none_or(|id| self.ailments.dead.contains(&id));
        if dead {
            link.stage = Stage::BrokerLeft;
            let refused = Input::Lost(node, Arc::from("connection refused"));
            return self.deliver(client, id, refused);
        }
        // The kernel of a frozen broker accepts, until its backlog is full.
        if frozen && self.random.bool() {
            return;
        }
        link.stage = Stage::Open;
        self.deliver(client, id, Input::Opened(node));
    }

    /// The engine wants a request to be written.
    pub(crate) fn queue(&mut self, client: usize, node: NodeId, outgoing: Outgoing) {
        let link = self.clients[client].links.get(&node).copied();
        self.ground.note_attempts(node, link, &outgoing);
        // Whoever was lost in the same round is sent nothing.
        let Some(&id) = self.clients[client].links.get(&node) else {
            return;
        };
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage == Stage::Dialing {
            let story = format!("a request for {node} before the connection is open");
            return self.ground.broken("one connection per broker", story);
        }
        let batches = match &outgoing.payload {
            Payload::Whole(_) => Vec::new(),
            Payload::Produce(order) => order
                .batches()
                .map(|batch| Arc::clone(batch.completion()))
                .collect(),
        };
        link.owed.push_back(Owed {
            correlation_id: outgoing.correlation_id,
            batches,
        });
        let (api, metadata) = match &outgoing.payload {
            Payload::Whole(frame) => (reading::Asked::of(frame).api(), reading::metadata(frame)),
            Payload::Produce(_) => (ApiKey::PRODUCE, None),
        };
        let Client {
            producer,
            rates,
            pauses,
            ..
        } = &mut self.clients[client];
        rates.request(&self.ground, node, api);
        if let Some(request) = metadata {
            let number = outgoing.correlation_id;
            rates.metadata(&self.ground, &producer.settings, (node, number), request);
        }
        pauses.check(&self.ground, node, api);
        window::check_size(self, client, &outgoing);
        if let Some(link) = self.links.get_mut(&id) {
            link.queue.push_back(outgoing);
        }
        window::check(self, client, node);
    }

    /// A socket takes what is queued, at once or a little later.
    pub(crate) fn write_soon(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.queue.is_empty() || link.writing == Writing::Planned {
            return;
        }
        link.writing = Writing::Planned;
        let delay = match self.mishap(10) {
            true => self.some_time(Duration::ZERO, Duration::from_millis(50)),
            false => Duration::ZERO,
        };
        match delay.is_zero() {
            true => self.write(id),
            false => self.agenda.push(self.now() + delay, Event::Write(id)),
        }
    }

    /// The socket takes the next request.
    pub(crate) fn write(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.writing = Writing::Idle;
        if matches!(link.stage, Stage::Dialing | Stage::ClientLeft) {
            return;
        }
        let Some(outgoing) = link.queue.pop_front() else {
            return;
        };
        let (client, node) = (link.client, link.node);
        let (correlation_id, confirm) = (outgoing.correlation_id, outgoing.confirm);
        let frame = self.frame(client, outgoing);
        self.check_way(id, &frame);
        self.counts.requests += 1;
        self.ground.trace.mark("request", id.0);
        self.ground.trace.bytes(&frame);
        let who = &self.clients[client].producer;
        self.ground
            .trace
            .tell(who, || format!("to {node}: {}", reading::request(&frame)));
        if let Some(link) = self.links.get_mut(&id) {
            link.asked
                .insert(correlation_id, reading::Asked::of(&frame));
        }
        self.transmit(id, Direction::Up, frame);
        if confirm == Confirm::Written {
            self.deliver(client, id, Input::Written(node, correlation_id));
        }
        self.write_soon(id);
    }

    /// As the driver does it: compressed once, then framed.
    fn frame(&self, client: usize, outgoing: Outgoing) -> Bytes {
        let order = match outgoing.payload {
            Payload::Whole(frame) => return frame,
            Payload::Produce(order) => order,
        };
        let settings = &self.clients[client].producer.settings;
        // Of every topic the same.
        let chosen = settings.codecs.of("");
        let codec = chosen.compression;
        let raw = order
            .batches()
            .filter(|batch| codec != Compression::None && batch.codec() == Compression::None);
        for batch in raw {
            let records = batch.records();
            let mut compressed = Vec::new();
            compress(codec, chosen.level, &records, &mut compressed).expect("every codec is there");
            if compressed.len() < records.len() {
                drop(records);
                let _ = batch.replace_records(&compressed, codec);
            }
        }
        order.frame().unwrap().into_bytes()
    }

    /// Sends bytes on their way, in one piece or several.
    fn transmit(&mut self, id: LinkId, direction: Direction, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let length = match self.random.u32(..5) {
                0 => self.random.usize(1..=bytes.len()),
                _ => bytes.len(),
            };
            let piece = bytes.split_to(length);
            let broker = self.links.get(&id).and_then(|link| link.broker);
            let late = self.now() + self.latency(broker);
            let Some(link) = self.links.get_mut(&id) else {
                return;
            };
            let pipe = match direction {
                Direction::Up => &mut link.up,
                Direction::Down => &mut link.down,
            };
            pipe.sent += piece.len() as u64;
            pipe.last_arrival = pipe.last_arrival.max(late);
            let event = match direction {
                Direction::Up => Event::ToBroker(id, piece),
                Direction::Down => Event::ToClient(id, piece),
            };
            self.agenda.push(pipe.last_arrival, event);
        }
    }

    /// Bytes reach a broker, which does what the requests ask that are whole by now.
    pub(crate) fn reach_broker(&mut self, id: LinkId, bytes: Bytes) {
        if let Some(at) = self.thaws_at(id) {
            return self.agenda.push(at, Event::ToBroker(id, bytes));
        }
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage == Stage::BrokerLeft {
            return;
        }
        link.up.arrive(&bytes);
        while let Some(link) = self.links.get_mut(&id)
            && link.stage != Stage::BrokerLeft
            && let Some(frame) = link.up.next_frame()
            && let Some(broker) = link.broker
        {
            self.note_end(&frame);
            self.ground.attempts.borrow_mut().came(id, &frame);
            let now = self.broker_time();
            let before = self.cluster.transactions();
            let answer = self.cluster.handle(now, broker, ConnectionId(id.0), frame);
            self.note_late(id, &before);
            self.answered(id, answer);
        }
    }

    /// Time passes for the brokers, who may answer late.
    pub(crate) fn tick(&mut self) {
        let before = self.cluster.transactions();
        for release in self.cluster.tick(self.broker_time()) {
            let id = LinkId(release.connection.0);
            self.note_late(id, &before);
            self.answered(id, release.answer);
        }
    }

    fn answered(&mut self, id: LinkId, answer: Answer) {
        match answer {
            Answer::Send(frame) => {
                let frame = self.with_first_epoch(id, frame);
                let frame = self.mangled(id, frame);
                self.note_misrouted(self.asked_by(id, &frame), &frame);
                self.ground.trace.mark("answer", id.0);
                self.ground.trace.bytes(&frame);
                self.tell_answer(id, &frame);
                self.transmit(id, Direction::Down, frame);
            }
            Answer::Nothing | Answer::Delayed => {}
            Answer::Cut(start) => {
                self.transmit(id, Direction::Down, start);
                self.close_from_afar(id, "the broker broke off its answer");
            }
            Answer::Close => self.close_from_afar(id, "the broker closed the connection"),
        }
    }

    /// An id that is new to everybody may come with any epoch: here with one of the last, so that
    /// epochs are used up.
    fn with_first_epoch(&self, id: LinkId, frame: Bytes) -> Bytes {
        let epoch = self.plan.first_epoch;
        match self.asked_by(id, &frame) {
            Some(asked) if epoch > 0 && !self.plan.is_transactional() => {
                asked.with_epoch(&frame, epoch).unwrap_or(frame)
            }
            _ => frame,
        }
    }

    /// What is answered instead, if something is to be wrong with it.
    fn mangled(&mut self, id: LinkId, frame: Bytes) -> Bytes {
        let Some(mangling) = self.ailments.manglings.front() else {
            return frame;
        };
        let asked = self.asked_by(id, &frame);
        let Some(mangled) = asked.and_then(|asked| asked.mangled(*mangling, &frame)) else {
            return frame;
        };
        self.ground
            .trace
            .tell("network", || format!("answers with {mangling:?}"));
        self.ailments.manglings.pop_front();
        self.counts.mangled += 1;
        mangled
    }

    /// What a frame answers.
    fn asked_by(&self, id: LinkId, frame: &Bytes) -> Option<reading::Asked> {
        let number = frame.get(4..8).and_then(|id| id.first_chunk())?;
        let asked = &self.links.get(&id)?.asked;
        asked.get(&i32::from_be_bytes(*number)).copied()
    }

    fn tell_answer(&self, id: LinkId, frame: &Bytes) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let Some(broker) = link.broker else { return };
        self.ground.trace.tell(broker, || {
            let answer = reading::answer(&link.asked, frame);
            let gone = match link.stage {
                Stage::ClientLeft => " (which has hung up)",
                _ => "",
            };
            format!("to producer {}{gone}: {answer}", link.client)
        });
    }

    pub(crate) fn reach_client(&mut self, id: LinkId, bytes: Bytes) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage == Stage::ClientLeft {
            return;
        }
        link.down.arrive(&bytes);
        let (client, node) = (link.client, link.node);
        while let Some(frame) = self
            .links
            .get_mut(&id)
            .and_then(|link| link.down.next_frame())
        {
            self.deliver(client, id, Input::Received(node, frame));
        }
    }

    /// The producer gives a connection up.
    pub(crate) fn hang_up(&mut self, client: usize, node: NodeId) {
        let Some(id) = self.clients[client].links.remove(&node) else {
            return;
        };
        let who = &self.clients[client].producer;
        self.ground
            .trace
            .tell(who, || format!("hangs up on {node}"));
        self.ground.trace.mark("hang up", id.0);
        self.forget(id);
    }

    /// The producer is done with a connection; what it has sent may still arrive.
    pub(crate) fn forget(&mut self, id: LinkId) {
        let latency = self.latency(None);
        let now = self.now();
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.queue.clear();
        link.owed.clear();
        if link.stage != Stage::Open {
            self.links.remove(&id);
            return;
        }
        link.stage = Stage::ClientLeft;
        link.up.cut(&mut self.random);
        let at = link.up.last_arrival.max(now) + latency;
        self.agenda.push(at, Event::BrokerSeesEnd(id));
    }

    /// The network breaks a connection in both directions.
    pub(crate) fn cut(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage != Stage::Open {
            return;
        }
        self.ground.trace.mark("cut", id.0);
        let (client, node) = (link.client, link.node);
        self.ground.trace.tell("network", || {
            format!("the connection of producer {client} to {node} is cut")
        });
        link.up.cut(&mut self.random);
        link.down.cut(&mut self.random);
        let latency = self.latency(None);
        let now = self.now();
        let told = self.random.u32(..4) > 0;
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let at = link.up.last_arrival.max(now) + latency;
        self.agenda.push(at, Event::BrokerSeesEnd(id));
        // Or nobody tells the producer, who must find out by itself.
        if told {
            let at = link.down.last_arrival.max(now) + latency;
            let why = "connection reset by peer";
            self.agenda.push(at, Event::ClientSeesEnd(id, why));
        }
    }

    /// A broker ends a connection: what it has answered may still arrive.
    pub(crate) fn close_from_afar(&mut self, id: LinkId, why: &'static str) {
        let latency = self.latency(None);
        let now = self.now();
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if let Some(broker) = link.broker {
            self.cluster.disconnected(broker, ConnectionId(id.0));
        }
        match link.stage {
            Stage::ClientLeft => {
                self.links.remove(&id);
            }
            Stage::Open => {
                link.stage = Stage::BrokerLeft;
                link.down.cut(&mut self.random);
                let at = link.down.last_arrival.max(now) + latency;
                self.agenda.push(at, Event::ClientSeesEnd(id, why));
            }
            Stage::Dialing | Stage::BrokerLeft => {}
        }
    }

    pub(crate) fn broker_sees_end(&mut self, id: LinkId) {
        if let Some(at) = self.thaws_at(id) {
            return self.agenda.push(at, Event::BrokerSeesEnd(id));
        }
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if let Some(broker) = link.broker {
            self.cluster.disconnected(broker, ConnectionId(id.0));
        }
        match link.stage {
            Stage::ClientLeft => {
                self.links.remove(&id);
            }
            _ => link.stage = Stage::BrokerLeft,
        }
    }

    pub(crate) fn client_sees_end(&mut self, id: LinkId, why: &'static str) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.stage == Stage::ClientLeft {
            return;
        }
        link.stage = Stage::BrokerLeft;
        let (client, node) = (link.client, link.node);
        self.deliver(client, id, Input::Lost(node, Arc::from(why)));
    }

    /// The engine is told something of a connection.
    pub(crate) fn note_input(&mut self, id: LinkId, input: &Input) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let answered = match input {
            Input::Received(_, frame) => frame.first_chunk().map(|id| i32::from_be_bytes(*id)),
            Input::Written(_, correlation_id) => Some(*correlation_id),
            _ => None,
        };
        link.owed
            .retain(|owed| Some(owed.correlation_id) != answered);
        let (client, asked) = (link.client, answered.and_then(|id| link.asked.get(&id)));
        if let (Input::Received(node, frame), Some(asked)) = (input, asked.copied()) {
            let now = self.now();
            let Client { pauses, rates, .. } = &mut self.clients[client];
            if let Some(pause) = asked.pause(frame) {
                pauses.note(*node, now + pause);
            }
            if let (Some(number), Some(answer)) = (answered, asked.metadata(frame)) {
                rates.metadata_told(*node, number, &answer);
            }
        }
    }

    /// When the broker of a connection does something again, if it is frozen.
    fn thaws_at(&self, id: LinkId) -> Option<Instant> {
        let broker = self.links.get(&id)?.broker?;
        let until = self.ailments.frozen.get(&broker)?;
        (*until > self.now()).then_some(*until)
    }

    fn latency(&mut self, broker: Option<BrokerId>) -> Duration {
        let network = self.plan.network;
        let slow = broker.and_then(|broker| self.ailments.slow.get(&broker));
        let extra = match slow {
            Some((until, extra)) if *until > self.now() => *extra,
            _ => Duration::ZERO,
        };
        extra + self.some_time(network.latency_min, network.latency_max)
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}
