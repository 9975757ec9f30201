//! The facade against an embedded cluster that goes by ACLs: what is told of each permission that is missing, and that
//! it goes on once it is there.

use kafka_mock::cluster::{Acl, AclOperation, AclResource, Authorizer};
use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit, Producer};

use crate::scene::{TOPIC, builder, in_time, kafka, producer, record, values};

fn acl(operation: AclOperation, resource: AclResource) -> Acl {
    Acl::allow("User:ANONYMOUS", operation, resource)
}

fn transactional(kafka: &kafka_mock::MockCluster) -> Producer<str, str> {
    let settings = [("transactional.id", "till-7")];
    let builder = builder(&kafka.bootstrap_servers(), &settings);
    builder.build().unwrap()
}

#[tokio::test]
async fn a_topic_that_may_not_be_seen_is_told_at_once_and_written_once_it_may_be() {
    let kafka = kafka(1, 1).await;
    kafka.with_cluster(|it| it.set_authorizer(Some(Authorizer::default())));
    let producer = producer(&kafka, &[]);
    let refused = in_time(producer.send(record("no"))).await.unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("TOPIC_AUTHORIZATION_FAILED"), "{told}");
    kafka.with_cluster(|it| it.add_acl(acl(AclOperation::Write, AclResource::topic(TOPIC))));
    let sent = in_time(producer.send(record("yes"))).await.unwrap();
    in_time(sent).await.unwrap();
    assert_eq!(values(&kafka), ["yes"]);
}

#[tokio::test]
async fn a_topic_that_may_only_be_seen_fails_its_records_for_certain() {
    let kafka = kafka(1, 1).await;
    let see = acl(AclOperation::Describe, AclResource::topic(TOPIC));
    kafka.with_cluster(|it| it.add_acl(see));
    let producer = producer(&kafka, &[]);
    let sent = in_time(producer.send(record("no"))).await.unwrap();
    let failed = in_time(sent).await.unwrap_err().to_string();
    assert!(failed.contains("TOPIC_AUTHORIZATION_FAILED"), "{failed}");
    kafka.with_cluster(|it| it.set_authorizer(None));
    let sent = in_time(producer.send(record("yes"))).await.unwrap();
    in_time(sent).await.unwrap();
    assert_eq!(values(&kafka), ["yes"]);
}

#[tokio::test]
async fn who_may_write_nowhere_gets_no_producer_id_and_is_told_so() {
    let kafka = kafka(1, 1).await;
    let see = acl(AclOperation::Describe, AclResource::topic(TOPIC));
    let authorizer = Authorizer::default().with_acls(vec![see]);
    kafka.with_cluster(|it| it.set_authorizer(Some(authorizer)));
    let producer = producer(&kafka, &[]);
    let sent = in_time(producer.send(record("no"))).await.unwrap();
    let failed = in_time(sent).await.unwrap_err().to_string();
    assert!(failed.contains("CLUSTER_AUTHORIZATION_FAILED"), "{failed}");
}

#[tokio::test]
async fn a_transactional_id_that_may_not_be_used_is_told_by_the_first_call() {
    let kafka = kafka(1, 1).await;
    let id = AclResource::transactional_id("till-").prefixed();
    kafka.with_cluster(|it| it.add_acl(Acl::deny("User:*", AclOperation::Write, id)));
    let producer = transactional(&kafka);
    let refused = in_time(producer.init_transactions()).await.unwrap_err();
    let told = refused.to_string();
    let code = "TRANSACTIONAL_ID_AUTHORIZATION_FAILED";
    assert!(told.contains(code), "{told}");
}

#[tokio::test]
async fn offsets_of_a_group_that_may_not_be_read_fail_one_transaction_and_not_the_next() {
    let kafka = kafka(1, 1).await;
    let group = AclResource::group("billing");
    kafka.with_cluster(|it| it.add_acl(Acl::deny("User:*", AclOperation::Read, group)));
    let producer = transactional(&kafka);
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let offsets = [OffsetToCommit::new(TOPIC, 0, 1)];
    let group = ConsumerGroupMetadata::new("billing");
    let refused = in_time(transaction.send_offsets(offsets, &group)).await;
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("GROUP_AUTHORIZATION_FAILED"), "{told}");
    in_time(transaction.abort()).await.unwrap();
    kafka.with_cluster(|it| it.set_authorizer(None));
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let sent = in_time(transaction.send(record("yes"))).await.unwrap();
    in_time(transaction.commit()).await.unwrap();
    in_time(sent).await.unwrap();
}
