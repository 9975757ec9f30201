//! A producer's process: the real engine, and a driver of virtual time around it.
//!
//! A round is what the driver's is: it sees whether it was rung for or something is due, hands over
//! what came from the network, and does what the engine wants. Between rounds it sleeps by the
//! doorbell. A process can stand still; then the world goes on without it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use kafka_accumulator::{Accumulator, Doorbell, Sleep};
use kafka_producer::engine::{self, Action, Engine, EngineHandle, Input, NodeId, Notices, Seed};
use kafka_producer::settings::Settings;

use crate::checkers::busy::Pace;
use crate::checkers::once;
use crate::checkers::rate::Rates;
use crate::checkers::throttle::Pauses;
use crate::group::{Standing, group_of};
use crate::network::LinkId;
use crate::producer::{LATENESS, Producer};
use crate::world::{Event, World};

/// One producer and its driver.
pub(crate) struct Client {
    pub(crate) engine: Engine,
    /// What it has handed over to be told.
    notices: Notices,
    pub(crate) producer: Rc<Producer>,
    doorbell: Arc<Doorbell>,
    sleeper: Arc<Sleeper>,
    waker: Waker,
    /// The connection to each broker, dialed or open.
    pub(crate) links: BTreeMap<NodeId, LinkId>,
    /// What came from the network since the last round.
    pub(crate) inbox: Vec<(LinkId, Input)>,
    /// The next round; others on the agenda are void.
    round_at: Option<Instant>,
    /// The process stands still until then.
    stalled_until: Option<Instant>,
    is_killed: bool,
    pace: Pace,
    pub(crate) pauses: Pauses,
    pub(crate) rates: Rates,
}

/// Remembers that the doorbell woke it.
#[derive(Default)]
struct Sleeper {
    woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
    }
}

impl Client {
    /// When the process goes on, if it stands still.
    pub(crate) fn stalled(&self, now: Instant) -> Option<Instant> {
        self.stalled_until.filter(|until| *until > now)
    }

    /// Whether the process stands still, or did until just now.
    pub(crate) fn stood_still_lately(&self, now: Instant) -> bool {
        self.stalled_until
            .is_some_and(|until| until + LATENESS >= now)
    }

    /// Whether the doorbell woke it since the last time of asking.
    pub(crate) fn was_woken(&self) -> bool {
        self.sleeper.woken.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.is_killed || self.engine.has_ended()
    }

    /// Whether its process was killed.
    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed
    }

    /// Its process is killed: it never gets a round any more.
    pub(crate) fn kill(&mut self) {
        self.is_killed = true;
        self.inbox.clear();
    }
}

impl World {
    /// Starts a producer; its callers are to follow.
    pub(crate) fn start_client(&mut self, settings: Settings) -> Rc<Producer> {
        let number = self.clients.len();
        let settings = Arc::new(settings);
        let doorbell = Arc::new(Doorbell::new());
        let accumulator =
            Accumulator::new(settings.accumulator, Arc::clone(&doorbell), once::abandoned);
        let accumulator = Arc::new(accumulator);
        let handle = Arc::new(EngineHandle::new(Arc::clone(&doorbell)));
        let engine = Engine::new(
            Arc::clone(&settings),
            Arc::clone(&accumulator),
            Arc::clone(&handle),
            Seed::for_tests(self.random.u64(..)),
            self.now(),
        );
        let producer = Rc::new(Producer::new(
            number,
            settings,
            accumulator,
            handle,
            Rc::clone(&self.ground),
            Arc::clone(&self.next_record),
        ));
        let sleeper = Arc::new(Sleeper::default());
        self.clients.push(Client {
            engine,
            notices: Notices::default(),
            producer: Rc::clone(&producer),
            doorbell,
            waker: Waker::from(Arc::clone(&sleeper)),
            sleeper,
            links: BTreeMap::new(),
            inbox: Vec::new(),
            round_at: None,
            stalled_until: None,
            is_killed: false,
            pace: Pace::default(),
            pauses: Pauses::default(),
            rates: Rates::default(),
        });
        self.plan_round(number, self.now());
        self.set_standing(number, Standing::default());
        producer
    }

    /// The consumer group of this producer has that member from now on.
    pub(crate) fn set_standing(&mut self, client: usize, standing: Standing) {
        self.ground.standings.borrow_mut().insert(client, standing);
        let membership = standing.membership();
        self.cluster.set_membership(&group_of(client), membership);
    }

    /// Makes sure that a producer gets a round at `at`, or earlier.
    pub(crate) fn plan_round(&mut self, client: usize, at: Instant) {
        let at = at.max(self.now());
        let planned = &mut self.clients[client].round_at;
        if planned.is_none_or(|planned| at < planned) {
            *planned = Some(at);
            self.agenda.push(at, Event::Round(client));
        }
    }

    /// Something came from the network.
    pub(crate) fn deliver(&mut self, client: usize, link: LinkId, input: Input) {
        self.clients[client].inbox.push((link, input));
        let at = self.now() + self.lateness();
        self.plan_round(client, at);
    }

    /// The driver's turn.
    pub(crate) fn round(&mut self, number: usize) {
        let now = self.now();
        let client = &mut self.clients[number];
        if client.round_at != Some(now) || client.has_ended() {
            return;
        }
        client.round_at = None;
        if let Some(until) = client.stalled(now) {
            return self.plan_round(number, until);
        }
        self.counts.rounds += 1;
        let rung = client.doorbell.awake();
        let due = client.engine.deadline().is_some_and(|at| at <= now);
        let inputs = self.take_inbox(number);
        let client = &mut self.clients[number];
        let idle = !rung && inputs.is_empty();
        client.pace.round(&self.ground, number, idle);
        let wall_ms = self.ground.clock.wall_ms();
        client.engine.observe_wall_clock(now, wall_ms);
        if rung || due {
            client.engine.handle(now, Input::Tick);
        }
        for (node, input) in inputs {
            let client = &mut self.clients[number];
            self.ground.trace.mark("input", node.0 as u64);
            client.engine.handle(now, input);
        }
        self.act(number);
        self.ask_why(number);
        self.clients[number].pauses.settle();
        self.write_some(number);
        self.rest(number);
    }

    /// What the engine is told now: nothing of connections that it has given up.
    fn take_inbox(&mut self, number: usize) -> Vec<(NodeId, Input)> {
        let client = &mut self.clients[number];
        let inbox = std::mem::take(&mut client.inbox);
        let mut inputs = Vec::with_capacity(inbox.len());
        for (link, input) in inbox {
            let Some(node) = self.links.get(&link).map(|link| link.node) else {
                continue;
            };
            let client = &mut self.clients[number];
            if client.links.get(&node) != Some(&link) {
                continue;
            }
            if matches!(input, Input::Lost(..)) {
                client.links.remove(&node);
                self.forget(link);
            } else {
                self.note_input(link, &input);
            }
            inputs.push((node, input));
        }
        inputs
    }

    /// Does what the engine wants done.
    pub(crate) fn act(&mut self, number: usize) {
        let mut actions = 0;
        while let Some(action) = self.clients[number].engine.poll() {
            actions += 1;
            if actions > ACTIONS_MAX {
                self.ground
                    .broken("nobody is busy for nothing", "poll has no end");
                return;
            }
            // What was decided before this was handed over has ended for who judges it.
            self.tell(number);
            match action {
                Action::Dial(node, address, _) => self.dial(number, node, &address),
                Action::Drop(node) => {
                    self.clients[number].pauses.gave_up(node);
                    self.hang_up(number, node);
                }
                Action::Rename(from, to) => self.rename(number, from, to),
                Action::Tell(event) => self.told_people(number, &event),
                Action::GatherMetrics(gathering) => gathering.run(),
                Action::FetchToken(node, _) => self.fetch_token(number, node),
                Action::Send(node, outgoing) => self.queue(number, node, outgoing),
            }
        }
        self.tell(number);
    }

    fn told_people(&self, number: usize, event: &engine::Event) {
        let who = &self.clients[number].producer;
        self.ground
            .trace
            .tell(who, || format!("tells people: {event}"));
    }

    /// A connection belongs to another broker's id from now on.
    fn rename(&mut self, client: usize, from: NodeId, to: NodeId) {
        let Some(id) = self.clients[client].links.remove(&from) else {
            return;
        };
        let earlier = self.clients[client].links.insert(to, id);
        if earlier.is_some() {
            let story = format!("{to} is given a second connection");
            self.ground.broken("one connection per broker", story);
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.node = to;
        }
    }

    /// Tells callers what the engine has decided, as the driver does after it has unlocked it.
    fn tell(&mut self, number: usize) {
        let client = &mut self.clients[number];
        client.engine.hand_over(&mut client.notices);
        client.notices.tell();
        client.producer.book_callbacks();
    }

    /// Sockets take what is queued, now or a little later.
    fn write_some(&mut self, number: usize) {
        let links: Vec<LinkId> = self.clients[number].links.values().copied().collect();
        for link in links {
            self.write_soon(link);
        }
    }

    /// Sleeps by the doorbell, until the engine's deadline.
    fn rest(&mut self, number: usize) {
        let now = self.now();
        let client = &mut self.clients[number];
        if client.has_ended() {
            self.ground
                .trace
                .tell(&client.producer, || "the engine has ended");
            return;
        }
        let deadline = client.engine.deadline();
        match client.doorbell.sleep(&client.waker) {
            Sleep::Rung => self.plan_round(number, now),
            Sleep::Asleep if !client.inbox.is_empty() => self.plan_round(number, now),
            Sleep::Asleep => {}
        }
        if let Some(at) = deadline {
            let late = match self.random.u32(..4) {
                0 => self.lateness(),
                _ => Duration::ZERO,
            };
            self.plan_round(number, at.max(now) + late);
        }
    }

    /// Lets a producer's process stand still.
    pub(crate) fn stall(&mut self, number: usize, time: Duration) {
        let until = self.now() + time;
        let client = &mut self.clients[number];
        if client.stalled_until.is_none_or(|before| before < until) {
            let before = client.stalled_until.unwrap_or(until).max(self.ground.now());
            let more = match client.stalled_until {
                Some(_) => until.saturating_duration_since(before),
                None => time,
            };
            client.stalled_until = Some(until);
            self.ground.stalled.set(self.ground.stalled.get() + more);
        }
    }
}

/// More than any engine wants at once.
const ACTIONS_MAX: u64 = 100_000;
