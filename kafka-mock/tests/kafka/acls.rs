//! Who may do what: the same ACLs and the same requests for a real Apache Kafka and the embedded cluster.
//!
//! A user asks for everything there is, under each kind of ACL. What is compared are all error codes of all answers.
//! Names are of one test alone, and no ACL is about a wildcard: others use the real cluster at the same time.

use kafka_mock::{
    MockCluster,
    cluster::{Authorizer, ClusterConfig, SaslConfig, SaslMechanism},
};
use kafka_wire::messages::{DeleteTopicsRequest, MetadataRequest};

use crate::{
    attempt::{
        ALL, ALLOW, Acls, Attempt, CLUSTER, Cluster, DENY, GROUP, LITERAL, PREFIXED, TOPIC,
        TRANSACTIONAL_ID,
    },
    batches::now_ms,
    broker::Broker,
    transactor::coordinator_of,
};

const ALICE: (&str, &str) = ("alice", "alice-secret");
const ADMIN: (&str, &str) = ("admin", "admin-secret");
/// Each operation alone, all of them, all but one, by a prefix, and what is about others.
const VARIANTS: [Acls; 17] = [
    &[],
    &[(LITERAL, "User:alice", ALL, ALLOW)],
    &[(LITERAL, "User:alice", 3, ALLOW)],
    &[(LITERAL, "User:alice", 4, ALLOW)],
    &[(LITERAL, "User:alice", 5, ALLOW)],
    &[(LITERAL, "User:alice", 6, ALLOW)],
    &[(LITERAL, "User:alice", 7, ALLOW)],
    &[(LITERAL, "User:alice", 8, ALLOW)],
    &[(LITERAL, "User:alice", 10, ALLOW)],
    &[(LITERAL, "User:alice", 11, ALLOW)],
    &[
        (LITERAL, "User:alice", ALL, ALLOW),
        (LITERAL, "User:alice", 4, DENY),
    ],
    &[
        (LITERAL, "User:alice", ALL, ALLOW),
        (LITERAL, "User:*", 8, DENY),
    ],
    &[(LITERAL, "User:alice", ALL, DENY)],
    &[(LITERAL, "User:bob", 3, ALLOW)],
    &[(LITERAL, "User:*", 3, ALLOW)],
    &[(PREFIXED, "User:alice", ALL, ALLOW)],
    &[
        (PREFIXED, "User:alice", ALL, DENY),
        (LITERAL, "User:alice", ALL, ALLOW),
    ],
];

fn kafka() -> Cluster {
    #[allow(
        clippy::disallowed_methods,
        reason = "where Kafka is, is told by who runs the test"
    )]
    let [admin, alice] = ["", "_SASL_PLAINTEXT"].map(|listener| {
        let name = format!("KAFKA_BOOTSTRAP_SERVERS{listener}");
        let servers = std::env::var(&name).unwrap_or_else(|_| {
            panic!(
                "{name} must name a running Apache Kafka 4 with ACLs; \
                 `cargo xtask ci kafka` starts one and sets it"
            )
        });
        Broker::at(servers.split(',').next().unwrap().to_owned())
    });
    let alice = alice.by(ALICE);
    Cluster { admin, alice }
}

fn mock() -> (MockCluster, Cluster) {
    let users = SaslConfig::new([SaslMechanism::Plain]).with_users(
        [ALICE, ADMIN]
            .map(|(name, password)| (name.to_owned(), password.to_owned()))
            .into(),
    );
    let authorizer = Authorizer::default()
        .with_super_users(vec!["User:admin".to_owned()])
        .with_allow_everyone_if_no_acl_found(true);
    let config = ClusterConfig::default()
        .with_brokers(3)
        .with_auto_create_topics(false)
        .with_sasl(Some(users))
        .with_authorizer(Some(authorizer));
    let kafka = MockCluster::builder().config(config).start_blocking();
    let kafka = kafka.unwrap();
    let servers = kafka.bootstrap_servers();
    let any = Broker::at(servers.split(',').next().unwrap().to_owned());
    let (admin, alice) = (any.clone().by(ADMIN), any.by(ALICE));
    (kafka, Cluster { admin, alice })
}

/// An ACL about the cluster, which closes it to everybody but who it is about.
fn close(cluster: &Cluster) {
    let mut attempt = Attempt {
        cluster,
        name: "kafka-cluster".to_owned(),
        notes: Vec::new(),
    };
    let nothing = MetadataRequest::default().with_topics(Some(vec![]));
    let brokers = cluster.admin.ask(12, &nothing).brokers;
    let brokers = brokers.iter().map(|it| cluster.admin.other(it.node_id));
    let brokers: Vec<_> = brokers.collect();
    attempt.protect(CLUSTER, &[(LITERAL, "User:nobody", 8, ALLOW)], &brokers);
}

/// Tries the same under each variant, on both, and compares what was answered.
fn compare(
    name: &str,
    ours: &Cluster,
    theirs: &Cluster,
    scenario: impl Fn(&mut Attempt<'_>, Acls),
) {
    for (n, acls) in VARIANTS.into_iter().enumerate() {
        let [theirs, ours] = [theirs, ours].map(|cluster| {
            // So that no name begins as another.
            let name = format!("acl-{name}-{}-{n}-", now_ms());
            let mut attempt = Attempt {
                cluster,
                name,
                notes: Vec::new(),
            };
            scenario(&mut attempt, acls);
            attempt.notes
        });
        let lines = (0..theirs.len().max(ours.len())).map(|n| (theirs.get(n), ours.get(n)));
        let lines = lines.filter(|(theirs, ours)| theirs != ours);
        let lines = lines.map(|(theirs, ours)| format!("Kafka: {theirs:?}\nmock:  {ours:?}"));
        let lines: Vec<_> = lines.collect();
        assert!(lines.is_empty(), "{acls:?}:\n{}", lines.join("\n"));
    }
}

/// All in one test, as nobody else may ask as Alice while the cluster is closed to her.
#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn acls_let_through_what_they_do_with_kafka() {
    let (_mock, ours) = mock();
    let theirs = kafka();
    of_topics(&ours, &theirs);
    of_groups(&ours, &theirs);
    of_transactional_ids(&ours, &theirs);
    for cluster in [&ours, &theirs] {
        close(cluster);
    }
    of_topics(&ours, &theirs);
    of_groups(&ours, &theirs);
    for cluster in [&ours, &theirs] {
        let mut attempt = Attempt {
            cluster,
            name: "kafka-cluster".to_owned(),
            notes: Vec::new(),
        };
        attempt.open(CLUSTER);
        assert_eq!(attempt.notes.last().map(String::as_str), Some("1"));
    }
}

fn of_topics(ours: &Cluster, theirs: &Cluster) {
    compare("topic", ours, theirs, |attempt, acls| {
        let admin = attempt.cluster.admin.clone();
        let leader = admin.create(&attempt.name, 1, &[]);
        let alice = attempt.as_alice(&leader);
        let id = admin.topic_id(&attempt.name);
        let group = format!("free-{}", attempt.name);
        let of_group = coordinator_of(&admin, &group, 0);
        let of_id = coordinator_of(&admin, &group, 1);
        attempt.protect(TOPIC, acls, &[leader, of_group.clone(), of_id]);
        attempt.look_at_topic(&alice, id);
        attempt.change_topic(&alice);
        let topic = attempt.name.clone();
        let at_group = attempt.as_alice(&of_group);
        attempt.use_offsets(&at_group, &group, &topic);
        attempt.delete_topic(&alice);
        attempt.open(TOPIC);
    });
}

fn of_groups(ours: &Cluster, theirs: &Cluster) {
    compare("group", ours, theirs, |attempt, acls| {
        let admin = attempt.cluster.admin.clone();
        let topic = format!("free-{}", attempt.name);
        admin.create(&topic, 1, &[]);
        let coordinator = coordinator_of(&admin, &attempt.name, 0);
        let alice = attempt.as_alice(&coordinator);
        attempt.protect(GROUP, acls, &[coordinator]);
        let group = attempt.name.clone();
        attempt.be_a_member(&alice);
        attempt.use_offsets(&alice, &group, &topic);
        attempt.commit_offsets_in_transaction(&alice, &group, &topic);
        attempt.look_at_group(&alice);
        attempt.open(GROUP);
        let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic]);
        admin.ask(5, &gone);
    });
}

fn of_transactional_ids(ours: &Cluster, theirs: &Cluster) {
    compare("id", ours, theirs, |attempt, acls| {
        let admin = attempt.cluster.admin.clone();
        let topic = format!("free-{}", attempt.name);
        admin.create(&topic, 1, &[]);
        let producer = attempt.producer();
        let coordinator = coordinator_of(&admin, &attempt.name, 1);
        let group = format!("free-{}", attempt.name);
        let of_group = coordinator_of(&admin, &group, 0);
        attempt.protect(
            TRANSACTIONAL_ID,
            acls,
            &[coordinator.clone(), of_group.clone()],
        );
        let alice = attempt.as_alice(&coordinator);
        attempt.transact(&alice, producer, &topic);
        let alice = attempt.as_alice(&of_group);
        attempt.commit_offsets_in_transaction(&alice, &group, &topic);
        attempt.open(TRANSACTIONAL_ID);
        let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic]);
        admin.ask(5, &gone);
    });
}
