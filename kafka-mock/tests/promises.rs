//! What the public types promise beside their methods: threads may share them, and an error names
//! each of its causes once.

use kafka_mock::{
    MockRecord, ProducerStamp,
    cluster::{
        Answer, BrokerId, Cleanup, Cluster, ClusterConfig, ClusterError, CommittedOffset,
        ConnectionId, CoordinatorKind, Defect, Effect, Fault, GroupFacts, GroupMember, GroupState,
        HangingTransaction, LogContent, LogEntry, MemberFacts, Membership, Now, PartitionFacts,
        Release, RequestSeen, Restart, TopicConfig, TransactionFacts, TransactionOutcome,
        TransactionState, UncleanElection, When,
    },
};

fn shared_by_threads<T: Send + Sync>() {}

macro_rules! each_shared_by_threads {
    ($($type:ty,)*) => {
        $(shared_by_threads::<$type>();)*
    };
}

#[test]
fn every_public_type_may_be_sent_to_and_shared_by_threads() {
    each_shared_by_threads! {
        Answer, BrokerId, Cleanup, Cluster, ClusterConfig, ClusterError, CommittedOffset,
        ConnectionId, CoordinatorKind, Defect, Effect, Fault, GroupFacts, GroupMember, GroupState, HangingTransaction,
        LogContent, LogEntry, MemberFacts, Membership, MockRecord, Now, PartitionFacts, ProducerStamp, Release,
        RequestSeen, Restart, TopicConfig, TransactionFacts, TransactionOutcome, TransactionState,
        UncleanElection, When,
    }
}

#[cfg(feature = "sockets")]
#[test]
fn the_cluster_on_sockets_may_be_shared_and_its_errors_name_a_cause_once() {
    use std::error::Error;

    use kafka_mock::{MockCluster, MockClusterBuilder, MockError};

    each_shared_by_threads! { MockCluster, MockClusterBuilder, MockError, }

    let refused = MockError::from(ClusterError::UnknownTopic {
        topic: "orders".to_owned(),
    });
    assert_eq!(refused.to_string(), "there is no topic `orders`");
    assert!(refused.source().is_none());

    let failed = MockError::Thread(std::io::Error::other("no more threads"));
    let cause = failed.source().unwrap().to_string();
    assert!(!failed.to_string().contains(&cause), "{failed}");
}
