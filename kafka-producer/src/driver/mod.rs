//! The driver: carries what the engine decides, and decides nothing.
//!
//! ```text
//!            ┌───────────────────── one thread, one task ────────────────────┐
//! doorbell ─▶│ tick ─▶ engine ─▶ actions ─▶ connections ─▶ sockets           │
//!            │          ▲                        │                           │
//!            │          └────── frames, losses ◀─┘                           │
//!            └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! While nothing is on its way, whoever rings drives for one step himself (`idle_drive`).
//!
//! The task polls everything by itself: the engine, every dial, every connection, one timer. So
//! nothing crosses a thread on the way but the doorbell, and compression, which has threads of its
//! own. What an answer says, or when to try again, is never looked at here.

mod alarm;
mod compressor;
mod connection;
mod dial;
mod idle_drive;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::{Doorbell, Sleep};
use kafka_wire::compression::Compression;

use crate::clock;
use crate::engine::{Action, Engine, Input, NodeId, Outgoing};
use crate::settings::Settings;
use alarm::Alarm;
use compressor::Compressor;
use connection::{Connection, Event};
use dial::Dial;
use idle_drive::Sleeper;

/// Runs an engine on a thread of its own until it has ended.
pub(crate) fn spawn(
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
) -> io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Alarm::enable(runtime.enable_io());
    let runtime = runtime.build()?;
    let compressor = match settings.compression {
        Compression::None => None,
        codec => Some(Compressor::start(
            codec,
            settings.compression_level,
            &doorbell,
        )?),
    };
    let alarm = {
        let _context = runtime.enter();
        Alarm::new()?
    };
    let name = format!("kafka-producer {}", settings.client_id);
    std::thread::Builder::new().name(name).spawn(move || {
        runtime.block_on(async {
            let bell = Arc::clone(&doorbell);
            let driver = Driver::new(engine, settings, bell, compressor, alarm);
            let driver = Arc::new(Mutex::new(driver));
            let task = poll_fn(|context| poll(&driver, &doorbell, context));
            tokio::task::unconstrained(task).await;
        });
    })?;
    Ok(())
}

/// The task: goes round until there is nothing to do, then leaves itself to the doorbell.
fn poll(driver: &Arc<Mutex<Driver>>, doorbell: &Doorbell, context: &mut Context<'_>) -> Poll<()> {
    let mut locked = lock(driver);
    for _ in 0..ROUNDS_PER_POLL {
        let round = locked.round(context);
        if locked.engine.has_ended() {
            return Poll::Ready(());
        }
        if round == Round::Idle {
            let sleeper = locked.sleeper(driver, context.waker());
            if doorbell.sleep(&sleeper) == Sleep::Asleep {
                return Poll::Pending;
            }
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

fn lock(driver: &Mutex<Driver>) -> MutexGuard<'_, Driver> {
    driver.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Driver {
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
    compressor: Option<Compressor>,
    dials: HashMap<NodeId, Dial>,
    connections: HashMap<NodeId, Connection>,
    alarm: Alarm,
    /// Kept to be filled again.
    events: Vec<(NodeId, Event)>,
    /// Kept to be handed out again.
    sleeper: Option<Arc<Sleeper>>,
}

/// Whether there must be another round: something was begun that this one has not polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    Busy,
    Idle,
}

impl Driver {
    fn new(
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
            connections: HashMap::new(),
            alarm,
            events: Vec::new(),
            sleeper: None,
        }
    }

    /// What the doorbell wakes while this sleeps.
    fn sleeper(&mut self, driver: &Arc<Mutex<Self>>, task: &Waker) -> Waker {
        match &self.sleeper {
            Some(sleeper) if sleeper.task.will_wake(task) => Waker::from(Arc::clone(sleeper)),
            _ => {
                let (task, driver) = (task.clone(), Arc::downgrade(driver));
                let doorbell = Arc::clone(&self.doorbell);
                let sleeper = Arc::new(Sleeper {
                    task,
                    driver,
                    doorbell,
                });
                self.sleeper = Some(Arc::clone(&sleeper));
                Waker::from(sleeper)
            }
        }
    }

    fn round(&mut self, context: &mut Context<'_>) -> Round {
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
        let deadline = self.engine.deadline();
        if self.alarm.poll(deadline, context).is_ready() {
            self.engine.handle(Instant::now(), Input::Tick);
            round = Round::Busy;
        }
        round
    }

    /// Brokers forget a producer by the dates of its records, which follow this clock.
    fn observe_wall_clock(&mut self) {
        self.engine
            .observe_wall_clock(Instant::now(), clock::now_ms());
    }

    fn poll_dials(&mut self, context: &mut Context<'_>) {
        let Self {
            dials,
            connections,
            events,
            ..
        } = self;
        dials.retain(|id, dial| match Pin::new(dial).poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(stream)) => {
                connections.insert(*id, Connection::new(stream));
                events.push((*id, Event::Opened));
                false
            }
            Poll::Ready(Err(error)) => {
                events.push((*id, Event::Lost(error.to_string().into())));
                false
            }
        });
    }

    /// Hands over what has happened.
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
    fn act(&mut self) -> Round {
        let mut round = Round::Idle;
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Dial(id, address) => {
                    self.dials.insert(id, dial::dial(address, &self.settings));
                    round = Round::Busy;
                }
                Action::Drop(id) => {
                    self.dials.remove(&id);
                    self.connections.remove(&id);
                }
                Action::Send(id, outgoing) => self.send(id, outgoing),
            }
        }
        round
    }

    fn send(&mut self, id: NodeId, outgoing: Outgoing) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let ready = match &self.compressor {
                Some(compressor) => compressor.compress(&outgoing),
                None => compressor::Compressed::at_once(),
            };
            let tell = |event| self.events.push((id, event));
            connection.push(outgoing, ready, tell);
        }
    }
}

/// After so many rounds the runtime gets a turn: it is what looks at the sockets.
const ROUNDS_PER_POLL: usize = 16;
