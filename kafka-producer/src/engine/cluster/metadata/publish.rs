//! What callers see of the topics: a new snapshot, if anything in it has changed.

use std::sync::Arc;

use crate::engine::cluster::metadata::Metadata;
use crate::engine::cluster::snapshot::{Change, Cluster, Topic};
use crate::engine::context::Context;
use crate::engine::produce::lanes::Lanes;

impl Metadata {
    /// Publishes a new snapshot, if anything that callers see has changed of these topics.
    pub(crate) fn publish(&self, cx: &Context, lanes: &Lanes, topics: &[Arc<str>]) {
        let cluster = cx.handle.cluster();
        let changes = topics
            .iter()
            .filter_map(|name| self.change_of(cx, lanes, name, &cluster));
        let changes: Vec<Change> = changes.collect();
        if !changes.is_empty() {
            cx.handle.publish(cluster.with(changes));
        }
    }

    fn change_of(
        &self,
        cx: &Context,
        lanes: &Lanes,
        name: &Arc<str>,
        cluster: &Cluster,
    ) -> Option<Change> {
        let published = cluster.topic(name);
        let entry = self.topics.get(name);
        let Some(entry) = entry.filter(|entry| entry.is_known()) else {
            return published.map(|_| Change::Gone(Arc::clone(name)));
        };
        let partitions = entry.partitions()?;
        let mut available = Vec::with_capacity(partitions.len());
        available.extend(partitions.available(lanes));
        let is_same =
            |topic: &Arc<Topic>| topic.row.is(partitions.row()) && topic.available == available;
        if published.is_some_and(is_same) {
            return None;
        }
        Some(Change::Is(Arc::new(Topic {
            name: Arc::clone(name),
            row: partitions.row().clone(),
            accumulator: Arc::clone(&cx.accumulator),
            available,
            sticky: Arc::clone(entry.sticky()),
        })))
    }
}
