//! One direction of a connection: what was sent, what has arrived, and where it ends.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kafka_wire::{FRAME_BYTES_MAX_DEFAULT, FrameReader};

/// One direction.
pub(crate) struct Pipe {
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    /// Bytes beyond this many never arrive.
    limit: Option<u64>,
    pub(crate) last_arrival: Instant,
    /// What has arrived and is no whole frame yet.
    pub(crate) buffer: BytesMut,
}

impl Pipe {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            sent: 0,
            arrived: 0,
            limit: None,
            last_arrival: now,
            buffer: BytesMut::new(),
        }
    }

    /// Takes in what of these bytes arrives.
    pub(crate) fn arrive(&mut self, bytes: &Bytes) {
        let end = self.arrived + bytes.len() as u64;
        let kept = end
            .min(self.limit.unwrap_or(end))
            .saturating_sub(self.arrived);
        self.buffer.extend_from_slice(&bytes[..kept as usize]);
        self.arrived = end;
    }

    /// Ends it somewhere between what has arrived and what was sent.
    pub(crate) fn cut(&mut self, random: &mut fastrand::Rng) {
        let sent = self.sent.max(self.arrived);
        let end = match random.u32(..3) {
            0 => self.arrived,
            1 => sent,
            _ => random.u64(self.arrived..=sent),
        };
        self.limit = Some(self.limit.map_or(end, |limit| limit.min(end)));
    }

    pub(crate) fn next_frame(&mut self) -> Option<Bytes> {
        let frames = FrameReader::new(FRAME_BYTES_MAX_DEFAULT);
        // Garbage that says it is a gigantic frame is left where it is.
        frames.next(&mut self.buffer).unwrap_or_default()
    }
}
