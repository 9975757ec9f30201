//! The driver: carries what the engine decides, and decides nothing.
//!
//! ```text
//!            ┌───────────────────── one thread, one task ────────────────────┐
//! doorbell ─▶│ tick ─▶ engine ─▶ actions ─▶ connections ─▶ sockets           │
//!            │          ▲  └──▶ notices   │                                  │
//!            │          └────── frames, losses ◀─┘                           │
//!            └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! Each round is under the driver's lock (`seat`). What is to be told to anybody, as callbacks and
//! wakers are other people's code, is told between rounds, when that is free: on this thread, in the
//! order in which it was decided.
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
mod seat;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::{Doorbell, Panic, Sleep, catch_panic};
use kafka_wire::compression::Compression;
use tokio::runtime::Runtime;

use crate::clock;
use crate::engine::{Action, Engine, Input, NodeId, Notices, Outgoing};
use crate::own_thread;
use crate::settings::Settings;
use alarm::Alarm;
use compressor::Compressor;
use connection::{Connection, Event};
use dial::{Dial, Tried};
use idle_drive::Sleeper;
use seat::Seat;

/// Runs an engine on a thread of its own until it has ended.
pub(crate) fn spawn(
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
) -> io::Result<()> {
    let (driver, runtime) = prepare(engine, settings, doorbell)?;
    let name = format!("kafka-producer {}", driver.settings.client_id);
    let thread = std::thread::Builder::new().name(name);
    thread.spawn(move || run(driver, runtime)).map(drop)
}

fn prepare(
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
) -> io::Result<(Driver, Runtime)> {
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
    let driver = Driver::new(engine, settings, doorbell, compressor, alarm);
    Ok((driver, runtime))
}

/// The life of the thread.
fn run(driver: Driver, runtime: Runtime) {
    let _own = own_thread::enter();
    let mut task = Task::new(driver);
    let driven = {
        let round = poll_fn(|context| task.poll(context));
        catch_panic(|| runtime.block_on(tokio::task::unconstrained(round)))
    };
    task.end(driven.and_then(|driven| driven));
}

/// What the thread does: goes round until there is nothing to do, then leaves itself to the doorbell.
struct Task {
    seat: Arc<Seat>,
    doorbell: Arc<Doorbell>,
    /// Kept to be filled again.
    notices: Notices,
    /// Kept to be handed out again.
    sleeper: Option<Arc<Sleeper>>,
}

impl Task {
    fn new(driver: Driver) -> Self {
        Self {
            doorbell: Arc::clone(&driver.doorbell),
            seat: Arc::new(Seat::new(driver)),
            notices: Notices::default(),
            sleeper: None,
        }
    }

    /// Until the engine has ended, or a caller's step has panicked.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Panic>> {
        for _ in 0..ROUNDS_PER_POLL {
            let Some(mut driver) = self.seat.lock() else {
                return Poll::Ready(Ok(()));
            };
            if let Some(panic) = driver.defect.take() {
                return Poll::Ready(Err(panic));
            }
            let round = driver.round(context);
            driver.engine.hand_over(&mut self.notices);
            let ended = driver.engine.has_ended();
            drop(driver);
            self.notices.tell();
            if ended {
                return Poll::Ready(Ok(()));
            }
            if round == Round::Idle {
                let sleeper = self.sleeper(context.waker());
                if self.doorbell.sleep(&sleeper) == Sleep::Asleep {
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What the doorbell wakes while this sleeps.
    fn sleeper(&mut self, task: &Waker) -> Waker {
        match &self.sleeper {
            Some(sleeper) if sleeper.task.will_wake(task) => Waker::from(Arc::clone(sleeper)),
            _ => {
                let (task, seat) = (task.clone(), Arc::downgrade(&self.seat));
                let sleeper = Arc::new(Sleeper { task, seat });
                self.sleeper = Some(Arc::clone(&sleeper));
                Waker::from(sleeper)
            }
        }
    }

    /// Nothing is driven any more: lets go of everything, and if that is because of a panic, tells
    /// everybody who still waits.
    fn end(mut self, driven: Result<(), Panic>) {
        let driver = self.seat.take();
        self.doorbell.dismiss();
        if let Some(mut driver) = driver {
            if let Err(panic) = driven {
                // What it left behind may make that panic as well: then batches are just dropped.
                let _ = catch_panic(|| driver.engine.fail_after(&panic));
            }
            driver.engine.hand_over(&mut self.notices);
            self.notices.tell();
            let _ = catch_panic(|| drop(driver));
        }
    }
}

struct Driver {
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
    compressor: Option<Compressor>,
    dials: HashMap<NodeId, Dial>,
    /// What earlier dials have tried.
    tried: HashMap<NodeId, Tried>,
    connections: HashMap<NodeId, Connection>,
    alarm: Alarm,
    /// Kept to be filled again.
    events: Vec<(NodeId, Event)>,
    /// A caller's step has panicked, and what it left behind is not to be trusted.
    defect: Option<Panic>,
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
            tried: HashMap::new(),
            connections: HashMap::new(),
            alarm,
            events: Vec::new(),
            defect: None,
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
        let dials = self.dials.values().filter_map(Dial::deadline);
        let deadline = dials.chain(self.engine.deadline()).min();
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

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::thread;
    use std::time::Duration;

    use futures_channel::oneshot;
    use kafka_accumulator::Accumulator;
    use kafka_mock::MockCluster;
    use kafka_mock::cluster::{Effect, Fault, When};
    use kafka_partition::RoundRobinPartitioner;
    use kafka_serde::DefaultSerializer;
    use kafka_wire::ApiKey;

    use super::*;
    use crate::append::RecordAppender;
    use crate::engine::Desk;
    use crate::error::{Cause, DeliveryError, FatalError, Persistence, SendError};
    use crate::{Producer, ProducerConfig, ProducerRecord};

    /// A producer whose thread panics when it is told to: a dial does.
    fn doomed(kafka: &MockCluster) -> (Producer<str, str>, oneshot::Sender<()>) {
        let config = ProducerConfig::new()
            .bootstrap_servers([kafka.bootstrap_servers()])
            .set("linger.ms", "86400000")
            .set("delivery.timeout.ms", "90000000");
        let settings = Arc::new(config.check().unwrap().settings);
        let doorbell = Arc::new(Doorbell::new());
        let accumulator = Arc::new(Accumulator::new(
            settings.accumulator,
            Arc::clone(&doorbell),
            DeliveryError::abandoned,
        ));
        let desk = Arc::new(Desk::new(Arc::clone(&doorbell)));
        let appender = RecordAppender::new(
            Arc::clone(&settings),
            Arc::clone(&accumulator),
            Arc::clone(&desk),
            Arc::new(RoundRobinPartitioner),
        );
        let engine = Engine::new(Arc::clone(&settings), accumulator, desk, 42, Instant::now());
        let (mut driver, runtime) = prepare(engine, settings, doorbell).unwrap();
        let (doom, told) = oneshot::channel();
        let dial = async move {
            let _ = told.await;
            panic!("a test's defect");
        };
        driver.dials.insert(NodeId(99), Dial::resolving(dial));
        thread::spawn(move || run(driver, runtime));
        let serializer = Arc::new(<str as DefaultSerializer>::Serializer::default());
        let producer = Producer::new(appender, serializer.clone(), serializer);
        (producer, doom)
    }

    fn panicked(fatal: &FatalError) -> bool {
        matches!(fatal, FatalError::Panicked { message } if &**message == "a test's defect")
    }

    #[track_caller]
    fn ended_by_the_panic(error: &DeliveryError, persistence: Persistence) {
        let by_it = matches!(error.cause(), Cause::Fatal(fatal) if panicked(fatal));
        assert!(by_it && error.persistence() == persistence, "{error}");
        assert!(error.to_string().contains("a test's defect"), "{error}");
    }

    #[test]
    fn when_the_producers_thread_panics_all_that_waits_is_told_so() {
        let kafka = MockCluster::builder().topic("orders", 2).start_blocking();
        let kafka = kafka.unwrap();
        let silence = Effect::Silence(When::AfterHandling);
        kafka.inject(Fault::new(silence).api(ApiKey::PRODUCE));
        let (producer, doom) = doomed(&kafka);
        let record = |partition| ProducerRecord::new("orders", "tea").partition(partition);
        let send = |partition| pollster::block_on(producer.send(record(partition))).unwrap();
        let sent = send(0);
        let mut flush = Box::pin(producer.flush());
        let mut context = Context::from_waker(Waker::noop());
        assert!(flush.as_mut().poll(&mut context).is_pending());
        let produce = |kafka: &MockCluster| {
            let mut seen = kafka.requests().into_iter();
            seen.any(|seen| seen.api == ApiKey::PRODUCE)
        };
        while !produce(&kafka) {
            thread::yield_now();
        }
        let lingering = send(1);
        let mut unknown = Box::pin(producer.send(ProducerRecord::new("unknown", "tea")));
        assert!(unknown.as_mut().poll(&mut context).is_pending());
        let mut close = Box::pin(producer.close(Duration::from_secs(3_600)));
        doom.send(()).unwrap();
        pollster::block_on(flush).unwrap();
        ended_by_the_panic(&sent.wait().unwrap_err(), Persistence::PossiblyPersisted);
        ended_by_the_panic(&lingering.wait().unwrap_err(), Persistence::NotPersisted);
        for refused in [
            pollster::block_on(unknown),
            pollster::block_on(producer.send(record(0))),
        ] {
            assert!(matches!(&refused, Err(SendError::Fatal(fatal)) if panicked(fatal)));
        }
        pollster::block_on(close.as_mut()).unwrap();
    }
}
