//! Where warnings about a configuration go, when a producer is built.
//!
//! To the caller's handler, if there is one. Else they are events of `tracing`, which passes them on to
//! `log` if it has no subscriber; and where neither is set up, so that they would be lost, lines on
//! standard error. While the producer runs, there is only what `ssl.*` names and can no longer be read. What
//! happens to records is not reported here.

use std::io::{self, Write};

use crate::config::Warning;

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
    match is_logged() {
        true => tracing::warn!(target: TARGET, client_id, "{warning}"),
        // Where standard error is closed, warnings are not wanted.
        false => drop(writeln!(
            io::stderr().lock(),
            "warning: kafka producer {client_id}: {warning}"
        )),
    }
}

fn is_logged() -> bool {
    tracing::dispatcher::has_been_set() || log::log_enabled!(target: TARGET, log::Level::Warn)
}

const TARGET: &str = "kafka_producer";

fn trace(warnings: &[Warning], client_id: &str) {
    for warning in warnings {
        tracing::warn!(target: TARGET, client_id, "{warning}");
    }
}

fn write(warnings: &[Warning], client_id: &str, into: &mut impl Write) -> io::Result<()> {
    warnings
        .iter()
        .try_for_each(|warning| writeln!(into, "warning: kafka producer {client_id}: {warning}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;
    use crate::{Producer, ProducerConfig};

    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Keeps what it hears of us.
    struct Listener;

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
                HEARD.lock().unwrap().push(words.0);
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
        let built = tracing::subscriber::with_default(Listener, || odd().build());
        drop(built.unwrap());
        let mut heard = std::mem::take(&mut *HEARD.lock().unwrap());
        heard.sort();
        let event = |warning| format!("message={warning};client_id=\"till-7\";");
        let mut expected = ODDITIES.map(event);
        expected.sort();
        assert_eq!(heard, expected);
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
