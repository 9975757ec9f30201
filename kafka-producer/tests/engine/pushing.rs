//! Metrics pushed to brokers that ask for them (KIP-714): who is asked when, what every answer leads to, and that
//! no record, no connection and no end of a producer depends on it.

use std::time::Duration;

use futures_channel::oneshot;
use kafka_producer::engine::{Command, NodeId};
use kafka_producer::error::ClientInstanceIdError;
use kafka_producer::settings::{MetricsPush, Settings};
use kafka_wire::messages::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse, PushTelemetryRequest,
    PushTelemetryResponse,
};
use kafka_wire::{ApiKey, ErrorCode, Uuid};

use crate::stage::{Stage, TOPIC, delivered, ms, settings};
use crate::wires::{Map, What, ok};

const SUBSCRIPTION: ApiKey = ApiKey::GET_TELEMETRY_SUBSCRIPTIONS;
const PUSH: ApiKey = ApiKey::PUSH_TELEMETRY;
const CLIENT: Uuid = Uuid([7; 16]);
const INTERVAL: Duration = Duration::from_secs(10);

impl Stage {
    /// One whose brokers take metrics, of which broker 1 is connected and has nothing to answer but what is wanted.
    fn taking_metrics() -> Self {
        Self::taking_metrics_with(settings())
    }

    fn taking_metrics_with(settings: Settings) -> Self {
        Self::taking_metrics_seeded(settings, 42)
    }

    fn taking_metrics_seeded(settings: Settings, seed: u64) -> Self {
        let mut stage = Self::seeded(settings, Map::of(TOPIC, &[1]), seed);
        stage.takes_metrics = true;
        stage.know(TOPIC);
        stage.pass(ms(200));
        stage.warm_up(0, 1);
        stage
    }

    /// The only request that is not answered.
    fn only(&self) -> (NodeId, &What) {
        let asked = self.connections.iter();
        let asked: Vec<_> = asked
            .flat_map(|(node, asked)| asked.iter().map(|asked| (*node, &asked.what)))
            .collect();
        let [only] = asked[..] else {
            panic!("{asked:?}");
        };
        only
    }

    fn tell_subscription(&mut self, answer: &GetTelemetrySubscriptionsResponse) {
        let (node, What::Subscription(_)) = self.only() else {
            panic!("{:?}", self.only());
        };
        let asked = &self.connections[&node][0];
        let frame = asked.answer::<GetTelemetrySubscriptionsRequest>(answer);
        self.respond(node, frame);
        self.settle();
    }

    fn answer_push(&mut self, code: ErrorCode) {
        let (node, What::MetricsPush(_)) = self.only() else {
            panic!("{:?}", self.only());
        };
        let asked = &self.connections[&node][0];
        let answer = PushTelemetryResponse::default().with_error_code(code);
        let frame = asked.answer::<PushTelemetryRequest>(&answer);
        self.respond(node, frame);
        self.settle();
    }

    /// Gathers what is to be gathered.
    fn gather(&mut self) {
        let gathering = self.gatherings.pop().expect("metrics are to be gathered");
        gathering.run();
        self.tick();
    }

    /// A stage that pushes its first metrics.
    fn pushing() -> Self {
        let mut stage = Self::taking_metrics();
        stage.tell_subscription(&wanting_all());
        stage.pass(INTERVAL * 3 / 2);
        stage.gather();
        stage
    }

    fn pushed(&self) -> &PushTelemetryRequest {
        match self.only() {
            (_, What::MetricsPush(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn ask_for_id(
        &mut self,
        limit: Duration,
    ) -> oneshot::Receiver<Result<Uuid, ClientInstanceIdError>> {
        let (reply, id) = oneshot::channel();
        let deadline = self.now + limit;
        self.handle
            .ask(Command::ClientInstanceId { deadline, reply });
        self.tick();
        id
    }
}

fn wanting_all() -> GetTelemetrySubscriptionsResponse {
    GetTelemetrySubscriptionsResponse::default()
        .with_client_instance_id(CLIENT)
        .with_subscription_id(42)
        .with_push_interval_ms(i32::try_from(INTERVAL.as_millis()).unwrap())
        .with_telemetry_max_bytes(1 << 20)
        .with_requested_metrics(vec!["*".to_owned()])
}

fn wanting_none() -> GetTelemetrySubscriptionsResponse {
    wanting_all().with_requested_metrics(Vec::new())
}

#[test]
fn brokers_that_take_no_metrics_are_asked_nothing() {
    let mut stage = Stage::idempotent(&[1]);
    stage.pass(INTERVAL * 100);
    assert_eq!(stage.asked(SUBSCRIPTION) + stage.asked(PUSH), 0);
}

#[test]
fn nothing_is_asked_if_that_is_switched_off() {
    let mut settings = settings();
    settings.metrics_push = MetricsPush::Off;
    let mut stage = Stage::taking_metrics_with(settings);
    stage.pass(INTERVAL * 100);
    assert_eq!(stage.asked(SUBSCRIPTION), 0);
    let id = stage.ask_for_id(INTERVAL).try_recv().unwrap();
    assert_eq!(id, Some(Err(ClientInstanceIdError::Disabled)));
}

#[test]
fn the_first_push_comes_after_half_to_one_and_a_half_intervals_and_the_others_after_one() {
    for seed in 0..50 {
        let mut stage = Stage::taking_metrics_seeded(settings(), seed);
        assert!(matches!(stage.only().1, What::Subscription(Uuid::ZERO)));
        stage.tell_subscription(&wanting_all());
        stage.pass(INTERVAL / 2 - ms(1));
        assert!(stage.gatherings.is_empty(), "seed {seed}");
        stage.pass(INTERVAL + ms(2));
        stage.gather();
        let push = stage.pushed();
        assert_eq!(
            (push.client_instance_id, push.subscription_id),
            (CLIENT, 42)
        );
        assert!(!push.terminating);
        stage.answer_push(ErrorCode::NONE);
        for _ in 0..3 {
            stage.pass(INTERVAL - ms(1));
            assert!(stage.gatherings.is_empty());
            stage.pass(ms(1));
            stage.gather();
            stage.answer_push(ErrorCode::NONE);
        }
        assert_eq!(stage.asked(SUBSCRIPTION), 1);
    }
}

#[test]
fn a_broker_that_wants_nothing_is_asked_again_after_its_interval() {
    let mut stage = Stage::taking_metrics();
    stage.tell_subscription(&wanting_none());
    stage.pass(INTERVAL - ms(1));
    assert_eq!(stage.asked(SUBSCRIPTION), 1);
    stage.pass(ms(1));
    assert!(matches!(stage.only().1, What::Subscription(CLIENT)));
    stage.tell_subscription(&wanting_all());
    stage.pass(INTERVAL * 3 / 2);
    assert_eq!(stage.gatherings.len(), 1);
}

/// What follows on a refusal: a question at once, one after an interval, or nothing any more.
const AFTERWARDS: [(ErrorCode, Option<Duration>); 7] = [
    (ErrorCode::UNKNOWN_SUBSCRIPTION_ID, Some(Duration::ZERO)),
    (
        ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
        Some(Duration::ZERO),
    ),
    (ErrorCode::THROTTLING_QUOTA_EXCEEDED, Some(INTERVAL)),
    (ErrorCode::TELEMETRY_TOO_LARGE, Some(INTERVAL)),
    (ErrorCode::INVALID_RECORD, None),
    (ErrorCode::INVALID_REQUEST, None),
    (ErrorCode::INVALID_CONFIG, None),
];

#[test]
fn a_push_that_is_refused_leads_to_another_question_or_to_none_for_ever() {
    for (code, pause) in AFTERWARDS {
        let mut stage = Stage::pushing();
        stage.answer_push(code);
        let asked_by = |stage: &mut Stage, time| {
            stage.pass(time);
            stage.asked(SUBSCRIPTION) == 2
        };
        match pause {
            Some(Duration::ZERO) => assert!(asked_by(&mut stage, Duration::ZERO), "{code}"),
            Some(pause) => {
                assert!(!asked_by(&mut stage, pause - ms(1)), "{code}");
                assert!(asked_by(&mut stage, ms(1)), "{code}");
            }
            None => assert!(!asked_by(&mut stage, INTERVAL * 1000), "{code}"),
        }
        let record = stage.send(0, "tea");
        assert_eq!(stage.values(1), [["tea"]], "{code}: records go on");
        drop(record);
    }
}

#[test]
fn a_question_that_is_refused_is_repeated_by_the_same_table() {
    for (code, pause) in AFTERWARDS {
        let mut stage = Stage::taking_metrics();
        stage.tell_subscription(&wanting_all().with_error_code(code));
        // Nothing is known of an interval: Kafka's default counts.
        let pause = pause.map(|pause| match pause {
            Duration::ZERO => pause,
            _ => Duration::from_secs(300),
        });
        // A little more, because the cluster is asked about just then.
        stage.pass(pause.unwrap_or(INTERVAL * 1000) + ms(250));
        let times = 1 + usize::from(pause.is_some());
        assert_eq!(stage.asked(SUBSCRIPTION), times, "{code}");
    }
}

#[test]
fn a_broker_that_always_says_at_once_is_not_asked_faster_for_it() {
    let mut stage = Stage::taking_metrics();
    let refusal = wanting_all().with_error_code(ErrorCode::UNKNOWN_SUBSCRIPTION_ID);
    let begun = stage.now;
    for _ in 0..20 {
        stage.tell_subscription(&refusal);
        stage.pass(Duration::from_secs(2));
    }
    assert_eq!(stage.asked(SUBSCRIPTION), 21);
    assert!(stage.now - begun >= Duration::from_secs(40));
    stage.tell_subscription(&refusal);
    let asked = stage.asked(SUBSCRIPTION);
    stage.pass(ms(700));
    assert_eq!(
        stage.asked(SUBSCRIPTION),
        asked,
        "retry.backoff.max.ms counts"
    );
}

#[test]
fn a_broker_that_owes_an_answer_is_asked_a_little_later() {
    let mut stage = Stage::taking_metrics();
    stage.tell_subscription(&wanting_none());
    stage.pass(INTERVAL - ms(1));
    let record = stage.send(0, "tea");
    stage.pass(ms(1));
    assert_eq!(stage.asked(SUBSCRIPTION), 1);
    stage.pass(ms(249));
    assert_eq!(stage.asked(SUBSCRIPTION), 1);
    stage.answer(1, [ok(0)]);
    delivered(&record, 0);
    assert_eq!(stage.asked(SUBSCRIPTION), 2, "it owes none any more");
    // One that always owes some is asked all the same.
    stage.tell_subscription(&wanting_none());
    let _busy = stage.send(0, "more tea");
    stage.pass(INTERVAL);
    assert_eq!(stage.asked(SUBSCRIPTION), 2);
    stage.pass(ms(250));
    assert_eq!(stage.asked(SUBSCRIPTION), 3);
}

#[test]
fn a_push_that_nobody_answers_is_nothing_to_records_and_no_connection_is_made_for_the_next() {
    let mut stage = Stage::pushing();
    stage.lose(1);
    stage.unreachable = [NodeId(1), NodeId(-1)].into();
    let dials = stage.dials.len();
    stage.pass(INTERVAL * 10);
    assert_eq!(stage.asked(SUBSCRIPTION), 1);
    // What metadata needs, and not what metrics do.
    assert!(stage.dials.len() < dials + 100);
    stage.unreachable.clear();
    stage.settle();
    let record = stage.send(0, "tea");
    stage.pass(ms(1000));
    stage.answer(1, [ok(0)]);
    delivered(&record, 0);
    assert!(matches!(stage.only().1, What::Subscription(CLIENT)));
}

#[test]
fn close_makes_a_last_push_when_every_record_has_its_outcome() {
    let mut stage = Stage::taking_metrics();
    stage.tell_subscription(&wanting_all());
    let record = stage.send(0, "tea");
    let mut report = stage.close(None);
    assert!(stage.gatherings.is_empty(), "a record is on its way");
    stage.answer(1, [ok(0)]);
    delivered(&record, 0);
    stage.gather();
    assert!(stage.pushed().terminating);
    assert_eq!(report.try_recv(), Ok(None));
    stage.answer_push(ErrorCode::NONE);
    assert_eq!(report.try_recv().unwrap().unwrap().delivered, 1);
}

#[test]
fn a_last_push_holds_up_close_for_a_second_at_most_and_never_beyond_its_deadline() {
    for (deadline, ends) in [
        (None, ms(1000)),
        (Some(ms(300)), ms(300)),
        (Some(ms(5000)), ms(1000)),
    ] {
        for answered in [false, true] {
            let mut stage = Stage::taking_metrics();
            stage.tell_subscription(&wanting_all());
            let mut report = stage.close(deadline);
            if answered {
                stage.gather();
            }
            stage.pass(ends - ms(1));
            assert_eq!(report.try_recv(), Ok(None), "{deadline:?}");
            stage.pass(ms(1));
            assert!(report.try_recv().unwrap().is_some(), "{deadline:?}");
        }
    }
}

#[test]
fn a_push_under_way_is_followed_by_the_last_one() {
    let mut stage = Stage::pushing();
    let mut report = stage.close(None);
    assert!(!stage.pushed().terminating);
    stage.answer_push(ErrorCode::NONE);
    stage.gather();
    assert!(stage.pushed().terminating);
    stage.answer_push(ErrorCode::INVALID_REQUEST);
    assert!(report.try_recv().unwrap().is_some());
}

#[test]
fn what_was_gathered_before_the_end_is_gathered_again_for_the_last_push() {
    let mut stage = Stage::taking_metrics();
    stage.tell_subscription(&wanting_all());
    stage.pass(INTERVAL * 3 / 2);
    let mut report = stage.close(None);
    stage.gather();
    assert_eq!(stage.asked(PUSH), 0);
    stage.gather();
    assert!(stage.pushed().terminating);
    stage.answer_push(ErrorCode::NONE);
    assert!(report.try_recv().unwrap().is_some());
}

#[test]
fn without_a_subscription_or_a_connection_there_is_no_last_push() {
    let mut asking = Stage::taking_metrics();
    let mut report = asking.close(None);
    assert!(report.try_recv().unwrap().is_some());
    let mut cut_off = Stage::taking_metrics();
    cut_off.tell_subscription(&wanting_all());
    cut_off.unreachable = [NodeId(1), NodeId(-1)].into();
    cut_off.lose(1);
    let mut report = cut_off.close(None);
    assert!(report.try_recv().unwrap().is_some());
}

#[test]
fn metrics_that_could_not_be_gathered_are_left_for_the_next_time() {
    let mut stage = Stage::taking_metrics();
    stage.tell_subscription(&wanting_all());
    stage.pass(INTERVAL * 3 / 2);
    drop(stage.gatherings.pop());
    stage.tick();
    assert_eq!((stage.asked(PUSH), stage.asked(SUBSCRIPTION)), (0, 1));
    stage.pass(INTERVAL);
    assert_eq!(stage.asked(SUBSCRIPTION), 2);
}

#[test]
fn the_id_of_the_client_is_told_when_a_broker_has_given_it() {
    let mut stage = Stage::taking_metrics();
    let mut id = stage.ask_for_id(INTERVAL);
    assert_eq!(id.try_recv(), Ok(None));
    stage.tell_subscription(&wanting_none());
    assert_eq!(id.try_recv(), Ok(Some(Ok(CLIENT))));
    let other = wanting_none().with_client_instance_id(Uuid([8; 16]));
    stage.pass(INTERVAL);
    stage.tell_subscription(&other);
    let known = stage.ask_for_id(Duration::ZERO).try_recv();
    assert_eq!(known, Ok(Some(Ok(CLIENT))), "it never changes");
}

#[test]
fn who_asks_for_the_id_first_is_what_connects() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.takes_metrics = true;
    let mut id = stage.ask_for_id(INTERVAL);
    stage.tell_subscription(&wanting_none());
    assert_eq!(id.try_recv(), Ok(Some(Ok(CLIENT))));
}

#[test]
fn who_waits_for_the_id_in_vain_is_told_so_in_time() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    let mut id = stage.ask_for_id(INTERVAL);
    stage.pass(INTERVAL - ms(1));
    assert_eq!(id.try_recv(), Ok(None));
    stage.pass(ms(1));
    let late = id.try_recv().unwrap().unwrap();
    assert!(matches!(late, Err(ClientInstanceIdError::TimedOut { .. })));
    let mut closed = stage.ask_for_id(INTERVAL);
    let _report = stage.close(None);
    assert_eq!(
        closed.try_recv(),
        Ok(Some(Err(ClientInstanceIdError::Closed)))
    );
    let mut refused = Stage::taking_metrics();
    let mut id = refused.ask_for_id(INTERVAL);
    let code = ErrorCode::INVALID_REQUEST;
    refused.tell_subscription(&wanting_none().with_error_code(code));
    let told = id.try_recv().unwrap().unwrap();
    assert!(matches!(told, Err(ClientInstanceIdError::Refused { code: said, .. }) if said == code));
}

#[test]
fn a_broker_that_gives_no_id_is_asked_again_later() {
    let mut stage = Stage::taking_metrics();
    let mut id = stage.ask_for_id(INTERVAL);
    stage.tell_subscription(&wanting_all().with_client_instance_id(Uuid::ZERO));
    assert_eq!(id.try_recv(), Ok(None));
    stage.pass(Duration::from_secs(300) + ms(250));
    assert_eq!(stage.asked(SUBSCRIPTION), 2);
    assert!(stage.gatherings.is_empty());
}
