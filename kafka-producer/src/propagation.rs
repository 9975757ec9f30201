//! The trace context of a record in its headers: as the program's propagator writes it, or as W3C Trace Context does
//! if it has set none.
//!
//! A propagator that nobody has set writes nothing, and nobody would notice that traces end here. So W3C's headers are
//! written then. What stands in a record's headers already is left as it is.

use std::str::{self, FromStr};

use kafka_serde::Headers;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, global};

use crate::trace_context::TRACEPARENT;

/// Beside [`TRACEPARENT`]: what the systems that take part in the trace have to say to each other.
const TRACESTATE: &str = "tracestate";

/// Whose span consumers find in a record's headers.
pub(crate) enum Creation {
    /// None yet.
    Open,
    /// One that the caller has written there; `None` if it cannot be read.
    ByCaller(Option<SpanContext>),
}

/// Whether there is a trace context in these headers.
pub(crate) fn find(headers: &Headers) -> Creation {
    let carrier = Carrier(headers);
    let found = global::get_text_map_propagator(|global| match global.fields().next() {
        Some(_) => {
            let context = global.extract_with_context(&Context::new(), &carrier);
            Some(context.span().span_context().clone())
        }
        None => read(&carrier),
    });
    let found = found.filter(SpanContext::is_valid);
    match headers.last(TRACEPARENT) {
        None if found.is_none() => Creation::Open,
        _ => Creation::ByCaller(found),
    }
}

/// Writes the trace context of the span of `context` to these headers.
pub(crate) fn write(context: &Context, headers: &mut Headers) {
    let mut added = Added(headers);
    global::get_text_map_propagator(|global| match global.fields().next() {
        Some(_) => global.inject_context(context, &mut added),
        None => write_w3c(context.span().span_context(), &mut added),
    });
}

fn write_w3c(span: &SpanContext, headers: &mut Added<'_>) {
    if !span.is_valid() {
        return;
    }
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    let (trace_id, span_id) = (span.trace_id(), span.span_id());
    headers.set(TRACEPARENT, format!("00-{trace_id}-{span_id}-{flags:02x}"));
    headers.set(TRACESTATE, span.trace_state().header());
}

fn read(carrier: &Carrier<'_>) -> Option<SpanContext> {
    let (trace_id, span_id, flags) = parse(carrier.get(TRACEPARENT)?)?;
    let state = carrier.get(TRACESTATE).map(TraceState::from_str);
    let state = state.and_then(Result::ok).unwrap_or_default();
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// Version, trace, span and flags. A version that is not known yet may have more after that.
fn parse(traceparent: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let parts: Vec<&str> = traceparent.splitn(5, '-').collect();
    let (&[version, trace_id, span_id, flags], more) = parts.split_first_chunk()?;
    let is_version = match version {
        "00" => more.is_empty(),
        "ff" => false,
        _ => is_hex(version, 2),
    };
    if !(is_version && is_hex(trace_id, 32) && is_hex(span_id, 16) && is_hex(flags, 2)) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    Some((
        TraceId::from_hex(trace_id).ok()?,
        SpanId::from_hex(span_id).ok()?,
        flags & TraceFlags::SAMPLED,
    ))
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

/// Headers that a propagator reads: of several with a name the last, as consumers do.
struct Carrier<'a>(&'a Headers);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.last(key)??;
        str::from_utf8(value).ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name).collect()
    }
}

/// Headers that a propagator adds to: nothing empty, and nothing that is there.
struct Added<'a>(&'a mut Headers);

impl Injector for Added<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() && self.0.last(key).is_none() {
            self.0.add(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn span(flags: TraceFlags, state: &str) -> SpanContext {
        let trace_id = TraceId::from_hex(TRACE).unwrap();
        let span_id = SpanId::from_hex(SPAN).unwrap();
        let state = TraceState::from_str(state).unwrap();
        SpanContext::new(trace_id, span_id, flags, true, state)
    }

    fn written(span: SpanContext, mut headers: Headers) -> Headers {
        write(&Context::new().with_remote_span_context(span), &mut headers);
        headers
    }

    #[test]
    fn without_a_propagator_the_headers_are_those_of_w3c() {
        let parent = |flags: &str| (TRACEPARENT, format!("00-{TRACE}-{SPAN}-{flags}"));
        let table = [
            (
                span(TraceFlags::SAMPLED, "a=1,b=2"),
                vec![parent("01"), (TRACESTATE, "a=1,b=2".to_owned())],
            ),
            (span(TraceFlags::NOT_SAMPLED, ""), vec![parent("00")]),
            (SpanContext::empty_context(), vec![]),
        ];
        for (span, expected) in table {
            let expected: Headers = expected.into_iter().collect();
            assert_eq!(written(span, Headers::new()), expected);
        }
    }

    #[test]
    fn a_header_that_is_there_is_left_as_it_is() {
        let there = Headers::from([(TRACESTATE, "mine=1")]);
        let written = written(span(TraceFlags::SAMPLED, "a=1"), there);
        assert_eq!(written.last(TRACESTATE), Some(Some(&b"mine=1"[..])));
        assert_eq!(written.len(), 2);
    }

    #[test]
    fn what_is_written_is_read() {
        let expected = span(TraceFlags::SAMPLED, "a=1");
        let headers = written(expected.clone(), Headers::new());
        let Creation::ByCaller(Some(found)) = find(&headers) else {
            panic!("{headers:?}");
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_traceparent_is_read_as_w3c_says() {
        let traceparent = |version: &str, rest: &str| format!("{version}-{TRACE}-{SPAN}-{rest}");
        let upper = TRACE.to_uppercase();
        let table = [
            (traceparent("00", "01"), true),
            (traceparent("00", "ff"), true),
            (traceparent("00", "01-more"), false),
            (traceparent("cc", "01-more"), true),
            (traceparent("ff", "01"), false),
            (traceparent("0", "01"), false),
            (traceparent("00", "1"), false),
            (traceparent("00", ""), false),
            (traceparent("00", "+1"), false),
            (format!("00-{upper}-{SPAN}-01"), false),
            (format!("00-{TRACE}-{SPAN}"), false),
            (format!("00-{TRACE}-{}-01", &SPAN[1..]), false),
            (String::new(), false),
            ("\u{2615}-\u{2615}-\u{2615}-\u{2615}".to_owned(), false),
        ];
        for (text, is_read) in table {
            assert_eq!(parse(&text).is_some(), is_read, "{text:?}");
        }
    }

    #[test]
    fn a_context_that_cannot_be_read_is_the_callers_all_the_same() {
        let zero = format!("00-{}-{SPAN}-01", "0".repeat(32));
        for text in ["what?", "", &zero] {
            let headers = Headers::from([(TRACEPARENT, text.to_owned())]);
            assert!(matches!(find(&headers), Creation::ByCaller(None)), "{text}");
        }
        let null = Headers::from([(TRACEPARENT, None::<&str>)]);
        assert!(matches!(find(&null), Creation::ByCaller(None)));
        assert!(matches!(find(&Headers::new()), Creation::Open));
    }
}
