//! Routing of what is pushed to brokers (KIP-714): which of them is asked and told, and when. It waits a little for
//! a broker that owes no answer, so that no record waits behind metrics; and it never makes a connection, unless
//! a caller waits for the id that brokers give this client.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka_wire::Request;
use kafka_wire::messages::{GetTelemetrySubscriptionsRequest, PushTelemetryRequest};

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::telemetry::{Due, Gathered, Next};
use crate::engine::timers::Timer;
use crate::engine::{Action, Engine, NodeId};

impl Engine {
    /// Asks or pushes what is due, if there is a broker for it.
    #[inline(always)]
    pub(super) fn see_to_metrics_push(&mut self) {
        if !self.telemetry.is_at_rest(self.cx.now) {
            self.push_metrics();
        }
    }

    fn push_metrics(&mut self) {
        self.telemetry.expire_waiters(&mut self.cx);
        match self.telemetry.due(self.cx.now) {
            Some(Due::Ask(since)) => self.ask_for_subscription(since),
            Some(Due::Gather(since)) => self.gather_metrics(since),
            None => {}
        }
        if self.telemetry.is_awaited() && self.nodes.are_none_ready() {
            self.nodes
                .dial_any::<GetTelemetrySubscriptionsRequest>(&mut self.cx);
        }
    }

    fn ask_for_subscription(&mut self, since: Instant) {
        let Some(id) = self.at_leisure::<GetTelemetrySubscriptionsRequest>(since) else {
            return;
        };
        if let Some(version) = self.nodes.newest::<GetTelemetrySubscriptionsRequest>(id) {
            let request = self.telemetry.ask();
            self.ask(id, version, &request, ExpectedResponse::Subscription);
        }
    }

    fn gather_metrics(&mut self, since: Instant) {
        if self.nodes.ready::<PushTelemetryRequest>().is_none() {
            return self.telemetry.give_up_last_push();
        }
        if self.at_leisure::<PushTelemetryRequest>(since).is_none() {
            return;
        }
        let wall = self.wall_clock();
        if let Some(gathering) = self.telemetry.gather(&self.cx, wall) {
            let action = Action::GatherMetrics(gathering);
            self.cx.actions.push_back(action);
        }
    }

    fn wall_clock(&mut self) -> SystemTime {
        let wall_ms = self.sender.expiration().memory().wall_ms();
        let since_1970 = Duration::from_millis(wall_ms.unwrap_or_default().max(0).cast_unsigned());
        UNIX_EPOCH + since_1970
    }

    /// Pushes what was gathered.
    pub(super) fn metrics_gathered(&mut self, gathered: Option<Gathered>) {
        let Next::Push(request, totals) = self.telemetry.gathered(&mut self.cx, gathered) else {
            return;
        };
        let id = self.nodes.ready::<PushTelemetryRequest>();
        let to = id.and_then(|id| Some((id, self.nodes.newest::<PushTelemetryRequest>(id)?)));
        match to {
            Some((id, version)) => {
                self.telemetry.pushed(totals);
                self.ask(id, version, &request, ExpectedResponse::MetricsPush);
            }
            None => self.telemetry.not_pushed(&mut self.cx),
        }
    }

    /// The least busy broker: one that owes no answer, or any when that has been waited for.
    fn at_leisure<R: Request>(&mut self, since: Instant) -> Option<NodeId> {
        let id = self.nodes.ready::<R>()?;
        let until = since + PATIENCE;
        if self.nodes.owes_answers(id) && self.cx.now < until {
            self.cx.timers.arm(Timer::Telemetry, until);
            return None;
        }
        Some(id)
    }

    /// When everything has an outcome: whether the last push was made, or waited for as long as `close` allows.
    pub(super) fn last_push_is_over(&mut self) -> bool {
        let until = self.cx.now + LAST_PUSH_WAIT;
        let until = self.lifecycle.deadline().map_or(until, |at| at.min(until));
        self.telemetry.close(&mut self.cx, until);
        self.see_to_metrics_push();
        self.telemetry.has_ended(self.cx.now) || self.lifecycle.is_overdue(self.cx.now)
    }
}

/// For so long a broker that owes no answer is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
/// For so long a producer that ends waits for its last push to be taken.
const LAST_PUSH_WAIT: Duration = Duration::from_secs(1);
