//! The trace context of a record in its headers (W3C Trace Context), for programs that have one of their own.
//!
//! An interceptor that a record meets before it is serialized. It opens no span: that does `record_spans.rs`, with
//! OpenTelemetry.

use std::fmt;

use crate::interceptor::{InterceptedRecord, InterceptorError, ProducerInterceptor};

/// The header with the trace and the span that a record belongs to.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// An interceptor that writes the header `traceparent`, which consumers continue a trace by.
///
/// It is for programs that know the trace they are in without OpenTelemetry; with it, `RecordSpans` (feature
/// `opentelemetry`) opens a span for each record as well. A record that has the header already keeps it.
///
/// ```
/// use kafka_producer::{Producer, TraceContext};
///
/// /// Of the request that this thread answers, as the program has read it there.
/// fn traceparent() -> Option<String> {
///     Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned())
/// }
///
/// let producer = Producer::<str, str>::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .interceptor(TraceContext::with(traceparent))
///     .build()?;
/// # Ok::<(), kafka_producer::BuildError>(())
/// ```
pub struct TraceContext {
    current: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

impl TraceContext {
    /// Asks `current` for the value of each record's header, on the thread that sends; `None`: no header.
    ///
    /// The value is written as it is given: version, trace, span and flags, in hexadecimal with a `-` between them.
    ///
    /// ```
    /// use kafka_producer::TraceContext;
    ///
    /// let sampled = TraceContext::with(|| Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    /// # drop(sampled);
    /// ```
    pub fn with<S: Into<String>>(current: impl Fn() -> Option<S> + Send + Sync + 'static) -> Self {
        Self {
            current: Box::new(move || current().map(Into::into)),
        }
    }
}

impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for TraceContext {
    fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
        if record.headers.last(TRACEPARENT).is_none()
            && let Some(current) = (self.current)()
        {
            record.headers.add(TRACEPARENT, current);
        }
        Ok(())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProducerRecord;

    fn headers_after(context: &TraceContext, record: ProducerRecord<'_, str, str>) -> String {
        let mut record = InterceptedRecord::from(record);
        context.on_send(&mut record).unwrap();
        let header = |(name, value): (&str, Option<&[u8]>)| {
            format!(
                "{name}={};",
                String::from_utf8_lossy(value.unwrap_or(b"null"))
            )
        };
        record.headers.iter().map(header).collect()
    }

    #[test]
    fn a_record_gets_the_header_once_and_keeps_its_own() {
        let some = TraceContext::with(|| Some("00-1-2-01"));
        let none = TraceContext::with(|| None::<String>);
        let record = || ProducerRecord::<str, str>::new("orders", "tea").header("a", "b");
        let traced = || record().header("traceparent", "mine");
        assert_eq!(headers_after(&some, record()), "a=b;traceparent=00-1-2-01;");
        assert_eq!(headers_after(&some, traced()), "a=b;traceparent=mine;");
        assert_eq!(headers_after(&none, record()), "a=b;");
    }
}
