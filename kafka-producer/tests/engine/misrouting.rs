//! Connections that lead to another broker or cluster than the one that is meant (KIP-1242).

use std::collections::BTreeMap;

use kafka_producer::engine::NodeId;
use kafka_producer::settings::{Address, MetadataRecovery, Settings};
use kafka_wire::{ApiKey, ErrorCode};

use crate::logins::{plain_login, with_sasl};
use crate::stage::{Stage, TOPIC, delivered, expired, ms, pending, settings};
use crate::transactions::transactional;
use crate::wires::{Map, ok};

/// Where connections lead, and what brokers were told of that.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// The cluster and the broker that a connection leads to, if it is not the one that is meant.
    misled: BTreeMap<NodeId, (&'static str, i32)>,
    /// What each broker was told, when it was asked what it speaks.
    told: Vec<(NodeId, Option<(String, i32)>)>,
}

impl Ways {
    /// What a broker says to a client that means this one.
    pub(crate) fn judge(
        &mut self,
        map: &Map,
        node: NodeId,
        meant: Option<&(String, i32)>,
    ) -> ErrorCode {
        self.told.push((node, meant.cloned()));
        let misled = self.misled.get(&node).copied();
        let truly = misled.or_else(|| Some((map.cluster?, node.0)));
        match (meant, truly) {
            (Some((cluster, id)), Some(truly)) if (cluster.as_str(), *id) != truly => {
                ErrorCode::REBOOTSTRAP_REQUIRED
            }
            _ => ErrorCode::NONE,
        }
    }

    /// What this broker was told, each time.
    fn told(&self, node: i32) -> Vec<Option<(&str, i32)>> {
        let told = self.told.iter().filter(|(to, _)| *to == NodeId(node));
        let meant = told.map(|(_, meant)| meant.as_ref().map(|(cluster, id)| (&**cluster, *id)));
        meant.collect()
    }
}

impl Stage {
    /// Connections to this broker lead there from now on, and the one that there is breaks.
    fn mislead(&mut self, node: i32, to: (&'static str, i32)) {
        self.ways.misled.insert(NodeId(node), to);
        self.lose(node);
    }

    /// How often a broker was asked for anything but what it speaks.
    fn asked_of(&self, node: i32) -> usize {
        let of =
            |(to, api): &&(NodeId, ApiKey)| *to == NodeId(node) && *api != ApiKey::API_VERSIONS;
        self.asked.iter().filter(of).count()
    }

    fn dials_of(&self, node: i32) -> usize {
        let dials = self.dials.iter();
        dials.filter(|(id, _)| *id == NodeId(node)).count()
    }
}

/// The bootstrap server is at the address of broker 1.
fn at_broker_1(settings: Settings) -> Settings {
    Settings {
        bootstrap: vec![Address::new("broker-1", 9092)],
        ..settings
    }
}

#[test]
fn a_broker_is_told_whom_it_should_be_and_a_bootstrap_server_is_not() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    assert_eq!(stage.ways.told(-1), [None]);
    assert_eq!(stage.ways.told(1), [Some(("tea", 1))]);
    assert!(stage.warnings.is_empty());
}

#[test]
fn a_broker_with_logins_is_asked_behind_the_login() {
    let mut stage = Stage::with(with_sasl(plain_login(), settings()), &[1]);
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let delivery = stage.send(0, "tea");
    let (_, greeted) = answer_versions(&mut stage, 1);
    assert_eq!(greeted, None);
    assert_eq!(stage.requests(1).len(), 0, "it has not said who it is");
    let (api, named) = answer_versions(&mut stage, 1);
    assert_eq!(
        (api, named),
        (ApiKey::API_VERSIONS, Some(("tea".to_owned(), 1)))
    );
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

/// Answers the oldest request of a broker, which is about what it speaks; what that one named.
fn answer_versions(stage: &mut Stage, node: i32) -> (ApiKey, Option<(String, i32)>) {
    let api = stage.connections[&NodeId(node)][0].header.api_key;
    stage.by_hand.clear();
    let (node, answer) = stage.next_by_itself().expect("it is asked");
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    stage.respond(node, answer);
    stage.settle();
    let (_, named) = stage.ways.told.last().cloned().expect("it was told");
    (api, named)
}

#[test]
fn a_bootstrap_server_that_turns_out_to_be_a_broker_says_so_before_the_first_record() {
    let mut stage = Stage::bare(at_broker_1(settings()), Map::of(TOPIC, &[1]));
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.ways.told(-1), [None]);
    assert_eq!(stage.ways.told(1), [Some(("tea", 1))]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.dials.len(), 1);
}

#[test]
fn a_bootstrap_server_at_the_address_of_a_broker_that_is_another_is_not_used() {
    let mut stage = Stage::bare(at_broker_1(settings()), Map::of(TOPIC, &[1, 2]));
    stage.ways.misled.insert(NodeId(1), ("tea", 2));
    stage.know(TOPIC);
    let deliveries = [stage.send(0, "a"), stage.send(1, "b")];
    stage.pass(ms(500));
    assert_eq!(stage.requests(1).len(), 0);
    stage.answer(2, [ok(0)]);
    delivered(&deliveries[1], 0);
    stage.ways.misled.clear();
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    delivered(&deliveries[0], 0);
}

#[test]
fn a_connection_that_leads_elsewhere_is_closed_and_others_stay() {
    for to in [("tea", 2), ("coffee", 1)] {
        let mut stage = Stage::idempotent(&[1, 2]);
        stage.warm_up(0, 1);
        stage.warm_up(1, 2);
        let asked = stage.asked_of(1);
        stage.mislead(1, to);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(5000));
        pending(&delivery);
        assert_eq!(stage.asked_of(1), asked, "nothing is asked there");
        let dials = stage.dials_of(1);
        assert!((6..12).contains(&dials), "{dials} dials in 5 s");
        assert_eq!(stage.dials_of(2), 1);
        let warnings = &stage.warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("broker 1 at broker-1:9092"));
        assert!(warnings[0].contains("not to broker 1 of cluster tea"));
        stage.ways.misled.clear();
        stage.pass(ms(1500));
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
        stage.mislead(1, to);
        stage.pass(ms(2000));
        let _ = stage.send(0, "tea");
        stage.pass(ms(2000));
        assert_eq!(stage.warnings.len(), 2, "it was right meanwhile");
    }
}

#[test]
fn where_every_connection_leads_elsewhere_the_bootstrap_servers_are_asked() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let dials = stage.dials_of(-1);
    stage.mislead(1, ("coffee", 1));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(300));
    assert!(stage.dials_of(-1) > dials);
    assert_eq!(stage.requests(1).len(), 0);
    // The addresses belong to another cluster by now, and the bootstrap servers know.
    stage.map.cluster = Some("coffee");
    stage.pass(ms(2000));
    assert_eq!(stage.ways.told(1).last(), Some(&Some(("coffee", 1))));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    let last = stage.warnings.last().unwrap();
    assert_eq!(
        last,
        "the cluster is another one: metadata is of cluster coffee, and was of cluster tea"
    );
}

#[test]
fn a_record_that_waits_in_vain_is_told_where_the_connection_leads() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    stage.mislead(1, ("coffee", 1));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(120_000));
    let error = expired(&delivery).to_string();
    let why = "leads to another broker or cluster, not to broker 1 of cluster tea";
    assert!(error.contains(why), "{error}");
}

#[test]
fn every_connection_is_checked_again_when_metadata_is_of_another_cluster() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    stage.ways.misled.insert(NodeId(1), ("tea", 1));
    stage.map.cluster = Some("coffee");
    stage.pass(ms(300_000));
    assert_eq!(
        stage.ways.told(1)[..2],
        [Some(("tea", 1)), Some(("coffee", 1))]
    );
    assert_eq!(
        stage.ways.told(2)[..2],
        [Some(("tea", 2)), Some(("coffee", 2))]
    );
    assert_eq!(stage.warnings.len(), 2, "{:?}", stage.warnings);
    let deliveries = [stage.send(0, "a"), stage.send(1, "b")];
    assert_eq!(stage.requests(1).len(), 0);
    stage.answer(2, [ok(1)]);
    delivered(&deliveries[1], 1);
}

#[test]
fn a_coordinator_that_was_met_before_any_metadata_is_asked_when_there_is_some() {
    let mut stage = Stage::bare(transactional(), Map::of(TOPIC, &[1]));
    stage.init().done();
    let coordinator = stage.coordinators.transactions;
    assert_eq!(
        stage.ways.told(coordinator),
        [None, Some(("tea", coordinator))]
    );
}

#[test]
fn an_older_broker_is_not_asked_who_it_is() {
    let mut stage = Stage::bare(at_broker_1(settings()), Map::of(TOPIC, &[1]));
    stage.withheld.insert(ApiKey::API_VERSIONS);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.asked(ApiKey::API_VERSIONS), 1);
    // It can say only by its metadata that it belongs to another cluster.
    stage.map.cluster = Some("coffee");
    stage.pass(ms(300_000));
    assert_eq!(stage.warnings.len(), 1);
    assert!(stage.warnings[0].contains("of cluster coffee, and was of cluster tea"));
}

#[test]
fn nobody_is_told_anything_without_the_setting_or_without_beginning_anew() {
    let off = Settings {
        cluster_check: false,
        ..settings()
    };
    let kept = Settings {
        metadata_recovery: MetadataRecovery::None,
        ..off.clone()
    };
    for settings in [off, kept] {
        let mut stage = Stage::with(settings, &[1]);
        stage.warm_up(0, 1);
        assert_eq!(stage.ways.told(1), [None]);
    }
}
