//! The owner of what is pushed to brokers that ask for metrics (KIP-714): which state that is in, what comes next,
//! and what answers mean. Whom to ask is decided by `engine/push_metrics.rs`.
//!
//! ```text
//! Unwanted ─a broker that takes metrics is met─▶ SubscriptionNeeded
//! SubscriptionNeeded ─asked─▶ SubscriptionInProgress ─told─▶ PushNeeded ─due─▶ Gathering ─gathered─▶ PushInProgress
//!        ▲  ▲                          │ nothing is wanted       ▲                                        │  │
//!        │  └──── when it is due ──────┘                         └───────────── accepted ─────────────────┘  │
//!        └───────────────────── refused, or not answered ────────────────────────────────────────────────────┘
//! any ─a code that is final─▶ Off        at the end of close: PushNeeded ─▶ … ─▶ the last PushInProgress ─▶ Off
//! ```
//!
//! Nothing here concerns a record: no memory of theirs is used, and no connection is made.

pub(crate) mod gathered;
pub(crate) mod gathering;
mod names;
#[cfg(feature = "telemetry")]
mod otlp;
#[cfg(not(feature = "telemetry"))]
mod otlp_absent;
mod point;
mod subscription;
#[cfg(test)]
mod tests;
mod totals;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_channel::oneshot;
use kafka_wire::messages::api_versions::ApiVersion;
use kafka_wire::messages::{
    ApiVersionsResponse, GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
    PushTelemetryRequest, PushTelemetryResponse,
};
use kafka_wire::{ErrorCode, Request, Uuid};

pub use gathered::Gathered;
pub use gathering::Gathering;
use gathering::{Order, Source};
use subscription::{DEFAULT_INTERVAL, Subscription, Wanted};
use totals::Totals;
use verdict::{Verdict, verdict};

use crate::engine::context::Context;
use crate::engine::notice::Notice;
use crate::engine::timers::Timer;
use crate::error::ClientInstanceIdError;
use crate::settings::{MetricsPush, Settings};

/// What is pushed, and to whom this client is known by which id.
pub(crate) struct Telemetry {
    state: State,
    /// Given by the first broker that answered.
    instance_id: Option<Uuid>,
    /// Answers in a row that ask for another question at once.
    hurried: u32,
    /// As of the last push that was taken.
    totals: Arc<Totals>,
    life: Life,
    waiters: Vec<Waiter>,
}

enum State {
    /// Nothing is asked or pushed.
    Off(Off),
    /// No broker that was met takes metrics.
    Unwanted,
    /// A broker is to be asked from then on what is wanted; what was wanted last, if that is known.
    SubscriptionNeeded {
        at: Instant,
        known: Option<Arc<Subscription>>,
    },
    /// A broker was asked.
    SubscriptionInProgress { known: Option<Arc<Subscription>> },
    /// Metrics are to be pushed from then on.
    PushNeeded {
        at: Instant,
        subscription: Arc<Subscription>,
    },
    /// They are being gathered.
    Gathering {
        subscription: Arc<Subscription>,
        last: Last,
    },
    /// They are on their way.
    PushInProgress {
        subscription: Arc<Subscription>,
        last: Last,
        totals: Totals,
    },
}

/// Why nothing is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Off {
    /// `enable.metrics.push=false`, or the feature is not built in.
    Disabled,
    /// A broker has refused for good.
    Refused(ErrorCode),
    /// The producer is closed.
    Terminated,
}

/// Whether a push is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    No,
    Yes,
}

/// Whether the producer ends.
#[derive(Clone, Copy, Debug)]
enum Life {
    Open,
    /// All records have outcomes; the last push is waited for until then.
    Closing {
        until: Instant,
    },
}

/// A caller that waits for the id of this client.
struct Waiter {
    since: Instant,
    deadline: Instant,
    reply: oneshot::Sender<Result<Uuid, ClientInstanceIdError>>,
}

/// What is to be done as soon as there is a broker for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ask what is wanted; it has been due since then.
    Ask(Instant),
    /// Gather what is to be pushed, due since then.
    Gather(Instant),
}

/// What is done with metrics that were gathered.
pub(crate) enum Next {
    /// This is sent.
    Push(PushTelemetryRequest, Totals),
    Nothing,
}

impl Telemetry {
    pub(crate) fn new(settings: &Settings) -> Self {
        let state = match settings.metrics_push {
            MetricsPush::On { .. } => State::Unwanted,
            MetricsPush::Off => State::Off(Off::Disabled),
        };
        Self {
            state,
            instance_id: None,
            hurried: 0,
            totals: Arc::default(),
            life: Life::Open,
            waiters: Vec::new(),
        }
    }

    /// A broker has told what it speaks.
    pub(crate) fn met(&mut self, now: Instant, answer: &ApiVersionsResponse) {
        let takes = |api: &ApiVersion| api.api_key == GetTelemetrySubscriptionsRequest::KEY;
        if matches!(self.state, State::Unwanted) && answer.api_keys.iter().any(takes) {
            self.state = State::SubscriptionNeeded {
                at: now,
                known: None,
            };
        }
    }

    /// Whether nothing is due and nobody waits, which is so nearly each time this is asked.
    #[inline]
    pub(crate) fn is_at_rest(&self, now: Instant) -> bool {
        self.waiters.is_empty() && self.due(now).is_none()
    }

    /// What is due now.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        match self.state {
            State::SubscriptionNeeded { .. } if self.is_closing() => None,
            State::SubscriptionNeeded { at, .. } => Some(Due::Ask(at)).filter(|_| at <= now),
            State::PushNeeded { at, .. } => Some(Due::Gather(at)).filter(|_| at <= now),
            State::Off(_)
            | State::Unwanted
            | State::SubscriptionInProgress { .. }
            | State::Gathering { .. }
            | State::PushInProgress { .. } => None,
        }
    }

    /// A timer was due, perhaps for something earlier: arms it for what comes next.
    pub(crate) fn look_again(&self, cx: &mut Context) {
        let next = match self.state {
            State::SubscriptionNeeded { at, .. } | State::PushNeeded { at, .. } => Some(at),
            _ => None,
        };
        let end = match self.life {
            Life::Open => None,
            Life::Closing { until } => Some(until),
        };
        for at in [next, end].into_iter().flatten().filter(|at| *at > cx.now) {
            cx.timers.arm(Timer::Telemetry, at);
        }
    }

    /// A broker is to be asked from `at` on.
    fn need_subscription(
        &mut self,
        cx: &mut Context,
        at: Instant,
        known: Option<Arc<Subscription>>,
    ) {
        cx.timers.arm(Timer::Telemetry, at);
        self.state = State::SubscriptionNeeded { at, known };
    }

    /// Metrics are to be pushed from `at` on.
    fn need_push(&mut self, cx: &mut Context, at: Instant, subscription: Arc<Subscription>) {
        cx.timers.arm(Timer::Telemetry, at);
        self.state = State::PushNeeded { at, subscription };
    }

    /// What a broker is asked now.
    pub(crate) fn ask(&mut self) -> GetTelemetrySubscriptionsRequest {
        if let State::SubscriptionNeeded { known, .. } = &mut self.state {
            let known = known.take();
            self.state = State::SubscriptionInProgress { known };
        }
        let id = self.instance_id.unwrap_or(Uuid::ZERO);
        GetTelemetrySubscriptionsRequest::default().with_client_instance_id(id)
    }

    /// What a broker wants.
    pub(crate) fn told(&mut self, cx: &mut Context, answer: &GetTelemetrySubscriptionsResponse) {
        let State::SubscriptionInProgress { known } = &mut self.state else {
            return;
        };
        let known = known.take();
        match verdict(answer.error_code) {
            Verdict::Done if answer.client_instance_id.is_zero() => {
                self.ask_later(cx, known);
            }
            Verdict::Done => {
                let id = *self.instance_id.get_or_insert(answer.client_instance_id);
                self.tell_waiters(cx, &Ok(id));
                self.hurried = 0;
                self.subscribe(cx, Arc::new(Subscription::new(answer)));
            }
            refused => self.refused(cx, refused, answer.error_code, known),
        }
    }

    /// The first push comes after half to one and a half intervals, so that clients that were started together
    /// do not push together.
    fn subscribe(&mut self, cx: &mut Context, subscription: Arc<Subscription>) {
        let interval = subscription.interval;
        match subscription.wanted {
            Wanted::Nothing => self.ask_later(cx, Some(subscription)),
            Wanted::All | Wanted::Prefixes(_) => {
                let at = cx.now + interval.mul_f64(0.5 + cx.random.f64());
                self.need_push(cx, at, subscription);
            }
        }
    }

    /// Begins to gather what is to be pushed.
    pub(crate) fn gather(&mut self, cx: &Context, wall: SystemTime) -> Option<Gathering> {
        let State::PushNeeded { subscription, .. } = &self.state else {
            return None;
        };
        let subscription = Arc::clone(subscription);
        self.state = State::Gathering {
            subscription: Arc::clone(&subscription),
            last: match self.life {
                Life::Open => Last::No,
                Life::Closing { .. } => Last::Yes,
            },
        };
        let order = Order {
            subscription,
            registered: cx.handle.application_metrics().all(),
            labels: labels(&cx.settings),
            before: Arc::clone(&self.totals),
        };
        let source = Source {
            settings: Arc::clone(&cx.settings),
            accumulator: Arc::clone(&cx.accumulator),
            now: cx.now,
            wall,
        };
        Some(Gathering::new(order, source, Arc::clone(&cx.handle)))
    }

    /// Metrics were gathered, or could not be. What was gathered before the last push became due is not pushed:
    /// the last push has it, too.
    pub(crate) fn gathered(&mut self, cx: &mut Context, gathered: Option<Gathered>) -> Next {
        let State::Gathering { subscription, last } = &self.state else {
            return Next::Nothing;
        };
        let (subscription, last) = (Arc::clone(subscription), *last);
        let is_closing = self.is_closing();
        let Some(gathered) = gathered.filter(|_| !is_closing || last == Last::Yes) else {
            match (is_closing, last) {
                (_, Last::Yes) => self.state = State::Off(Off::Terminated),
                (true, Last::No) => self.need_push(cx, cx.now, subscription),
                (false, Last::No) => self.ask_later(cx, Some(subscription)),
            }
            return Next::Nothing;
        };
        let request = PushTelemetryRequest::default()
            .with_client_instance_id(self.instance_id.unwrap_or(Uuid::ZERO))
            .with_subscription_id(subscription.id)
            .with_terminating(last == Last::Yes)
            .with_compression_type(gathered.compression.id().cast_signed())
            .with_metrics(gathered.metrics);
        Next::Push(request, gathered.totals)
    }

    /// What was gathered is sent.
    pub(crate) fn pushed(&mut self, totals: Totals) {
        if let State::Gathering { subscription, last } = &self.state {
            self.state = State::PushInProgress {
                subscription: Arc::clone(subscription),
                last: *last,
                totals,
            };
        }
    }

    /// There is nobody to send to what was gathered: it is gathered again when there is.
    pub(crate) fn not_pushed(&mut self, cx: &mut Context) {
        if let State::Gathering { subscription, last } = &self.state {
            let subscription = Arc::clone(subscription);
            match last {
                Last::Yes => self.state = State::Off(Off::Terminated),
                Last::No => self.need_push(cx, cx.now, subscription),
            }
        }
    }

    /// What a broker says to a push.
    pub(crate) fn answered(&mut self, cx: &mut Context, answer: &PushTelemetryResponse) {
        let Some((subscription, last, totals)) = self.take_push() else {
            return;
        };
        let verdict = verdict(answer.error_code);
        if verdict == Verdict::Done {
            self.totals = Arc::new(totals);
        }
        if last == Last::Yes {
            return;
        }
        match verdict {
            Verdict::Done => {
                self.hurried = 0;
                let at = match self.life {
                    Life::Open => cx.now + subscription.interval,
                    Life::Closing { .. } => cx.now,
                };
                self.need_push(cx, at, subscription);
            }
            refused => self.refused(cx, refused, answer.error_code, Some(subscription)),
        }
    }

    /// A question or a push will not be answered. What was pushed counts as taken: to count it twice would be
    /// worse.
    pub(crate) fn unanswered(&mut self, cx: &mut Context) {
        match &mut self.state {
            State::SubscriptionInProgress { known } => {
                let known = known.take();
                self.ask_later(cx, known);
            }
            State::PushInProgress { .. } => {
                if let Some((subscription, last, totals)) = self.take_push() {
                    self.totals = Arc::new(totals);
                    if last == Last::No {
                        self.ask_later(cx, Some(subscription));
                    }
                }
            }
            _ => {}
        }
    }

    fn take_push(&mut self) -> Option<(Arc<Subscription>, Last, Totals)> {
        if !matches!(self.state, State::PushInProgress { .. }) {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Off(Off::Terminated)) {
            State::PushInProgress {
                subscription,
                last,
                totals,
            } => Some((subscription, last, totals)),
            _ => None,
        }
    }

    fn refused(
        &mut self,
        cx: &mut Context,
        verdict: Verdict,
        code: ErrorCode,
        known: Option<Arc<Subscription>>,
    ) {
        match verdict {
            Verdict::Done | Verdict::AskLater => self.ask_later(cx, known),
            Verdict::AskNow => {
                // A broker that says so again and again is not asked faster for it.
                let pause = match self.hurried {
                    0 => Duration::ZERO,
                    failures => cx.backoff(failures),
                };
                self.hurried = self.hurried.saturating_add(1);
                self.need_subscription(cx, cx.now + pause, known);
            }
            Verdict::Stop => {
                self.state = State::Off(Off::Refused(code));
                self.tell_waiters(cx, &Err(ClientInstanceIdError::Refused { code }));
            }
        }
    }

    fn ask_later(&mut self, cx: &mut Context, known: Option<Arc<Subscription>>) {
        let pause = known
            .as_ref()
            .map_or(DEFAULT_INTERVAL, |known| known.interval);
        self.need_subscription(cx, cx.now + pause, known);
    }
}

/// The end.
impl Telemetry {
    fn is_closing(&self) -> bool {
        matches!(self.life, Life::Closing { .. })
    }

    /// Everything has an outcome, and the producer ends when the last push is answered: at `until` at the latest.
    pub(crate) fn close(&mut self, cx: &mut Context, until: Instant) {
        if self.is_closing() {
            return;
        }
        self.life = Life::Closing { until };
        cx.timers.arm(Timer::Telemetry, until);
        match &mut self.state {
            State::PushNeeded { at, .. } => *at = cx.now,
            State::Unwanted
            | State::SubscriptionNeeded { .. }
            | State::SubscriptionInProgress { .. } => self.state = State::Off(Off::Terminated),
            State::Off(_) | State::Gathering { .. } | State::PushInProgress { .. } => {}
        }
    }

    /// Whether the last push is not waited for any longer.
    pub(crate) fn has_ended(&self, now: Instant) -> bool {
        match (&self.state, self.life) {
            (State::Off(_) | State::SubscriptionNeeded { .. }, _) => true,
            (_, Life::Closing { until }) => until <= now,
            (_, Life::Open) => false,
        }
    }

    /// The last push was to be made, and there is nobody to make it to.
    pub(crate) fn give_up_last_push(&mut self) {
        if self.is_closing() {
            self.state = State::Off(Off::Terminated);
        }
    }
}

/// Callers that ask for the id of this client.
impl Telemetry {
    /// Tells a caller the id, at once if it is known, or says by `deadline` that there is none.
    pub(crate) fn wait_for_id(
        &mut self,
        cx: &mut Context,
        deadline: Instant,
        reply: oneshot::Sender<Result<Uuid, ClientInstanceIdError>>,
    ) {
        let known = self.instance_id.map(Ok);
        let answer = known.or_else(|| match self.state {
            State::Off(why) => Some(Err(why.into())),
            _ => None,
        });
        match answer {
            Some(answer) => cx.notices.push(Notice::answer(reply, answer)),
            None => {
                cx.timers.arm(Timer::Telemetry, deadline);
                let since = cx.now;
                self.waiters.push(Waiter {
                    since,
                    deadline,
                    reply,
                });
            }
        }
    }

    /// Whether a caller waits for the id: then it is worth a connection.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiters
            .iter()
            .any(|waiter| !waiter.reply.is_canceled())
    }

    /// Tells those whose time is over.
    pub(crate) fn expire_waiters(&mut self, cx: &mut Context) {
        if self.waiters.is_empty() {
            return;
        }
        let now = cx.now;
        let (over, waiting) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|waiter| waiter.deadline <= now);
        self.waiters = waiting;
        let over: Vec<Waiter> = over;
        for waiter in over {
            let waited = now.saturating_duration_since(waiter.since);
            let late = Err(ClientInstanceIdError::TimedOut { waited });
            cx.notices.push(Notice::answer(waiter.reply, late));
        }
        for waiter in &self.waiters {
            cx.timers.arm(Timer::Telemetry, waiter.deadline);
        }
    }

    /// Ends every wait.
    pub(crate) fn tell_waiters(
        &mut self,
        cx: &mut Context,
        answer: &Result<Uuid, ClientInstanceIdError>,
    ) {
        for waiter in std::mem::take(&mut self.waiters) {
            cx.notices
                .push(Notice::answer(waiter.reply, answer.clone()));
        }
    }
}

impl From<Off> for ClientInstanceIdError {
    fn from(why: Off) -> Self {
        match why {
            Off::Disabled => Self::Disabled,
            Off::Refused(code) => Self::Refused { code },
            Off::Terminated => Self::Closed,
        }
    }
}

/// What KIP-714 wants to be told of a producer beside what brokers know of it.
fn labels(settings: &Settings) -> Vec<(&'static str, Arc<str>)> {
    let id = settings.guarantee.transactional();
    let id = id.map(|transactional| ("transactional_id", Arc::clone(&transactional.id)));
    let rack = match &settings.metrics_push {
        MetricsPush::On { rack } => rack.clone(),
        MetricsPush::Off => None,
    };
    let rack = rack.map(|rack| ("client_rack", rack));
    id.into_iter().chain(rack).collect()
}
