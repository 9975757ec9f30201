//! Beginning anew with the bootstrap servers, when those that are known lead nowhere.
//!
//! Brokers may all have moved, or their addresses may belong to another cluster by now. Bootstrap
//! servers are dialed along with the known brokers anyway, when these fail as often. Here the known
//! ones are forgotten altogether: when no metadata was to be had for
//! `metadata.recovery.rebootstrap.trigger.ms` (KIP-899), or when a broker asks for it
//! (`REBOOTSTRAP_REQUIRED`, KIP-1102). What was on its way is sent again, under its numbers.

use crate::engine::Engine;
use crate::engine::produce::lane::Attention;
use crate::engine::produce::partitions::Partitions;

use crate::settings::MetadataRecovery;

impl Engine {
    /// No metadata came from where it was asked for, or nobody is left to ask.
    pub(crate) fn metadata_unheard(&mut self) {
        self.metadata.unheard_since.get_or_insert(self.cx.now);
    }

    /// Begins anew if there was no metadata for too long.
    pub(crate) fn rebootstrap_if_overdue(&mut self) {
        if let MetadataRecovery::Rebootstrap { trigger } = self.cx.settings.metadata_recovery
            && let Some(since) = self.metadata.unheard_since
            && self.cx.now.saturating_duration_since(since) >= trigger
        {
            self.rebootstrap("no metadata was to be had for too long");
        }
    }

    /// A broker says that it does not belong to the cluster that the client believes in.
    pub(crate) fn rebootstrap_required(&mut self) {
        // It may say so again and again, and nothing came of the question.
        self.metadata_failed();
        match self.cx.settings.metadata_recovery {
            MetadataRecovery::Rebootstrap { .. } => self.rebootstrap("it asks to begin anew"),
            MetadataRecovery::None => {}
        }
    }

    /// Forgets every broker but the bootstrap servers, and all that they led.
    fn rebootstrap(&mut self, why: &str) {
        self.metadata.unheard_since = None;
        for id in self.nodes.told_of() {
            self.lose(id, why);
            self.nodes.forget(self.cx.now, id);
        }
        for key in self.lanes.keys() {
            self.lanes.lead(key, None);
            let lane = &mut self.lanes[key as usize];
            lane.leader_epoch = -1;
            if let Attention::Listed(_) = lane.attention {
                lane.attention = Attention::Orphaned;
            }
        }
        for interest in self.metadata.topics.values_mut() {
            let partitions = interest.partitions.iter_mut();
            partitions.for_each(Partitions::forget_leaders);
        }
        self.metadata.want();
    }
}
