//! Whether a broker takes batches of our codecs: asked before anything is sent to it.
//!
//! A broker of before the codec would not say what is wrong: Apache Kafka 2.0 answers a batch of zstd
//! with an error that it cannot explain.

use std::sync::Arc;

use kafka_wire::compression::Compression;
use kafka_wire::{ErrorCode, Version};

use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::sender::{Peers, Sender};
use crate::error::Cause;
use crate::settings::Codecs;

/// The version of Produce that a codec needs, and the first Apache Kafka that speaks it.
fn needed(codec: Compression) -> Option<(i16, &'static str)> {
    match codec {
        Compression::Zstd => Some((TAKES_ALL, "2.1")), // KIP-110
        _ => None,
    }
}

/// Whoever speaks this version of Produce takes batches of every codec.
const TAKES_ALL: i16 = 7;

/// Whether a broker that speaks Produce up to this version cannot take batches of some topics.
pub(super) fn are_some_lacking(codecs: &Codecs, id: NodeId, spoken: Version) -> bool {
    // Asked with each request, and since then brokers take all of them.
    if spoken.number >= TAKES_ALL {
        return false;
    }
    let mut all = codecs.all();
    all.any(|codec| lacking(codec.compression, id, spoken).is_some())
}

/// Why a broker that speaks Produce up to this version cannot take batches of this codec.
fn lacking(codec: Compression, id: NodeId, spoken: Version) -> Option<Arc<str>> {
    let (version, kafka) = needed(codec).filter(|(version, _)| spoken.number < *version)?;
    let spoken = spoken.number;
    let why = format!(
        "{id} cannot take compression.type={codec}: it speaks Produce up to version {spoken}, and \
         {codec} needs version {version} (Apache Kafka {kafka})"
    );
    Some(why.into())
}

impl Sender {
    /// Ends what is listed for a broker that lacks the codec of its topic, before it is sent.
    pub(super) fn refuse_for_codec(&mut self, p: &mut Peers<'_>, id: NodeId, spoken: Version) {
        for key in self.lanes.take_listed(id) {
            let lane = &mut self.lanes[key];
            if lane.leader() != Some(id) {
                self.list(p, key);
                continue;
            }
            let codec = p.cx.settings.codecs.of(lane.topic()).compression;
            match lacking(codec, id, spoken) {
                None => self.lanes.list_again(id, key),
                Some(why) => lane.fail_unsent(p.cx, &|| Cause::Refused {
                    code: ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
                    message: Some(Arc::clone(&why)),
                }),
            }
        }
    }
}
