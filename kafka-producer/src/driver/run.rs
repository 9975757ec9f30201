//! The producer's thread: from its start, through its one task, to its end.
//!
//! The task goes round until there is nothing to do, then sleeps until the doorbell rings, a socket is
//! ready or the alarm goes off. What is to be told to callers is told between rounds, when the driver's
//! lock is free.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kafka_accumulator::{Doorbell, Panic, Sleep, catch_panic};
use tokio::runtime::Runtime;

use super::alarm::Alarm;
use super::batch_spans::{BatchSpans, SentBatches};
use super::compressor::Compressor;
use super::foreign_calls::{Answered, Dials, ForeignCalls, Tokens};
use super::inline_drive::InlineWaker;
use super::round::{Driver, Outside, Round, Way};
use super::securing::Securing;
use super::shared::SharedDriver;
use crate::config::Provided;
use crate::dialer::Dialer;
use crate::engine::{Engine, Gathering, Notices};
use crate::reporting::Running;
use crate::security::{Sasl, TlsClient};
use crate::settings::Settings;
use crate::{own_thread, warnings};

/// What connections are made with, beside the settings.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) tls: Option<TlsClient>,
    /// What no warning may show.
    pub(crate) provided: Provided,
    /// Instead of TCP.
    pub(crate) dialer: Option<Arc<dyn Dialer>>,
}

/// Runs an engine on a thread of its own until it has ended.
pub(crate) fn spawn(
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
    network: Network,
    running: Option<Running>,
) -> io::Result<()> {
    let dialer = network.dialer.clone();
    let (driver, runtime) = prepare(engine, settings, doorbell, network)?;
    let name = format!("kafka-producer {}", driver.settings.client_id);
    let thread = std::thread::Builder::new().name(name);
    let life = move || {
        run(driver, dialer, runtime);
        drop(running);
    };
    thread.spawn(life).map(drop)
}

fn prepare(
    engine: Engine,
    settings: Arc<Settings>,
    doorbell: Arc<Doorbell>,
    network: Network,
) -> io::Result<(Driver, Runtime)> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Alarm::enable(runtime.enable_io());
    let fetches_tokens = matches!(
        settings.security.sasl,
        Some(Sasl::OAuthBearer(_) | Sasl::AwsMskIam(_))
    );
    if fetches_tokens || network.dialer.is_some() {
        // Code of others may count on the timers of tokio; nothing else here uses them.
        runtime.enable_time();
    }
    let runtime = runtime.build()?;
    let compressor = match settings.codecs.compress() {
        false => None,
        true => Some(Compressor::start(settings.codecs.clone(), &doorbell)?),
    };
    let alarm = {
        let _context = runtime.enter();
        Alarm::new()?
    };
    let tls = network.tls;
    let securing = tls.map(|tls| Securing::new(tls, network.provided));
    let way = match network.dialer {
        None => Way::Tcp,
        Some(_) => Way::Dialer,
    };
    let network = (securing, way);
    let driver = Driver::new(engine, settings, doorbell, compressor, network, alarm);
    Ok((driver, runtime))
}

/// The life of the thread.
fn run(driver: Driver, dialer: Option<Arc<dyn Dialer>>, runtime: Runtime) {
    let _own = own_thread::enter();
    let mut task = Task::new(driver, dialer);
    let driven = {
        let round = poll_fn(|context| task.poll(context));
        catch_panic(|| runtime.block_on(tokio::task::unconstrained(round)))
    };
    task.end(driven.and_then(|driven| driven));
}

/// What the thread does: round after round until there is nothing to do; then it sleeps until the doorbell wakes it.
struct Task {
    driver: Arc<SharedDriver>,
    doorbell: Arc<Doorbell>,
    /// Kept for its memory.
    notices: Notices,
    batch_spans: BatchSpans,
    /// Kept for the next sleep.
    waker: Option<Arc<InlineWaker>>,
    client_id: Arc<str>,
    tokens: ForeignCalls<Tokens>,
    dials: ForeignCalls<Dials>,
    /// For the next round.
    fetched: Vec<Answered<Tokens>>,
    /// For the next round.
    dialed: Vec<Answered<Dials>>,
    /// When the last round has ended, while it sleeps.
    rests_since: Option<Instant>,
}

impl Task {
    fn new(driver: Driver, dialer: Option<Arc<dyn Dialer>>) -> Self {
        Self {
            doorbell: Arc::clone(&driver.doorbell),
            client_id: Arc::clone(&driver.settings.client_id),
            batch_spans: BatchSpans::of(Arc::clone(&driver.settings.client_id)),
            tokens: ForeignCalls::new(Tokens::new(&driver.settings)),
            dials: ForeignCalls::new(Dials(dialer)),
            fetched: Vec::new(),
            dialed: Vec::new(),
            rests_since: None,
            driver: Arc::new(SharedDriver::new(driver)),
            notices: Notices::default(),
            waker: None,
        }
    }

    /// Until the engine has ended, or a caller's step has panicked.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Panic>> {
        for _ in 0..ROUNDS_PER_POLL {
            let Some(mut driver) = self.driver.lock() else {
                return Poll::Ready(Ok(()));
            };
            if let Some(panic) = driver.defect.take() {
                return Poll::Ready(Err(panic));
            }
            let begun = Instant::now();
            let waited = self.rests_since.take();
            let waited = waited.map_or(Duration::ZERO, |since| begun - since);
            driver.fetched(self.fetched.drain(..));
            driver.dialed(self.dialed.drain(..));
            let round = driver.round(context);
            let now = Instant::now();
            driver.engine.note_round(now, waited, now - begun);
            driver.engine.hand_over(&mut self.notices);
            let ended = driver.engine.has_ended();
            let mut outside = std::mem::take(&mut driver.outside);
            drop(driver);
            self.tell(std::mem::take(&mut outside.sent));
            self.tell_people(&outside);
            if ended {
                return Poll::Ready(Ok(()));
            }
            self.call(outside, context);
            if round == Round::Idle && self.fetched.is_empty() && self.dialed.is_empty() {
                let waker = self.waker(context.waker());
                if self.doorbell.sleep(&waker) == Sleep::Asleep {
                    self.rests_since = Some(now);
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells of batches that were sent, then of those that have ended, which may be the same.
    fn tell(&mut self, sent: SentBatches) {
        self.batch_spans.begin(sent);
        let spans = &mut self.batch_spans;
        self.notices
            .tell_within(|batch, outcome| spans.end(batch, outcome));
    }

    /// Says what people should know, also in the last round.
    fn tell_people(&self, outside: &Outside) {
        for warning in &outside.warnings {
            warnings::tell(warning, &self.client_id);
        }
        for event in &outside.events {
            warnings::tell_event(event, &self.client_id);
        }
    }

    /// Calls code of others, while the lock is free.
    fn call(&mut self, outside: Outside, context: &mut Context<'_>) {
        outside.gatherings.into_iter().for_each(gather_aside);
        self.tokens.obey(outside.token_orders);
        self.fetched = self.tokens.poll(context);
        for left in outside.left {
            let _ = catch_panic(|| drop(left));
        }
        self.dials.obey(outside.dial_orders);
        self.dialed = self.dials.poll(context);
    }

    /// What the doorbell wakes while this sleeps.
    fn waker(&mut self, task: &Waker) -> Waker {
        match &self.waker {
            Some(waker) if waker.task.will_wake(task) => Waker::from(Arc::clone(waker)),
            _ => {
                let (task, driver) = (task.clone(), Arc::downgrade(&self.driver));
                let waker = Arc::new(InlineWaker { task, driver });
                self.waker = Some(Arc::clone(&waker));
                Waker::from(waker)
            }
        }
    }

    /// Drops everything; if the reason is a panic, first reports it to all that still waits.
    fn end(mut self, driven: Result<(), Panic>) {
        let driver = self.driver.take();
        self.doorbell.dismiss();
        if let Some(mut driver) = driver {
            if let Err(panic) = driven {
                // The engine's state may be broken, so that this panics, too: then the batches are dropped.
                let _ = catch_panic(|| driver.engine.fail_after(&panic));
            }
            driver.engine.hand_over(&mut self.notices);
            let sent = std::mem::take(&mut driver.outside.sent);
            self.tell(sent);
            let _ = catch_panic(|| drop(driver));
        }
    }
}

/// Gathers metrics on a thread that ends with it. If there is no thread to be had, the engine is told that nothing
/// was gathered.
fn gather_aside(gathering: Gathering) {
    let thread = std::thread::Builder::new().name("kafka-producer metrics".to_owned());
    drop(thread.spawn(move || gathering.run()));
}

/// After so many rounds the runtime gets a turn: it is what looks at the sockets.
const ROUNDS_PER_POLL: usize = 16;

#[cfg(test)]
mod tests {
    use std::thread;

    use futures_channel::oneshot;
    use kafka_mock::MockCluster;
    use kafka_mock::cluster::{Effect, Fault, When};
    use kafka_partition::RoundRobinPartitioner;
    use kafka_serde::DefaultSerializer;
    use kafka_wire::ApiKey;

    use super::super::dial::Dial;
    use super::super::opening::Opening;
    use super::*;
    use crate::builder::assemble;
    use crate::engine::{NodeId, Seed};
    use crate::error::{Cause, DeliveryError, FatalError, Persistence, SendError};
    use crate::{Producer, ProducerConfig, ProducerRecord};

    /// A producer, and what makes its thread panic: a dial does when this is sent.
    fn producer_that_panics(kafka: &MockCluster) -> (Producer<str, str>, oneshot::Sender<()>) {
        let config = ProducerConfig::new()
            .bootstrap_servers([kafka.bootstrap_servers()])
            .set("linger.ms", "86400000")
            .set("delivery.timeout.ms", "90000000");
        let settings = Arc::new(config.check().unwrap().settings);
        let (engine, appender, doorbell) = assemble(
            &settings,
            Arc::new(RoundRobinPartitioner),
            Seed::for_tests(42),
        );
        let (mut driver, runtime) =
            prepare(engine, settings, doorbell, Network::default()).unwrap();
        let (panic_now, panics) = oneshot::channel();
        let dial = async move {
            let _ = panics.await;
            panic!("a test's defect");
        };
        let dial = Opening::new(Dial::resolving(dial), None);
        driver.dials.insert(NodeId(99), dial);
        thread::spawn(move || run(driver, None, runtime));
        let serializer = Arc::new(<str as DefaultSerializer>::Serializer::default());
        let producer = Producer::new(appender, serializer.clone(), serializer, None);
        (producer, panic_now)
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
        let (producer, panic_now) = producer_that_panics(&kafka);
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
        panic_now.send(()).unwrap();
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
