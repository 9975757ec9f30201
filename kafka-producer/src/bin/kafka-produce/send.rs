//! `kafka-produce send`: every row becomes a record, and what became of each is told.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kafka_producer::blocking::Producer;
use kafka_producer::{SendError, TransactionError};

use crate::arguments::{OnError, Send};
use crate::committing::Committing;
use crate::configuration;
use crate::entry::Entry;
use crate::grouping::{Grouping, NotSent};
use crate::input::{BytesRead, Input};
use crate::ledger::Ledger;
use crate::pace::Pace;
use crate::progress::{Figures, Reading, Speed};
use crate::reading::{Flow, Sink, read_all};
use crate::recipe::{Place, Recipe};
use crate::screen::{Progress, Screen};
use crate::stall::{Seen, Stall};
use crate::warnings;

/// What is accepted is delivered within this after a signal.
const TIME_LIMIT_AFTER_SIGNAL: Duration = Duration::from_secs(30);
/// A commit that runs when the producer is closed has an outcome within this.
const TIME_LIMIT_OF_A_COMMIT: Duration = Duration::from_secs(10);
/// As a shell says it.
const ENDED_BY_A_SIGNAL: u8 = 130;
/// How often progress is drawn, and failures are told.
const GLANCE: Duration = Duration::from_millis(200);

/// Sends all of the input.
pub(crate) fn run(task: &Send) -> Result<ExitCode> {
    let config = configuration::of_sending(task)?;
    let checked = configuration::check(&config)?;
    if task.transaction.is_some() && checked.transactional_id().is_none() {
        bail!("--transaction takes a name for its transactions: -X transactional.id=NAME");
    }
    if task.transaction.is_none() && checked.transactional_id().is_some() {
        bail!("transactional.id is set: give --transaction file, or a number of records");
    }
    let input = Input::new(task, checked.max_request_size())?;
    let shared = Arc::new(Shared::new(task));
    warnings::tell_of(&checked);
    warnings::hide();
    let producer: Producer<[u8], [u8]> = Producer::builder().config(config).build()?;
    shared.clone().close_on_signal(&producer)?;
    producer.connect()?;
    warnings::show_on(Arc::clone(&shared.screen));
    let stall = Stall::new(producer.clone(), Instant::now());
    let glances = Glances::begin(Arc::clone(&shared), input.progress(), stall);
    let read = send_all(task, &input, &shared, &producer);
    producer.close(match shared.is_interrupted() {
        true => TIME_LIMIT_AFTER_SIGNAL,
        false => Duration::MAX,
    })?;
    glances.end();
    shared.end(read)
}

fn send_all(
    task: &Send,
    input: &Input,
    shared: &Shared,
    producer: &Producer<[u8], [u8]>,
) -> Result<Flow> {
    let grouping = Grouping::begin(producer, task.transaction);
    let mut sending = Sending {
        shared,
        grouping: grouping.context("transactions cannot begin")?,
        pace: task.rate.map(|rate| Pace::new(rate, Instant::now())),
        on_error: task.on_error,
    };
    let read = read_all(input, &Recipe::new(task), &mut sending);
    match read {
        Ok(Flow::GoesOn) => sending.commit("the last transaction"),
        stopped => {
            sending.abort();
            stopped
        }
    }
}

/// What the reader, the thread that draws and the one that waits for a signal have in common.
struct Shared {
    ledger: Mutex<Ledger>,
    screen: Arc<Mutex<Screen>>,
    begun: Instant,
    is_quiet: bool,
    is_interrupted: AtomicBool,
    committing: Committing,
    /// Somebody tells the last words.
    is_ending: AtomicBool,
}

impl Shared {
    fn new(task: &Send) -> Self {
        let progress = match task.quiet {
            true => Progress::Hidden,
            false => Progress::Shown,
        };
        Self {
            ledger: Mutex::new(Ledger::new(task.transaction)),
            screen: Arc::new(Mutex::new(Screen::new(progress))),
            begun: Instant::now(),
            is_quiet: task.quiet,
            is_interrupted: AtomicBool::new(false),
            committing: Committing::default(),
            is_ending: AtomicBool::new(false),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::SeqCst)
    }

    fn tell_messages(&self, messages: Vec<String>) {
        if !messages.is_empty() {
            let mut screen = self.screen();
            messages.iter().for_each(|message| screen.say(message));
        }
    }

    /// The last words; if somebody else says them, that ends the program.
    fn end(&self, read: Result<Flow>) -> Result<ExitCode> {
        if self.is_ending.swap(true, Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
        let in_doubt = self.committing.wait(TIME_LIMIT_OF_A_COMMIT);
        self.screen().clear();
        let mut ledger = self.ledger();
        ledger.perhaps_committed(in_doubt.unwrap_or_default());
        ledger.settle_all();
        self.tell_messages(ledger.take_messages());
        let counts = ledger.counts();
        let is_well = counts.failed == 0 && matches!(read, Ok(Flow::GoesOn));
        if !(self.is_quiet && is_well) {
            let summary = ledger.summary(self.begun.elapsed()).to_string();
            self.screen().say(&summary);
        }
        Ok(match read? {
            _ if self.is_interrupted() => ExitCode::from(ENDED_BY_A_SIGNAL),
            _ if is_well => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    /// SIGTERM and SIGINT: what was accepted is still sent, for a while. The reader may wait for a row that never
    /// comes, so what became of all is told here. A second signal ends the program at once.
    fn close_on_signal(self: Arc<Self>, producer: &Producer<[u8], [u8]>) -> Result<()> {
        let producer = producer.clone();
        ctrlc::set_handler(move || {
            if self.is_interrupted.swap(true, Ordering::SeqCst) {
                std::process::exit(ENDED_BY_A_SIGNAL.into());
            }
            self.screen()
                .say("interrupted: what was accepted is delivered; once more ends at once");
            let (shared, producer) = (Arc::clone(&self), producer.clone());
            thread::spawn(move || {
                // Not in a callback, so that it is not refused.
                let _ = producer.close(TIME_LIMIT_AFTER_SIGNAL);
                let _ = shared.end(Ok(Flow::Stops));
                std::process::exit(ENDED_BY_A_SIGNAL.into());
            });
        })
        .context("cannot listen to signals")
    }
}

/// Sends entries, one after the other.
struct Sending<'p> {
    shared: &'p Shared,
    grouping: Grouping<'p>,
    pace: Option<Pace>,
    on_error: OnError,
}

impl Sink for Sending<'_> {
    fn take(&mut self, entry: &mut Entry, place: Place<'_>) -> Result<Flow> {
        self.wait_for_its_turn();
        let bytes = entry.size();
        match self.grouping.send(entry) {
            Ok(delivery) => {
                let mut ledger = self.shared.ledger();
                ledger.accepted(delivery, place, bytes);
                let oldest = ledger.oldest_of_too_many();
                drop(ledger);
                if let Some(oldest) = oldest {
                    oldest.wait();
                    self.shared.ledger().settle(oldest);
                }
            }
            Err(NotSent::Refused(error)) => {
                // The signal is told of, not this.
                if !self.shared.is_interrupted() {
                    self.shared.ledger().refused(place, &error.to_string());
                }
                if self.grouping.is_transactional() || concerns_all(&error) {
                    return Ok(Flow::Stops);
                }
            }
            Err(NotSent::NoTransaction(_)) if self.shared.is_interrupted() => {
                return Ok(Flow::Stops);
            }
            Err(NotSent::NoTransaction(error)) => {
                return Err(error).context(format!("{place}: no transaction can begin"));
            }
        }
        if self.grouping.is_full() {
            return self.commit(&format!("the transaction that ends with {place}"));
        }
        Ok(self.judge())
    }

    fn bad(&mut self, place: Place<'_>, why: &str) -> Flow {
        self.shared.ledger().bad_row(place, why);
        match self.on_error {
            OnError::Skip => self.judge(),
            OnError::Stop => Flow::Stops,
        }
    }

    fn file_ends(&mut self, name: &str) -> Result<Flow> {
        match self.grouping.ends_with_file() {
            true => self.commit(name),
            false => Ok(self.judge()),
        }
    }
}

impl Sending<'_> {
    /// Whether anything is sent after this.
    fn judge(&self) -> Flow {
        let failed = self.shared.ledger().counts().failed;
        match self.on_error {
            _ if self.shared.is_interrupted() => Flow::Stops,
            OnError::Stop if failed > 0 => Flow::Stops,
            // Its transaction will be aborted.
            OnError::Skip if failed > 0 && self.grouping.is_transactional() => Flow::Stops,
            _ => Flow::GoesOn,
        }
    }

    fn wait_for_its_turn(&mut self) {
        if let Some(pace) = &mut self.pace {
            let until = Instant::now();
            let until = until + pace.take(until);
            while let Some(left) = until.checked_duration_since(Instant::now())
                && !left.is_zero()
                && !self.shared.is_interrupted()
            {
                // Nobody unparks this thread: it is how a thread waits for a time.
                thread::park_timeout(left.min(GLANCE));
            }
        }
    }

    /// Commits what is open.
    fn commit(&mut self, what: &str) -> Result<Flow> {
        let Some(records) = self.grouping.records() else {
            return Ok(self.judge());
        };
        // The last words wait until its outcome is counted.
        let _running = self.shared.committing.begin(records);
        match self.grouping.commit() {
            Ok(()) => self.shared.ledger().committed(records),
            Err(error) => return self.not_committed(what, records, error),
        }
        Ok(self.judge())
    }

    fn not_committed(&self, what: &str, records: u64, error: TransactionError) -> Result<Flow> {
        if !matches!(error, TransactionError::Abortable(_)) {
            self.shared.ledger().perhaps_committed(records);
        }
        let error = not_committed(what, error);
        if !self.shared.is_interrupted() {
            return Err(error);
        }
        // The thread that waits for the signal ends the program, and knows nothing of this.
        self.shared.screen().say(&format!("{error:#}"));
        Ok(Flow::Stops)
    }

    /// Nothing of what is open becomes visible.
    fn abort(&mut self) {
        let Some((records, ended)) = self.grouping.abort() else {
            return;
        };
        let messages = self.shared.ledger().take_messages();
        self.shared.tell_messages(messages);
        let how = match ended {
            Ok(()) => "aborted".to_owned(),
            // The producer is closed, which aborts it, or it cannot be reached.
            Err(error) => format!("not committed ({error})"),
        };
        let message =
            format!("the open transaction is {how}: none of its records is visible ({records})");
        self.shared.screen().say(&message);
    }
}

/// What is said of a transaction that was not committed, or perhaps not.
fn not_committed(what: &str, error: TransactionError) -> anyhow::Error {
    let context = match &error {
        TransactionError::Abortable(_) => format!("{what}: aborted, nothing of it is visible"),
        _ => format!("{what}: it is not known whether it was committed"),
    };
    anyhow::Error::new(error).context(context)
}

/// Whether the next record would fail as well, perhaps after a long wait.
fn concerns_all(error: &SendError) -> bool {
    !matches!(
        error,
        SendError::Serialize { .. }
            | SendError::InvalidTopic { .. }
            | SendError::TopicRefused { .. }
            | SendError::PartitionOutOfRange { .. }
            | SendError::InvalidPartition { .. }
            | SendError::InvalidTimestamp { .. }
            | SendError::RecordTooLarge { .. }
    )
}

/// A thread that tells failures as they come, and draws the progress.
struct Glances {
    end: Arc<(Mutex<bool>, Condvar)>,
    thread: thread::JoinHandle<()>,
}

impl Glances {
    fn begin(shared: Arc<Shared>, read: Arc<BytesRead>, mut stall: Stall) -> Self {
        let end = Arc::new((Mutex::new(false), Condvar::new()));
        let ended = Arc::clone(&end);
        let thread = thread::spawn(move || {
            let mut speed = Speed::default();
            while !is_over(&ended) {
                glance(&shared, &read, &mut speed, &mut stall);
            }
        });
        Self { end, thread }
    }

    fn end(self) {
        let (is_over, changed) = &*self.end;
        *is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        // A panic of it was told.
        let _ = self.thread.join();
    }
}

/// Waits for the next glance; gives whether there is none.
fn is_over((is_over, changed): &(Mutex<bool>, Condvar)) -> bool {
    let guard = is_over.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_timeout_while(guard, GLANCE, |is_over| !*is_over);
    let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
    *guard
}

fn glance(shared: &Shared, read: &BytesRead, speed: &mut Speed, stall: &mut Stall) {
    let mut ledger = shared.ledger();
    ledger.look();
    let (counts, unacknowledged) = (ledger.counts(), ledger.unacknowledged());
    let mut messages = ledger.take_messages();
    let oldest = ledger.oldest();
    drop(ledger);
    messages.extend(stall.look(Seen {
        at: Instant::now(),
        delivered: counts.delivered,
        oldest,
    }));
    shared.tell_messages(messages);
    speed.note(Reading {
        at: Instant::now(),
        delivered: counts.delivered,
        bytes_delivered: counts.bytes,
        bytes_read: read.read(),
    });
    let mut screen = shared.screen();
    if screen.shows_progress() {
        let mut figures = Figures {
            delivered: counts.delivered,
            unacknowledged,
            errors: counts.failed + counts.bad_rows,
            ..Figures::default()
        };
        speed.tell(read.total(), &mut figures);
        let columns = screen.columns();
        screen.draw(figures.line(columns));
    }
}
