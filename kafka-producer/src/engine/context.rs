//! What every part of the engine is given along: the time, the settings, and where it leaves what is to
//! be done outside. It decides nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::Accumulator;

use crate::engine::backoff;
use crate::engine::handle::Desk;
use crate::engine::input::Action;
use crate::engine::notice::Notice;
use crate::engine::timers::Timers;
use crate::error::DeliveryError;
use crate::settings::Settings;

/// The arguments that most decisions take.
pub(crate) struct Context {
    /// The time of the input that is being handled.
    pub(crate) now: Instant,
    pub(crate) settings: Arc<Settings>,
    pub(crate) random: fastrand::Rng,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) timers: Timers,
    /// What is to be done outside, in order.
    pub(crate) actions: VecDeque<Action>,
    /// What callers are to be told, in order.
    pub(crate) notices: Vec<Notice>,
}

impl Context {
    /// `retry.backoff.ms` after so many failures in a row.
    pub(crate) fn backoff(&mut self, failures: u32) -> Duration {
        backoff::delay(self.settings.retry_backoff, failures, &mut self.random)
    }
}
