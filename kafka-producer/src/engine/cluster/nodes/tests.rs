//! Whom to ask, whom to dial, and what becomes of requests that nobody answers.

use kafka_wire::messages::api_versions::ApiVersion;
use kafka_wire::messages::{MetadataRequest, ProduceRequest};

use super::*;

const MS: Duration = Duration::from_millis(1);
const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const BOOTSTRAP: NodeId = NodeId(-1);

/// One bootstrap server, and the brokers of these ids.
fn nodes(ids: &[NodeId], properties: &[(&str, &str)]) -> (Nodes, Context) {
    let mut cx = Context::of(properties, Instant::now());
    let mut nodes = Nodes::new(&cx.settings, Authenticator::new([0; 32]));
    for id in ids {
        assert!(nodes.meet(&mut cx, *id, "here".to_owned(), 1).is_none());
    }
    (nodes, cx)
}

/// The brokers that were dialed.
fn dialed(cx: &mut Context) -> Vec<NodeId> {
    let dials = cx.actions.drain(..).filter_map(|action| match action {
        Action::Dial(id, ..) => Some(id),
        _ => None,
    });
    dials.collect()
}

/// What was sent, by its correlation ids.
fn sent(cx: &mut Context) -> Vec<(NodeId, i32)> {
    let requests = cx.actions.drain(..).filter_map(|action| match action {
        Action::Send(id, outgoing) => Some((id, outgoing.correlation_id)),
        _ => None,
    });
    requests.collect()
}

/// Makes a broker ready, which speaks `R` alone.
fn connect<R: Request>(nodes: &mut Nodes, cx: &mut Context, id: NodeId) {
    nodes.dial_when_rested(cx, id);
    nodes.opened(cx, id).unwrap();
    nodes.answered(id, &[0; 4]).unwrap().unwrap();
    let api = ApiVersion::default()
        .with_api_key(R::KEY)
        .with_min_version(R::STABLE_VERSIONS.oldest)
        .with_max_version(R::STABLE_VERSIONS.latest);
    let answer = ApiVersionsResponse::default().with_api_keys(vec![api]);
    assert!(matches!(
        nodes.greeted(cx, id, &answer, None),
        login::Login::Ready
    ));
    cx.actions.clear();
}

/// Asks a ready broker for metadata.
fn ask(nodes: &mut Nodes, cx: &mut Context, id: NodeId) -> Sent {
    let version = MetadataRequest::version(MetadataRequest::STABLE_VERSIONS.latest).unwrap();
    let topics = Vec::new();
    let expected = ExpectedResponse::Metadata { topics };
    nodes.ask(cx, id, version, &MetadataRequest::default(), expected)
}

#[test]
fn the_least_busy_broker_that_speaks_it_is_asked() {
    let (mut nodes, mut cx) = nodes(&[ONE, TWO, NodeId(3)], &[]);
    assert_eq!(nodes.ready::<MetadataRequest>(), None);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    connect::<MetadataRequest>(&mut nodes, &mut cx, TWO);
    connect::<ProduceRequest>(&mut nodes, &mut cx, NodeId(3));
    assert_eq!(nodes.ready::<MetadataRequest>(), Some(ONE));
    ask(&mut nodes, &mut cx, ONE).unwrap();
    assert_eq!(nodes.ready::<MetadataRequest>(), Some(TWO));
    nodes.throttle(&mut cx, TWO, 100);
    assert_eq!(nodes.ready::<MetadataRequest>(), Some(ONE));
    assert_eq!(nodes.availability(TWO), Some(Availability::Silent));
    assert_eq!(nodes.ready::<ProduceRequest>(), Some(NodeId(3)));
}

#[test]
fn a_known_broker_is_dialed_before_a_bootstrap_server_and_alone_for_a_while() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), [ONE]);
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), []);
    cx.now += MS * 250;
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), [BOOTSTRAP]);
}

#[test]
fn who_has_failed_more_often_is_dialed_later() {
    let (mut nodes, mut cx) = nodes(&[ONE, TWO], &[]);
    nodes.dial_when_rested(&mut cx, ONE);
    let lost = nodes.lose(&mut cx, ONE, "it is away").unwrap();
    assert!(lost.unanswered.is_empty());
    cx.now += MS * 100;
    cx.actions.clear();
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), [TWO]);
}

#[test]
fn silence_is_not_got_round_by_way_of_a_bootstrap_server() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    nodes.throttle(&mut cx, ONE, 1000);
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), []);
}

#[test]
fn what_is_held_back_is_sent_when_the_silence_is_over_on_that_connection_alone() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    nodes.throttle(&mut cx, ONE, 100);
    ask(&mut nodes, &mut cx, ONE).unwrap();
    assert_eq!(sent(&mut cx), []);
    assert!(nodes.due(&mut cx, ONE).is_none());
    assert_eq!(sent(&mut cx), []);
    cx.now += MS * 100;
    assert!(nodes.due(&mut cx, ONE).is_none());
    assert_eq!(sent(&mut cx), [(ONE, 1)]);

    nodes.throttle(&mut cx, ONE, 5000);
    ask(&mut nodes, &mut cx, ONE).unwrap();
    let lost = nodes.disconnected(&mut cx, ONE, "it hung up").unwrap();
    assert_eq!(lost.unanswered.len(), 2);
    cx.now += MS * 5000;
    assert!(nodes.due(&mut cx, ONE).is_none());
    assert_eq!(sent(&mut cx), [], "the connection is another");
}

#[test]
fn the_owner_of_a_request_gets_it_back_with_what_became_of_it() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[("request.timeout.ms", "1000")]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    ask(&mut nodes, &mut cx, ONE).unwrap();
    cx.now += MS * 500;
    ask(&mut nodes, &mut cx, ONE).unwrap();
    assert!(nodes.due(&mut cx, ONE).is_none());
    cx.now += MS * 500;
    let lost = nodes.due(&mut cx, ONE).unwrap();
    let codes = lost.unanswered.iter().map(|request| request.code);
    let expected = [ErrorCode::REQUEST_TIMED_OUT, ErrorCode::NETWORK_EXCEPTION];
    assert_eq!(codes.collect::<Vec<_>>(), expected);
    assert!(nodes.are_idle() && nodes.are_none_ready());
    let unsent = ask(&mut nodes, &mut cx, ONE);
    assert!(matches!(unsent, Err(Unsent::NoConnection(_))), "{unsent:?}");
}

#[test]
fn an_answer_to_nothing_that_was_asked_gives_the_connection_up() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    assert!(matches!(nodes.answered(ONE, &[0; 4]), Ok(None)));
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    ask(&mut nodes, &mut cx, ONE).unwrap();
    assert!(nodes.answered(ONE, &[0, 0, 0, 9]).is_err());
    assert!(nodes.answered(ONE, &[0, 0]).is_err());
    assert!(matches!(nodes.answered(ONE, &[0, 0, 0, 1]), Ok(Some(_))));
}

#[test]
fn who_is_met_again_is_left_alone_for_as_long_as_it_asked() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    nodes.throttle(&mut cx, ONE, 1000);
    assert!(nodes.lose(&mut cx, ONE, "it asks to begin anew").is_some());
    nodes.forget(cx.now, ONE);
    assert!(!nodes.knows(ONE));
    assert!(nodes.meet(&mut cx, ONE, "here".to_owned(), 1).is_none());
    assert_eq!(nodes.availability(ONE), Some(Availability::Silent));
}

#[test]
fn who_has_left_the_cluster_is_forgotten_when_nothing_is_on_its_way_there() {
    let (mut nodes, mut cx) = nodes(&[ONE, TWO], &[]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, ONE);
    nodes.forget_others(cx.now, &[], |_| false);
    assert_eq!(nodes.told_of(), [ONE]);
    assert!(nodes.knows(BOOTSTRAP));
    assert!(nodes.lose(&mut cx, ONE, "it has left").is_some());
    nodes.forget_others(cx.now, &[], |_| false);
    assert_eq!(nodes.told_of(), []);
}

#[test]
fn a_bootstrap_server_is_let_go_once_it_has_told_of_brokers() {
    let (mut nodes, mut cx) = nodes(&[], &[]);
    connect::<MetadataRequest>(&mut nodes, &mut cx, BOOTSTRAP);
    nodes.note_use(&mut cx, BOOTSTRAP);
    assert_eq!(nodes.availability(BOOTSTRAP), Some(Availability::Ready));
    assert!(nodes.meet(&mut cx, ONE, "here".to_owned(), 1).is_none());
    nodes.note_use(&mut cx, BOOTSTRAP);
    assert_eq!(nodes.availability(BOOTSTRAP), Some(Availability::Resting));
}

#[test]
fn produce_requests_are_as_many_as_the_window_allows() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    assert!(matches!(nodes.window(ONE, 1), Window::Resting));
    assert!(matches!(nodes.window(TWO, 1), Window::Closed));
    connect::<ProduceRequest>(&mut nodes, &mut cx, ONE);
    let Window::Open(version) = nodes.window(ONE, 1) else {
        panic!("it is ready");
    };
    assert_eq!(
        nodes.begin_produce(&mut cx, ONE, version, Vec::new()),
        Some(1)
    );
    assert!(matches!(nodes.window(ONE, 1), Window::Closed));
    assert!(matches!(nodes.window(ONE, 2), Window::Open(_)));
    assert!(nodes.withdraw(ONE, 1).is_some());
    assert!(matches!(nodes.window(ONE, 1), Window::Open(_)));
}

#[test]
fn a_host_that_no_message_could_name_is_none() {
    let (mut nodes, mut cx) = nodes(&[], &[]);
    for host in [
        "",
        "kafka\nERROR all is lost",
        "kafka\u{1b}[2J",
        "kafka\u{202e}1",
    ] {
        assert!(nodes.meet(&mut cx, ONE, host.to_owned(), 1).is_none());
        assert!(!nodes.knows(ONE), "{host:?}");
    }
    assert!(nodes.meet(&mut cx, ONE, "kafka-1".to_owned(), 1).is_none());
    assert!(nodes.knows(ONE));
}

/// Answers what a broker speaks: ApiVersions, up to the version in which it is told whom it should be.
fn greeted(nodes: &mut Nodes, cx: &mut Context, id: NodeId) -> login::Login {
    let api = ApiVersion::default()
        .with_api_key(ApiVersionsRequest::KEY)
        .with_max_version(api_versions::FIRST_WITH_DESTINATION);
    let answer = ApiVersionsResponse::default().with_api_keys(vec![api]);
    nodes.greeted(cx, id, &answer, None)
}

#[test]
fn who_was_greeted_before_the_cluster_was_known_is_asked_who_it_is_before_it_is_ready() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    nodes.dial_when_rested(&mut cx, ONE);
    nodes.opened(&mut cx, ONE).unwrap();
    nodes.answered(ONE, &[0; 4]).unwrap().unwrap();
    nodes.cluster_told(&mut cx, "tea");
    cx.actions.clear();
    let login = greeted(&mut nodes, &mut cx, ONE);
    assert!(matches!(login, login::Login::UnderWay(Ok(()))));
    assert!(nodes.is_verifying(ONE));
    assert_eq!(sent(&mut cx), [(ONE, 1)]);
}

#[test]
fn who_asks_for_a_pause_is_asked_who_it_is_after_it() {
    let (mut nodes, mut cx) = nodes(&[ONE], &[]);
    nodes.dial_when_rested(&mut cx, ONE);
    nodes.opened(&mut cx, ONE).unwrap();
    nodes.answered(ONE, &[0; 4]).unwrap().unwrap();
    assert!(matches!(
        greeted(&mut nodes, &mut cx, ONE),
        login::Login::Ready
    ));
    cx.actions.clear();
    // Both have come at once, so that nothing is decided in between.
    nodes.cluster_told(&mut cx, "tea");
    nodes.throttle(&mut cx, ONE, 100);
    assert_eq!(nodes.take_unverified(&cx), [ONE]);
    nodes.verify(&mut cx, ONE).unwrap().unwrap();
    assert_eq!(sent(&mut cx), []);
    assert!(nodes.take_unverified(&cx).is_empty());
    nodes.dial_any::<MetadataRequest>(&mut cx);
    assert_eq!(dialed(&mut cx), [], "nor by way of a bootstrap server");
}
