//! What goes through a connection: the driver counts it while it reads and writes, and tells the engine once a
//! round.

use std::time::Instant;

use super::windows::{Counted, Summed};
use crate::metrics::Writer;
use crate::metrics::definition::{Definition, client, node};
use crate::settings::Sampling;

/// Counts of reads and writes, and of what they carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    writes: u64,
    bytes_out: u64,
    reads: u64,
    bytes_in: u64,
    requests: u64,
    request_bytes: u64,
    request_bytes_max: u64,
    responses: u64,
}

impl Traffic {
    /// So many bytes were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.writes += 1;
        self.bytes_out += bytes as u64;
    }

    /// So many bytes were read.
    pub fn read(&mut self, bytes: usize) {
        self.reads += 1;
        self.bytes_in += bytes as u64;
    }

    /// A request of so many bytes was written whole.
    pub fn sent(&mut self, bytes: usize) {
        self.requests += 1;
        self.request_bytes += bytes as u64;
        self.request_bytes_max = self.request_bytes_max.max(bytes as u64);
    }

    /// A response was read.
    pub fn received(&mut self) {
        self.responses += 1;
    }

    /// Whether there was none.
    pub fn is_none(&self) -> bool {
        self.writes == 0 && self.reads == 0
    }

    fn request_bytes_average(&self) -> f64 {
        match self.requests {
            0 => f64::NAN,
            requests => self.request_bytes as f64 / requests as f64,
        }
    }

    fn request_bytes_maximum(&self) -> f64 {
        match self.requests {
            0 => f64::NAN,
            _ => self.request_bytes_max as f64,
        }
    }
}

impl Counted for Traffic {
    fn add(&mut self, more: &Self) {
        self.writes += more.writes;
        self.bytes_out += more.bytes_out;
        self.reads += more.reads;
        self.bytes_in += more.bytes_in;
        self.requests += more.requests;
        self.request_bytes += more.request_bytes;
        self.request_bytes_max = self.request_bytes_max.max(more.request_bytes_max);
        self.responses += more.responses;
    }
}

/// Under which names it is read.
struct Names {
    bytes_out: [&'static Definition; 2],
    bytes_in: [&'static Definition; 2],
    requests: [&'static Definition; 2],
    responses: [&'static Definition; 2],
    request_size: [&'static Definition; 2],
}

const OF_CLIENT: Names = Names {
    bytes_out: [&client::OUTGOING_BYTE_RATE, &client::OUTGOING_BYTE_TOTAL],
    bytes_in: [&client::INCOMING_BYTE_RATE, &client::INCOMING_BYTE_TOTAL],
    requests: [&client::REQUEST_RATE, &client::REQUEST_TOTAL],
    responses: [&client::RESPONSE_RATE, &client::RESPONSE_TOTAL],
    request_size: [&client::REQUEST_SIZE_AVG, &client::REQUEST_SIZE_MAX],
};

const OF_NODE: Names = Names {
    bytes_out: [&node::OUTGOING_BYTE_RATE, &node::OUTGOING_BYTE_TOTAL],
    bytes_in: [&node::INCOMING_BYTE_RATE, &node::INCOMING_BYTE_TOTAL],
    requests: [&node::REQUEST_RATE, &node::REQUEST_TOTAL],
    responses: [&node::RESPONSE_RATE, &node::RESPONSE_TOTAL],
    request_size: [&node::REQUEST_SIZE_AVG, &node::REQUEST_SIZE_MAX],
};

impl Summed<Traffic> {
    pub(super) fn write_of_client(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let (all, recent) = (self.total(), self.recent(now, sampling));
        let operations = |traffic: &Traffic| (traffic.reads + traffic.writes) as f64;
        let rate = operations(&recent) / self.elapsed_s(now, sampling);
        to.gauge(&client::NETWORK_IO_RATE, rate);
        to.total(&client::NETWORK_IO_TOTAL, operations(all));
        self.write(now, sampling, &OF_CLIENT, to);
    }

    pub(super) fn write_of_node(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        self.write(now, sampling, &OF_NODE, to);
    }

    fn write(&self, now: Instant, sampling: Sampling, names: &Names, to: &mut Writer<'_>) {
        let (all, recent) = (self.total(), self.recent(now, sampling));
        let elapsed_s = self.elapsed_s(now, sampling);
        let mut meter = |[rate, total]: [&'static Definition; 2], of: fn(&Traffic) -> u64| {
            to.gauge(rate, of(&recent) as f64 / elapsed_s);
            to.total(total, of(all) as f64);
        };
        meter(names.bytes_out, |traffic| traffic.bytes_out);
        meter(names.bytes_in, |traffic| traffic.bytes_in);
        meter(names.requests, |traffic| traffic.requests);
        meter(names.responses, |traffic| traffic.responses);
        let [average, maximum] = names.request_size;
        to.gauge(average, recent.request_bytes_average());
        to.gauge(maximum, recent.request_bytes_maximum());
    }
}
