//! The hot path's request: a Produce frame written around batches that are not copied.
//!
//! ```text
//! head   [ length, header, topic, index, size, batch header ][ index, size, batch header ][ tags ]
//! bodies                                                    ▲ records                   ▲ records
//! ```
//!
//! Everything small goes into one buffer; the records of each batch stay where they are and are
//! only referred to. The result goes to the socket with vectored writes. Byte for byte it is what
//! [`encode_request`](crate::encode_request) makes of the same [`ProduceRequest`], which
//! a test checks.
//!
//! [`ProduceRequest`]: crate::messages::ProduceRequest

use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    api_key::ApiKey,
    encode_error::EncodeError,
    frame::{LENGTH_BYTES, frame_length},
    header::{NO_TAGS, put_request_header},
    message::Request,
    messages::ProduceRequest,
    uuid::Uuid,
    version::Version,
    wire::{put_length, put_string},
};

/// A Produce frame being written: [`begin`](Self::begin), then for each topic
/// [`topic`](Self::topic) and its partitions, then [`finish`](Self::finish).
///
/// ```
/// use bytes::Bytes;
/// use kafka_wire::{ProduceFrame, Request, Uuid, messages::ProduceRequest};
///
/// let version = ProduceRequest::version(9)?;
/// let mut frame = ProduceFrame::begin(version, 1, Some("app"), None, -1, 30_000, 1);
/// frame.topic("orders", Uuid::ZERO, 1);
/// frame.partition(0, &[0; 61], Bytes::from_static(b"records"));
/// let chunks = frame.finish()?;
/// assert_eq!(chunks.iter().count(), 3); // up to the records, the records, the tags after them
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ProduceFrame {
    head: BytesMut,
    cuts: Vec<Cut>,
    body_bytes: usize,
    version: Version,
    topics_to_come: usize,
    partitions_to_come: usize,
    /// The first thing that was too long, which [`finish`](Self::finish) returns.
    written: Result<(), EncodeError>,
}

/// A place in the head where a body stands.
#[derive(Clone, Debug)]
struct Cut {
    /// Bytes of the head before it.
    at: usize,
    body: Bytes,
}

impl ProduceFrame {
    /// Begins a frame of `topic_count` topics.
    ///
    /// # Panics
    /// When `version` is none of [`ProduceRequest`]'s.
    #[must_use]
    pub fn begin(
        version: Version,
        correlation_id: i32,
        client_id: Option<&str>,
        transactional_id: Option<&str>,
        acks: i16,
        timeout_ms: i32,
        topic_count: usize,
    ) -> Self {
        assert!(
            ProduceRequest::VERSIONS.contains(version.number),
            "no Produce {version}"
        );
        let mut head = BytesMut::with_capacity(HEAD_BYTES_GUESS);
        head.extend_from_slice(&[0; LENGTH_BYTES]);
        let header = put_request_header(
            &mut head,
            ApiKey::PRODUCE,
            version,
            correlation_id,
            client_id,
        );
        let id = put_string(&mut head, transactional_id, version)
            .map_err(|error| error.in_field("transactional_id"));
        head.put_i16(acks);
        head.put_i32(timeout_ms);
        let topics = put_length(&mut head, Some(topic_count), version)
            .map_err(|error| error.in_field("topic_data"));
        Self {
            written: header.and(id).and(topics),
            head,
            cuts: Vec::new(),
            body_bytes: 0,
            version,
            topics_to_come: topic_count,
            partitions_to_come: 0,
        }
    }

    /// Makes room for `partitions` more, so that nothing grows while they are written.
    pub fn reserve(&mut self, partitions: usize) {
        self.cuts.reserve(partitions);
        self.head.reserve(partitions * PARTITION_BYTES_GUESS);
    }

    /// Begins a topic of `partition_count` partitions, which must follow.
    ///
    /// Versions up to 12 send the name, later ones the id.
    ///
    /// # Panics
    /// When partitions of the topic before are missing, or all topics were written.
    pub fn topic(&mut self, name: &str, id: Uuid, partition_count: usize) {
        assert!(
            self.partitions_to_come == 0,
            "a topic begins before the last one is whole"
        );
        assert!(self.topics_to_come > 0, "more topics than announced");
        self.topics_to_come -= 1;
        self.partitions_to_come = partition_count;
        if self.version.number <= LAST_VERSION_WITH_NAMES {
            let name = put_string(&mut self.head, Some(name), self.version);
            self.note(name, "topic_data.name");
        } else {
            self.head.put_slice(&id.0);
        }
        let count = put_length(&mut self.head, Some(partition_count), self.version);
        self.note(count, "topic_data.partition_data");
        if partition_count == 0 {
            self.put_tags();
        }
    }

    /// Writes partition `index` with one batch: its header, which is copied, and its body, which
    /// is not.
    ///
    /// # Panics
    /// When all partitions of the topic were written.
    pub fn partition(&mut self, index: i32, header: &[u8; 61], body: Bytes) {
        assert!(
            self.partitions_to_come > 0,
            "more partitions than announced"
        );
        self.partitions_to_come -= 1;
        self.head.put_i32(index);
        let length = Some(header.len() + body.len());
        let length = put_length(&mut self.head, length, self.version);
        self.note(length, "topic_data.partition_data.records");
        self.head.put_slice(header);
        self.body_bytes += body.len();
        self.cuts.push(Cut {
            at: self.head.len(),
            body,
        });
        self.put_tags();
        if self.partitions_to_come == 0 {
            self.put_tags();
        }
    }

    /// The frame, ready for the socket.
    ///
    /// # Errors
    /// When something in it, or all of it, is longer than the protocol allows; nothing is cut.
    ///
    /// # Panics
    /// When topics or partitions are missing.
    pub fn finish(mut self) -> Result<FrameChunks, EncodeError> {
        assert!(
            self.topics_to_come + self.partitions_to_come == 0,
            "fewer than announced"
        );
        self.put_tags();
        self.written?;
        let bytes = self.head.len() + self.body_bytes;
        let length = frame_length(bytes)?;
        self.head[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(FrameChunks {
            head: self.head,
            head_taken: 0,
            cuts: self.cuts,
            cut: 0,
            bytes,
        })
    }

    /// Keeps the first error.
    #[inline]
    fn note(&mut self, written: Result<(), EncodeError>, field: &'static str) {
        if let Err(error) = written {
            self.fail(error, field);
        }
    }

    #[cold]
    fn fail(&mut self, error: EncodeError, field: &'static str) {
        if self.written.is_ok() {
            self.written = Err(error.in_field(field));
        }
    }

    /// Ends a struct: this request has no tagged fields.
    fn put_tags(&mut self) {
        if self.version.flexible {
            self.head.put_u8(NO_TAGS);
        }
    }
}

/// A frame in pieces, in the order of the wire.
///
/// As a [`Buf`] it remembers how much was written and offers all that is left to a vectored write.
///
/// ```
/// use bytes::{Buf, Bytes};
/// use kafka_wire::FrameChunks;
///
/// let mut chunks = FrameChunks::from(Bytes::from_static(b"\0\0\0\x02hi"));
/// chunks.advance(4);
/// assert_eq!(chunks.iter().collect::<Vec<_>>(), [b"hi"]);
/// ```
#[derive(Clone, Debug)]
pub struct FrameChunks {
    /// What is left of the small parts.
    head: BytesMut,
    /// Bytes of the head that were taken.
    head_taken: usize,
    cuts: Vec<Cut>,
    /// The cut that comes next.
    cut: usize,
    /// Bytes left.
    bytes: usize,
}

impl FrameChunks {
    /// Bytes left of the frame, its length included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What is left, in order; no piece is empty.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(self.head_taken);
        let starts = starts.chain(self.cuts[self.cut..].iter().map(|cut| cut.at));
        let ends = self.cuts[self.cut..]
            .iter()
            .map(|cut| (cut.at, &cut.body[..]));
        let ends = ends.chain(std::iter::once((
            self.head_taken + self.head.len(),
            &[][..],
        )));
        let pairs = starts.zip(ends).flat_map(|(start, (end, body))| {
            [
                &self.head[start - self.head_taken..end - self.head_taken],
                body,
            ]
        });
        pairs.filter(|piece| !piece.is_empty())
    }

    /// What is left, copied into one piece.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        self.copy_to_bytes(self.bytes)
    }
}

impl From<Bytes> for FrameChunks {
    fn from(frame: Bytes) -> Self {
        let bytes = frame.len();
        let cuts = vec![Cut { at: 0, body: frame }];
        Self {
            head: BytesMut::new(),
            head_taken: 0,
            cuts,
            cut: 0,
            bytes,
        }
    }
}

impl Buf for FrameChunks {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.iter().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = slices.iter_mut().zip(self.iter());
        pieces
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(
            count <= self.bytes,
            "cannot take {count} of {} bytes",
            self.bytes
        );
        self.bytes -= count;
        while count > 0 {
            let cut = self.cuts.get_mut(self.cut);
            let head_left = cut
                .as_ref()
                .map_or(self.head.len(), |cut| cut.at - self.head_taken);
            let of_head = count.min(head_left);
            self.head.advance(of_head);
            self.head_taken += of_head;
            count -= of_head;
            if let Some(cut) = cut.filter(|_| of_head == head_left) {
                let of_body = count.min(cut.body.len());
                cut.body.advance(of_body);
                count -= of_body;
                if cut.body.is_empty() {
                    // Let go of what was written, so that its memory can be used again.
                    cut.body = Bytes::new();
                    self.cut += 1;
                }
            }
        }
    }
}

/// Version 13 names topics by their id (KIP-516).
const LAST_VERSION_WITH_NAMES: i16 = 12;

/// Most frames of one partition fit into this without growing.
const HEAD_BYTES_GUESS: usize = 256;

/// A partition's index, size, batch header and tags, and a part of its topic's name.
const PARTITION_BYTES_GUESS: usize = 96;
