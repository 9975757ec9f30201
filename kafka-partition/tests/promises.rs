//! What the public types promise beside their methods: threads may share them.

use kafka_partition::{
    DefaultPartitioner, ExplicitError, HashPartitioner, KeyHash, KeyMove, KeyMoves, KeyPlacement,
    Leader, Load, Partitioner, Rack, RecordView, RoundRobinPartitioner, Spread, StickyState,
    TopicView, UniformStickyPartitioner, Weights,
};

fn shared_by_threads<T: Send + Sync + ?Sized>() {}

#[test]
fn every_public_type_may_be_sent_to_and_shared_by_threads() {
    shared_by_threads::<DefaultPartitioner>();
    shared_by_threads::<ExplicitError>();
    shared_by_threads::<HashPartitioner>();
    shared_by_threads::<KeyHash>();
    shared_by_threads::<KeyMove<&str>>();
    shared_by_threads::<KeyMoves>();
    shared_by_threads::<KeyPlacement>();
    shared_by_threads::<Leader>();
    shared_by_threads::<Load>();
    shared_by_threads::<Rack>();
    shared_by_threads::<RecordView<'static>>();
    shared_by_threads::<RoundRobinPartitioner>();
    shared_by_threads::<Spread>();
    shared_by_threads::<StickyState>();
    shared_by_threads::<TopicView<'static>>();
    shared_by_threads::<UniformStickyPartitioner>();
    shared_by_threads::<Weights>();
    shared_by_threads::<dyn Partitioner>();
}
