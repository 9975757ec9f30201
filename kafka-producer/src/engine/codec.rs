//! Whether a broker takes batches of our codec: asked before anything is sent to it.
//!
//! A broker of before the codec would not say what is wrong: Apache Kafka 2.0 answers a batch of zstd
//! with an error that it cannot explain.

use std::sync::Arc;

use kafka_wire::compression::Compression;
use kafka_wire::{ErrorCode, Version};

use super::lane::Attention;
use super::{Engine, NodeId};
use crate::error::Cause;

/// The version of Produce that a codec needs, and the first Apache Kafka that speaks it.
fn needed(codec: Compression) -> Option<(i16, &'static str)> {
    match codec {
        Compression::Zstd => Some((7, "2.1")), // KIP-110
        _ => None,
    }
}

impl Engine {
    /// Why a broker that speaks Produce up to this version cannot take our batches.
    pub(super) fn lacks_codec(&self, id: NodeId, spoken: Version) -> Option<Arc<str>> {
        let codec = self.settings.compression;
        let (version, kafka) = needed(codec).filter(|(version, _)| spoken.number < *version)?;
        let spoken = spoken.number;
        let why = format!(
            "{id} cannot take compression.type={codec}: it speaks Produce up to version {spoken}, and \
             {codec} needs version {version} (Apache Kafka {kafka})"
        );
        Some(why.into())
    }

    /// Ends what is listed for a broker that lacks the codec, before it is sent.
    pub(super) fn refuse_for_codec(&mut self, id: NodeId, why: &Arc<str>) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        for key in std::mem::take(&mut node.lanes) {
            let lane = &mut self.lanes[key as usize];
            lane.attention = Attention::Idle;
            if lane.leader != Some(id) {
                self.list(key);
                continue;
            }
            self.fail_unsent_of(key, || Cause::Refused {
                code: ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
                message: Some(Arc::clone(why)),
            });
        }
    }
}
