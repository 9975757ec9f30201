//! Where warnings about a configuration go, when a producer is built; and, while it runs, what a person should
//! know of it (`engine/event.rs`), or that what `ssl.*` names can no longer be read.
//!
//! Warnings about a configuration go to the caller's handler, if there is one. Else they are events of `tracing`,
//! which passes them on to `log` if it has no subscriber; and where neither is set up, so that they would be lost,
//! lines on standard error. So are the others. What happens to a single record is not reported here.

use std::io::{self, Write};

use kafka_accumulator::catch_panic;

use crate::config::Warning;
use crate::engine::{Event, Weight};
use crate::own_thread;

/// What the caller wants done with each warning.
pub(crate) type WarningHandler = Box<dyn FnMut(&Warning) + Send>;

/// Reports the warnings about the producer of this name.
pub(crate) fn report(warnings: &[Warning], client_id: &str, handler: Option<WarningHandler>) {
    match handler {
        Some(handler) => warnings.iter().for_each(handler),
        None if is_logged() => trace(warnings, client_id),
        // Where standard error is closed, warnings are not wanted.
        None => drop(write(warnings, client_id, &mut io::stderr().lock())),
    }
}

/// Reports something that has turned out while the producer of this name runs.
pub(crate) fn tell(warning: &str, client_id: &str) {
    as_callback(|| match is_logged() {
        true => log::warn(warning, client_id),
        // Where standard error is closed, warnings are not wanted.
        false => drop(writeln!(
            io::stderr().lock(),
            "warning: kafka producer {client_id}: {warning}"
        )),
    });
}

/// Reports what the engine has found while the producer of this name runs. Where nobody has set up `tracing` or
/// `log`, only what somebody may have to act on.
pub(crate) fn tell_event(event: &Event, client_id: &str) {
    as_callback(|| match (is_logged(), event.weight()) {
        (true, _) => log::event(event, client_id),
        (false, Weight::Warning) => tell(&event.to_string(), client_id),
        (false, Weight::Information) => {}
    });
}

/// Calls a logger, which is code of the program: it may panic, or send records itself, and must not wait for them
/// on a producer's own thread.
fn as_callback(call: impl FnOnce()) {
    let _entered = own_thread::enter_callback();
    let _ = catch_panic(call);
}

/// Whether somebody listens to `tracing` or to `log`.
fn is_logged() -> bool {
    log::is_set_up()
}

fn trace(warnings: &[Warning], client_id: &str) {
    for warning in warnings {
        log::warn(&warning.to_string(), client_id);
    }
}

/// `tracing`, which passes on to `log` what it has no subscriber for.
#[cfg(feature = "tracing")]
mod log {
    use crate::engine::{Event, Weight};

    const TARGET: &str = "kafka_producer";

    pub(super) fn is_set_up() -> bool {
        tracing::dispatcher::has_been_set()
            || ::log::log_enabled!(target: TARGET, ::log::Level::Warn)
    }

    pub(super) fn warn(warning: &str, client_id: &str) {
        tracing::warn!(target: TARGET, client_id, "{warning}");
    }

    pub(super) fn event(event: &Event, client_id: &str) {
        let (broker, topic, partition) = (event.broker(), event.topic(), event.partition());
        match event.weight() {
            Weight::Warning => {
                tracing::warn!(target: TARGET, client_id, broker, topic, partition, "{event}");
            }
            Weight::Information => {
                tracing::info!(target: TARGET, client_id, broker, topic, partition, "{event}");
            }
        }
    }
}

/// Nobody can listen.
#[cfg(not(feature = "tracing"))]
mod log {
    use crate::engine::Event;

    pub(super) fn is_set_up() -> bool {
        false
    }

    pub(super) fn warn(_: &str, _: &str) {}

    pub(super) fn event(_: &Event, _: &str) {}
}

fn write(warnings: &[Warning], client_id: &str, into: &mut impl Write) -> io::Result<()> {
    warnings
        .iter()
        .try_for_each(|warning| writeln!(into, "warning: kafka producer {client_id}: {warning}"))
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;
    use crate::{Producer, ProducerConfig};

    /// Keeps what it hears of us.
    #[derive(Clone, Default)]
    struct Listener(Arc<Mutex<Vec<String>>>);

    impl Listener {
        fn heard(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().expect("no listener panics"))
        }
    }

    impl Subscriber for Listener {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let metadata = event.metadata();
            if metadata.target() == "kafka_producer" {
                assert_eq!(*metadata.level(), Level::WARN);
                let mut words = Words(String::new());
                event.record(&mut words);
                self.0.lock().expect("no listener panics").push(words.0);
            }
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    struct Words(String);

    impl Visit for Words {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!("{field}={value:?};");
        }
    }

    /// A producer whose configuration has three oddities.
    fn odd() -> crate::ProducerBuilder<str, str> {
        Producer::builder()
            .bootstrap_servers(["localhost:9092"])
            .set("client.id", "till-7")
            .set("max.in.flight.requests.per.connections", "1")
            .set("acks", "1")
            .set("security.providers", "com.example.Provider")
    }

    const ODDITIES: [&str; 3] = [
        "unknown property \"max.in.flight.requests.per.connections\" is ignored: did you mean \
            max.in.flight.requests.per.connection?",
        "security.providers has no effect: it configures a Java virtual machine",
        "enable.idempotence is off, because acks=1: records that are sent again may be duplicated or \
            reordered",
    ];

    #[test]
    fn warnings_are_events_of_tracing_where_somebody_listens_and_told_once() {
        let listener = Listener::default();
        let built = tracing::subscriber::with_default(listener.clone(), || odd().build());
        drop(built.unwrap());
        let mut heard = listener.heard();
        heard.sort();
        let event = |warning| format!("message={warning};client_id=\"till-7\";");
        let mut expected = ODDITIES.map(event);
        expected.sort();
        assert_eq!(heard, expected);
    }

    #[test]
    fn what_the_engine_finds_is_an_event_with_what_it_is_about_in_fields() {
        let listener = Listener::default();
        let event = crate::engine::Event::Leaderless {
            topic: "orders".into(),
            partition: 3,
        };
        tracing::subscriber::with_default(listener.clone(), || tell_event(&event, "till-7"));
        let expected =
            format!("message={event};client_id=\"till-7\";topic=\"orders\";partition=3;");
        assert_eq!(listener.heard(), [expected]);
    }

    #[test]
    fn where_nobody_listens_they_are_lines_of_text_that_name_the_producer() {
        let config = ProducerConfig::from_properties([
            ("bootstrap.servers", "localhost:9092"),
            ("liger.ms", "0"),
        ]);
        let warnings = config.check().unwrap().warnings;
        let mut text = Vec::new();
        write(&warnings, "till-7", &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "warning: kafka producer till-7: unknown property \"liger.ms\" is ignored: did you mean \
             linger.ms?\n"
        );
    }
}
