//! One run: a storm, the calm after it, the end, the judgement.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use kafka_mock::cluster::Defect;

use crate::checkers::{memory, once};
use crate::faults::FaultKind;
use crate::ground::{Breach, Ground};
use crate::ledger::Told;
use crate::outbox::{self, Outbox};
use crate::plan::{Ending, Plan};
use crate::trace::Story;
use crate::transactor;
use crate::workload::{self, RECOVERS};
use crate::world::{Counts, Weather, World};

/// What came of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    /// The same for the same run.
    pub(crate) trace: u64,
    pub(crate) breach: Option<Breach>,
    pub(crate) counts: Counts,
    pub(crate) records: Outcomes,
    pub(crate) virtual_time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, trace, .. } = self;
        match &self.breach {
            None => write!(f, "seed {seed} keeps the promises (trace {trace:016x})"),
            Some(breach) => write!(
                f,
                "seed {seed} breaks a promise: {breach}\n    \
                 cargo xtask simulate --seed {seed} --trace"
            ),
        }
    }
}

/// How a run differs from what its seed says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant {
    /// How the brokers lie.
    pub(crate) defect: Option<Defect>,
    /// Which kinds of faults there are, if not all.
    pub(crate) only: Option<Vec<FaultKind>>,
    /// Whether all plans have two-phase commit.
    pub(crate) two_phase: bool,
}

/// What became of records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) delivered: u64,
    pub(crate) not_persisted: u64,
    pub(crate) possibly_persisted: u64,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, story: Story, variant: &Variant) -> Report {
    let ground = Rc::new(Ground::new(seed, story));
    let ran = catch_unwind(AssertUnwindSafe(|| play(seed, variant, &ground)));
    let counts = ran.unwrap_or_else(|_| {
        let place = LAST_PANIC.with_borrow_mut(std::mem::take);
        ground.broken("nothing panics", place);
        Counts::default()
    });
    let mut records = Outcomes::default();
    for (_, entry) in ground.ledger.borrow().records() {
        match entry.told() {
            Some(Told::Delivered(_)) => records.delivered += 1,
            Some(told) if told.is_not_persisted() => records.not_persisted += 1,
            _ => records.possibly_persisted += 1,
        }
    }
    Report {
        seed,
        trace: ground.trace.number(),
        breach: ground.breach(),
        counts,
        records,
        virtual_time: ground.clock.elapsed(),
    }
}

fn play(seed: u64, variant: &Variant, ground: &Rc<Ground>) -> Counts {
    once::begin();
    let mut plan = match &variant.only {
        Some(kinds) => Plan::of_kinds(seed, kinds),
        None => Plan::of(seed),
    };
    if variant.two_phase {
        plan.force_two_phase();
    }
    plan.cluster.defect = variant.defect;
    let plan = Rc::new(plan);
    ground.trace.tell("plan", || format!("\n{plan}"));
    let mut world = World::new(Rc::clone(&plan), Rc::clone(ground));
    let producer = world.start_client(plan.settings.clone());
    for caller in plan.callers.clone() {
        let (producer, plan) = (Rc::clone(&producer), Rc::clone(&plan));
        let tasks = &mut world.tasks;
        if plan.is_two_phase() {
            tasks.spawn(0, outbox::live(producer, Rc::new(Outbox::new(plan))));
        } else if plan.is_transactional() {
            tasks.spawn(0, transactor::transact(producer, plan, caller));
        } else {
            tasks.spawn(0, workload::call(producer, plan, caller));
        }
    }
    let closing = workload::close_in_storm(Rc::clone(&producer), Rc::clone(&plan));
    world.tasks.spawn(0, closing);

    world.weather_the_storm();
    world.settle();
    if plan.ending == Ending::Calm {
        world.probe();
        if !plan.is_transactional() && !ground.has_breach() {
            world.isolate();
        }
    }
    world.close();
    world.end();
    world.judge();
    if ground.has_breach() {
        for client in &world.clients {
            ground
                .trace
                .tell(&client.producer, || format!("{:?}", client.engine));
        }
    }
    world.counts.pushes = world.cluster.pushes().count() as u64;
    world.counts.two_phase = ground.two_phase.borrow().clone();
    world.counts
}

impl World {
    fn weather_the_storm(&mut self) {
        let end = self.now() + self.plan.storm * 2;
        self.run_until(end, |world| world.ground.weather.get() == Weather::Calm);
        // What is frozen, or stands still, goes on by itself.
        let frozen = self.ailments.frozen.values().copied().max();
        let now = self.now();
        let stalled = self.clients.iter().filter_map(|client| client.stalled(now));
        if let Some(until) = stalled.chain(frozen).max().filter(|until| *until > now) {
            self.run_until(until, |_| false);
        }
    }

    /// Every caller comes to its end, and every record has an outcome.
    fn settle(&mut self) {
        let settings = &self.plan.settings;
        let each = settings.max_block + settings.delivery_timeout;
        let records = self.plan.callers.iter().map(|caller| caller.records);
        // Callers go on at their own pace: what is left of their plans takes its time.
        // What has to be completed, stored or prepared takes its time besides.
        let calls = match self.plan.is_two_phase() {
            true => 4,
            false => 1,
        };
        let left = each * 3 + each * calls * records.max().unwrap_or(0) as u32;
        let bound = self.now() + left + self.plan.recovery();
        let settled = self.run_until(bound, |world| world.are_done() && world.is_settled());
        if !settled {
            let (tasks, undecided) = (self.tasks.left(), self.undecided());
            self.ground.broken(
                "when the faults stop, everything ends",
                format!("{tasks} callers and {undecided} records do not"),
            );
        }
    }

    /// Whether every caller is, and nobody is to take the place of another.
    fn are_done(&self) -> bool {
        self.tasks.are_done() && self.successors_planned == 0
    }

    fn is_settled(&self) -> bool {
        let booked = self
            .clients
            .iter()
            .all(|client| !client.producer.has_bookings());
        booked && self.ground.ledger.borrow_mut().first_undecided().is_none()
    }

    /// Coordinators end what nobody has ended.
    fn let_transactions_end(&mut self) {
        let Some(settings) = self.plan.settings.guarantee.transactional() else {
            return;
        };
        let bound = self.now() + settings.timeout + Duration::from_secs(5);
        self.run_until(bound, |_| false);
    }

    fn undecided(&self) -> usize {
        let ledger = self.ground.ledger.borrow();
        let undecided = ledger.records().filter(|(_, entry)| !entry.is_decided());
        undecided.count()
    }

    /// The cluster is well: what is sent now is delivered, and soon.
    fn probe(&mut self) {
        let recovered = self.now() + self.plan.recovery();
        self.run_until(recovered, |_| false);
        self.ground.weather.set(Weather::Well);
        // The latest: others may be fenced.
        let client = self.clients.len() - 1;
        let producer = Rc::clone(&self.clients[client].producer);
        if !producer.is_open() {
            return;
        }
        let plan = Rc::clone(&self.plan);
        match plan.is_transactional() {
            true => self.tasks.spawn(client, transactor::probe(producer, plan)),
            false => self.tasks.spawn(client, workload::probe(producer, plan, 3)),
        }
        let bound = self.now() + self.plan.recovery() * 3;
        if !self.run_until(bound, |world| world.tasks.are_done()) {
            self.ground
                .broken(RECOVERS, "records sent after the faults have no outcome");
        }
    }

    /// Whoever is not closed yet is closed.
    fn close(&mut self) {
        let there = self.clients.iter().enumerate();
        for (client, it) in there.filter(|(_, it)| !it.is_killed()) {
            let producer = Rc::clone(&it.producer);
            let closing = async move { producer.close(None).await };
            self.tasks.spawn(client, closing);
        }
    }

    /// Every producer ends, and lets go of everything.
    fn end(&mut self) {
        let longest = self.clients[0].producer.longest_wait();
        let bound = self.now() + longest + self.plan.recovery() * 2;
        let over = |world: &mut Self| {
            world.tasks.are_done() && world.clients.iter().all(|client| client.has_ended())
        };
        if !self.run_until(bound, over) {
            self.ground.broken(
                "close has an end",
                "the engine has not ended within delivery.timeout.ms",
            );
            return;
        }
        for number in 0..self.clients.len() {
            let links = std::mem::take(&mut self.clients[number].links);
            for link in links.into_values() {
                self.forget(link);
            }
        }
        // Requests on their way are delivered before the logs are read.
        let bound = self.now() + Duration::from_secs(60);
        self.run_until(bound, |world| world.links.is_empty());
        self.let_transactions_end();
        memory::check_returned(self);
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what a panic says for the report, instead of printing it in the midst of others.
pub(crate) fn note_panics() {
    std::panic::set_hook(Box::new(|info| {
        LAST_PANIC.with_borrow_mut(|last| *last = info.to_string());
    }));
}
