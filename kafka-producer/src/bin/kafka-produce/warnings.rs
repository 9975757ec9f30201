//! What the producer warns of: lines on the screen, above the progress; or nothing, where a command says all itself.
//!
//! Without a listener the crate writes to standard error by itself, in the middle of whatever is drawn there.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kafka_producer::config::Checked;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::screen::Screen;

/// Shows no warnings: whoever calls this tells the reasons of a failure itself.
pub(crate) fn hide() {
    // Fails if somebody listens already.
    let _ = tracing::subscriber::set_global_default(Listener);
}

/// Tells what is odd about a configuration that can be used.
pub(crate) fn tell_of(checked: &Checked) {
    for warning in checked.warnings() {
        eprintln!("warning: {warning}");
    }
}

/// Shows warnings from now on.
pub(crate) fn show_on(screen: Arc<Mutex<Screen>>) {
    // If there is a screen already, it is the same one.
    let _ = SCREEN.set(screen);
}

static SCREEN: OnceLock<Arc<Mutex<Screen>>> = OnceLock::new();

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("kafka_producer");
        metadata.is_event() && is_ours && *metadata.level() <= Level::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(screen) = SCREEN.get() else { return };
        let mut message = Message("warning: ".to_owned());
        event.record(&mut message);
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.say(&message.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The words of an event, without its fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
