//! A line for each request: when, where, who, what, for which partitions, and what became of it.

use std::time::Instant;

use kafka_mock::Exchange;
use kafka_mock::cluster::Answer;
use kafka_mock::kafka_wire::{ApiKey, Reader, RequestHeader, json};

use crate::description::{errors, places};

pub(crate) struct Log {
    begun: Instant,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    /// Writes to standard error.
    pub(crate) fn teller(self) -> impl Fn(&Exchange) + Send + Sync + 'static {
        move |seen| {
            let seconds = self.begun.elapsed().as_secs_f64();
            eprintln!("{seconds:8.3} {}", line(seen));
        }
    }
}

/// All but the time.
fn line(seen: &Exchange) -> String {
    let place = format!("{} #{}", seen.broker, seen.connection.0);
    let mut body = Reader::new(seen.request.clone());
    let Ok(header) = RequestHeader::decode(&mut body) else {
        return format!("{place} {} bytes that are no request", seen.request.len());
    };
    let client = header.client_id.as_deref().unwrap_or("-");
    let asked = match header.api_key {
        ApiKey::SASL_AUTHENTICATE => None, // a password may be in it
        _ => json::request_to_json(&header, body).ok().flatten(),
    };
    let asked = asked.map(|asked| places(&asked)).unwrap_or_default();
    let (api, version) = (header.api_key, header.api_version);
    let outcome = outcome(&header, &seen.answer);
    let struck: String = seen
        .struck
        .iter()
        .map(|tag| format!(" (fault {tag})"))
        .collect();
    format!("{place} {client}: {api} v{version}{asked}: {outcome}{struck}")
}

fn outcome(header: &RequestHeader, answer: &Answer) -> String {
    match answer {
        Answer::Send(frame) => {
            let answer =
                json::response_to_json(header.api_key, header.api_version, frame.slice(4..));
            let codes = answer.ok().flatten().map(|(_, answer)| errors(&answer));
            match codes.unwrap_or_default() {
                codes if codes.is_empty() => "ok".to_owned(),
                codes => codes.join(", "),
            }
        }
        Answer::Nothing => "no answer is wanted".to_owned(),
        Answer::Delayed => "waits".to_owned(),
        Answer::Cut(start) => format!("cut off after {} bytes", start.len()),
        Answer::Close => "the connection is closed".to_owned(),
    }
}
