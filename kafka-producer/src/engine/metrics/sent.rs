//! What is measured of requests of batches when they are sent, each attempt anew.

use std::time::{Duration, Instant};

use super::windows::{Counted, Tally, Windows};
use crate::metrics::Writer;
use crate::metrics::definition::{client, topic};
use crate::settings::Sampling;

/// A batch as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentBatch {
    pub(crate) records: u32,
    /// How often it was sent, with this time.
    pub(crate) attempts: u32,
    /// As it is on the wire, with its header.
    pub(crate) bytes: usize,
    /// Its size on the wire as a part of that before compression, both without the header.
    pub(crate) ratio: f64,
    /// Of the largest record, before compression.
    pub(crate) largest_record_bytes: usize,
    /// Since its first record was appended.
    pub(crate) age: Duration,
}

/// Requests, and the batches in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    requests: u64,
    batches: u64,
    records: u64,
    bytes: Tally,
    ratio_sum: f64,
    largest_record: Tally,
    age_ms: Tally,
}

impl Counted for Sent {
    #[inline]
    fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.batches += more.batches;
        self.records += more.records;
        self.bytes.add(&more.bytes);
        self.ratio_sum += more.ratio_sum;
        self.largest_record.add(&more.largest_record);
        self.age_ms.add(&more.age_ms);
    }
}

impl Sent {
    /// A request; its batches follow.
    pub(super) fn request() -> Self {
        Self {
            requests: 1,
            ..Self::default()
        }
    }

    /// One more batch.
    #[inline]
    pub(super) fn note(&mut self, batch: &SentBatch) {
        self.batches += 1;
        self.records += u64::from(batch.records);
        self.bytes.note(batch.bytes as f64);
        self.ratio_sum += batch.ratio;
        self.largest_record.note(batch.largest_record_bytes as f64);
        self.age_ms.note(batch.age.as_secs_f64() * MS_PER_S);
    }

    fn ratio_average(&self) -> f64 {
        match self.batches {
            0 => f64::NAN,
            batches => self.ratio_sum / batches as f64,
        }
    }
}

impl Windows<Sent> {
    pub(super) fn write_of_client(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let recent = self.recent(now, sampling);
        to.gauge(&client::BATCH_SIZE_AVG, recent.bytes.average());
        to.gauge(&client::BATCH_SIZE_MAX, recent.bytes.maximum());
        to.gauge(&client::COMPRESSION_RATE_AVG, recent.ratio_average());
        to.gauge(&client::RECORD_QUEUE_TIME_AVG, recent.age_ms.average());
        to.gauge(&client::RECORD_QUEUE_TIME_MAX, recent.age_ms.maximum());
        to.gauge(&client::RECORD_SIZE_AVG, recent.largest_record.average());
        to.gauge(&client::RECORD_SIZE_MAX, recent.largest_record.maximum());
        let rate = recent.records as f64 / self.elapsed_s(now, sampling);
        to.gauge(&client::RECORD_SEND_RATE, rate);
        to.total(&client::RECORD_SEND_TOTAL, self.total().records as f64);
        let per_request = match recent.requests {
            0 => f64::NAN,
            requests => recent.records as f64 / requests as f64,
        };
        to.gauge(&client::RECORDS_PER_REQUEST_AVG, per_request);
    }
}

/// The batches of one topic.
#[derive(Clone, Debug, Default)]
pub(super) struct SentToTopic {
    batches: u64,
    records: u64,
    bytes: u64,
    ratio_sum: f64,
}

impl Counted for SentToTopic {
    #[inline]
    fn add(&mut self, more: &Self) {
        self.batches += more.batches;
        self.records += more.records;
        self.bytes += more.bytes;
        self.ratio_sum += more.ratio_sum;
    }
}

impl SentToTopic {
    #[inline]
    pub(super) fn note(&mut self, batch: &SentBatch) {
        self.batches += 1;
        self.records += u64::from(batch.records);
        self.bytes += batch.bytes as u64;
        self.ratio_sum += batch.ratio;
    }
}

impl Windows<SentToTopic> {
    pub(super) fn write_of_topic(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let recent = self.recent(now, sampling);
        let elapsed_s = self.elapsed_s(now, sampling);
        to.gauge(&topic::BYTE_RATE, recent.bytes as f64 / elapsed_s);
        to.total(&topic::BYTE_TOTAL, self.total().bytes as f64);
        to.gauge(&topic::RECORD_SEND_RATE, recent.records as f64 / elapsed_s);
        to.total(&topic::RECORD_SEND_TOTAL, self.total().records as f64);
        let ratio = match recent.batches {
            0 => f64::NAN,
            batches => recent.ratio_sum / batches as f64,
        };
        to.gauge(&topic::COMPRESSION_RATE, ratio);
    }
}

pub(super) const MS_PER_S: f64 = 1e3;
