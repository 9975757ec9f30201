//! What interceptors see, what they may change, and that whatever they do, no record is lost.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::thread;

use kafka_mock::MockCluster;
use kafka_producer::config::Plugins;
use kafka_producer::serialize::{Context, SerializeError, Serializer, Utf8};
use kafka_producer::{
    Acknowledgement, InterceptedRecord, InterceptorError, Producer, ProducerInterceptor,
    ProducerRecord, SendError, TrySendError, Unacknowledged, blocking,
};

use crate::scene::{
    FOR_EVER, TIME_LIMIT, TOPIC, builder, configured, in_time, kafka, record, values,
};

type Sent<'a> = InterceptedRecord<'a, str, str>;

/// Keeps what it is told, in short words.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<String>>,
}

impl Listener {
    fn note(&self, note: String) {
        self.told.lock().unwrap().push(note);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

impl ProducerInterceptor<str, str> for Listener {
    fn on_send(&self, record: &mut Sent<'_>) -> Result<(), InterceptorError> {
        self.note(format!("sent {}", record.value().unwrap_or("null")));
        let number = record.headers.len().to_string();
        record.headers.add("number", number);
        Ok(())
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let Acknowledgement {
            topic,
            partition,
            headers,
            outcome,
            ..
        } = acknowledgement;
        let partition = partition.map_or(-1, |partition| partition);
        let outcome = match outcome {
            Ok(metadata) => format!("at {}", metadata.offset.unwrap_or(-1)),
            Err(Unacknowledged::Failed(_)) => "failed".to_owned(),
            Err(Unacknowledged::NotAccepted(error)) => format!("not accepted: {error}"),
            Err(Unacknowledged::WouldWait(_)) => "given back".to_owned(),
            Err(other) => format!("{other:?}"),
        };
        let headers = headers.len();
        self.note(format!("{topic}-{partition} {outcome}, {headers} headers"));
    }
}

fn with(
    kafka: &MockCluster,
    settings: &[(&str, &str)],
    interceptor: impl ProducerInterceptor<str, str> + 'static,
) -> Producer<str, str> {
    let builder = builder(&kafka.bootstrap_servers(), settings);
    builder.interceptor(interceptor).build().unwrap()
}

/// Replaces all that there is.
struct Replaces;

impl ProducerInterceptor<str, str> for Replaces {
    fn on_send(&self, record: &mut Sent<'_>) -> Result<(), InterceptorError> {
        assert_eq!(record.topic, "elsewhere");
        assert_eq!((record.key(), record.value()), (None, Some("tea")));
        record.topic = TOPIC.into();
        record.partition = Some(1);
        record.timestamp_ms = 1_700_000_000_000;
        record.set_key("customer-7");
        record.set_value("coffee".to_owned());
        record.headers.remove("secret");
        record.headers.add("source", "till-7");
        Ok(())
    }
}

#[tokio::test]
async fn an_interceptor_changes_a_record_before_it_is_serialized() {
    let kafka = kafka(1, 2).await;
    let producer = with(&kafka, &[], Replaces);
    let (tell, told) = std::sync::mpsc::channel();
    let sent = ProducerRecord::new("elsewhere", "tea").header("secret", "x");
    let callback = move |outcome: Result<_, &_>| tell.send(outcome.unwrap()).unwrap();
    in_time(producer.send_with(sent.clone(), callback))
        .await
        .unwrap();
    let delivery = in_time(producer.send(sent)).await.unwrap();
    let metadata = in_time(delivery).await.unwrap();
    assert_eq!((&*metadata.topic, metadata.partition), (TOPIC, 1));
    assert_eq!(metadata.timestamp_ms, 1_700_000_000_000);
    let told = told.recv().unwrap();
    assert_eq!(told.timestamp_ms, 1_700_000_000_000);
    assert_eq!((told.key_bytes, told.value_bytes), (Some(10), Some(6)));
    for stored in kafka.records(TOPIC) {
        assert_eq!(stored.partition, 1);
        assert_eq!(stored.timestamp, 1_700_000_000_000);
        assert_eq!(stored.key.as_deref(), Some(&b"customer-7"[..]));
        assert_eq!(stored.value.as_deref(), Some(&b"coffee"[..]));
        assert_eq!(stored.headers.len(), 1);
    }
}

#[test]
fn every_way_to_send_is_seen_and_told_of_once_in_the_order_of_the_partition() {
    let described = MockCluster::builder().topic(TOPIC, 1);
    let kafka = described.start_blocking().unwrap();
    let listener = Arc::new(Listener::default());
    let producer = blocking::Producer::from(with(&kafka, &FOR_EVER, Arc::clone(&listener)));
    producer.warm_up([TOPIC]).unwrap();
    let own = producer.as_async();
    let told = Arc::clone(&listener);
    let callback = move |_: Result<_, &_>| told.note("callback".to_owned());
    drop(producer.send(record("0")).unwrap());
    producer.send_and_forget(record("1")).unwrap();
    producer.send_with(record("2"), callback).unwrap();
    drop(producer.try_send(record("3")).unwrap());
    drop(pollster::block_on(own.send(record("4"))).unwrap());
    pollster::block_on(own.send_and_forget(record("5"))).unwrap();
    let sent: Vec<_> = (0..6).map(|number| format!("sent {number}")).collect();
    assert_eq!(listener.told(), sent);
    producer.flush().unwrap();
    let mut outcomes: Vec<_> = (0..6)
        .map(|number| format!("orders-0 at {number}, 1 headers"))
        .collect();
    outcomes.insert(3, "callback".to_owned());
    assert_eq!(listener.told(), outcomes);
}

#[tokio::test]
async fn the_records_of_a_transaction_are_seen_and_those_that_it_aborts_have_failed() {
    let kafka = kafka(1, 1).await;
    let listener = Arc::new(Listener::default());
    let settings = [("transactional.id", "billing"), FOR_EVER[0], FOR_EVER[1]];
    let producer = with(&kafka, &settings, Arc::clone(&listener));
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    in_time(transaction.send_and_forget(record("tea")))
        .await
        .unwrap();
    in_time(transaction.commit()).await.unwrap();
    assert_eq!(listener.told(), ["sent tea", "orders-0 at 0, 1 headers"]);
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    in_time(transaction.send_and_forget(record("coffee")))
        .await
        .unwrap();
    in_time(transaction.abort()).await.unwrap();
    assert_eq!(
        listener.told(),
        ["sent coffee", "orders-0 failed, 1 headers"]
    );
}

/// Fails in its own way after it has changed the record.
enum Fails {
    Errs,
    Panics,
}

impl ProducerInterceptor<str, str> for Fails {
    fn on_send(&self, record: &mut Sent<'_>) -> Result<(), InterceptorError> {
        record.topic = "nowhere".into();
        record.set_value("changed");
        record.headers.clear();
        match self {
            Self::Errs => Err("it does not want to".into()),
            Self::Panics => panic!("it cannot"),
        }
    }

    fn on_acknowledgement(&self, _: &Acknowledgement<'_>) {
        panic!("nor later");
    }
}

#[tokio::test]
async fn one_that_fails_changes_nothing_and_the_next_sees_the_record_as_it_was() {
    let kafka = kafka(1, 1).await;
    let listener = Arc::new(Listener::default());
    let builder = builder(&kafka.bootstrap_servers(), &[])
        .interceptor(Fails::Errs)
        .interceptor(Arc::clone(&listener))
        .interceptor(Fails::Panics);
    let producer = builder.build().unwrap();
    let sent = record("tea").header("source", "till-7");
    let delivery = in_time(producer.send(sent)).await.unwrap();
    assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
    assert_eq!(values(&kafka), ["tea"]);
    assert_eq!(kafka.records(TOPIC)[0].headers.len(), 2);
    let told = ["sent tea", "orders-0 at 0, 2 headers"];
    assert_eq!(listener.told(), told);
}

/// Waits for the outcome of each record, which it notes under its name, and then fails in its own way.
struct Waits {
    name: &'static str,
    notes: Arc<Listener>,
    fails: Option<Fails>,
}

impl ProducerInterceptor<str, str> for Waits {
    fn on_send(&self, record: &mut Sent<'_>) -> Result<(), InterceptorError> {
        assert_eq!(record.client_id(), Some("till-7"));
        let (name, notes) = (self.name, Arc::clone(&self.notes));
        record.on_acknowledgement(move |acknowledgement| {
            let is_stored = acknowledgement.outcome.is_ok();
            notes.note(format!("{name} {is_stored}"));
            panic!("it has told");
        });
        match self.fails {
            None => Ok(()),
            Some(Fails::Errs) => Err("it does not want to".into()),
            Some(Fails::Panics) => panic!("it cannot"),
        }
    }

    fn on_acknowledgement(&self, _: &Acknowledgement<'_>) {
        self.notes.note(format!("all {}", self.name));
    }
}

#[tokio::test]
async fn who_waits_for_one_record_is_told_once_after_those_that_are_told_of_all() {
    let kafka = kafka(1, 1).await;
    let notes = Arc::new(Listener::default());
    let waits = |name, fails| Waits {
        name,
        notes: Arc::clone(&notes),
        fails,
    };
    let builder = builder(&kafka.bootstrap_servers(), &[("client.id", "till-7")])
        .interceptor(waits("1", None))
        .interceptor(waits("2", Some(Fails::Errs)))
        .interceptor(waits("3", Some(Fails::Panics)))
        .interceptor(waits("4", None));
    let producer = builder.build().unwrap();
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(delivery).await.unwrap();
    let all = ["all 1", "all 2", "all 3", "all 4"];
    assert_eq!(notes.told(), [&all[..], &["1 true", "4 true"]].concat());
    let nowhere = record("tea").partition(-1);
    assert!(in_time(producer.send(nowhere)).await.is_err());
    assert_eq!(notes.told(), [&all[..], &["1 false", "4 false"]].concat());
}

/// Refuses or panics at what it is asked for, after it has added a header.
struct Picky;

impl Serializer<str> for Picky {
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a str,
        _: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        context.headers.add("by", "serializer");
        match value {
            "refused" => Err(SerializeError::new("the value", "it is refused")),
            "unserializable" => panic!("it is unserializable"),
            value => Ok(Some(value.as_bytes())),
        }
    }
}

#[tokio::test]
async fn a_record_that_is_not_accepted_is_told_of_with_its_headers() {
    let kafka = kafka(1, 1).await;
    let listener = Arc::new(Listener::default());
    let builder = Producer::<str, str>::builder_with(Utf8, Picky);
    let settings = [("max.block.ms", "1")];
    let builder = configured(builder, &kafka.bootstrap_servers(), &settings);
    let producer = builder.interceptor(Arc::clone(&listener)).build().unwrap();
    let refused = in_time(producer.send(record("refused"))).await;
    assert!(matches!(refused, Err(SendError::Serialize { .. })));
    let told = listener.told();
    assert_eq!(told.len(), 2, "{told:?}");
    let start = "orders--1 not accepted: the value (str) of a record for topic orders:";
    assert!(
        told[1].starts_with(start) && told[1].ends_with("2 headers"),
        "{told:?}"
    );

    let unknown = ProducerRecord::new("unknown", "tea").partition(3);
    assert!(in_time(producer.send(unknown)).await.is_err());
    let told = listener.told();
    assert!(
        told[1].starts_with("unknown-3 not accepted: ") && told[1].contains("topic unknown"),
        "{told:?}"
    );

    let sending = producer.clone();
    let panicked = thread::spawn(move || {
        drop(blocking::Producer::from(sending).send(record("unserializable")));
    });
    assert!(panicked.join().is_err());
    assert_eq!(listener.told()[1], "orders--1 Dropped, 0 headers");
}

#[tokio::test]
async fn a_send_that_is_dropped_is_told_of_and_so_is_a_record_that_is_given_back() {
    let kafka = kafka(1, 1).await;
    let listener = Arc::new(Listener::default());
    let producer = with(&kafka, &[], Arc::clone(&listener));
    {
        let mut send = pin!(producer.send(ProducerRecord::new("unknown", "tea")));
        poll_fn(|context| {
            assert!(send.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(listener.told(), ["sent tea"]);
    }
    assert_eq!(listener.told(), ["unknown--1 Dropped, 1 headers"]);

    let sent = ProducerRecord::new("unknown", "tea").header("a", "1");
    match producer.try_send(sent.clone()) {
        Err(TrySendError::WouldWait(back, _)) => assert_eq!(back, sent),
        other => panic!("{other:?}"),
    }
    let told = ["sent tea", "unknown--1 given back, 2 headers"];
    assert_eq!(listener.told(), told);
}

/// Sends and waits where it must not wait.
#[derive(Default)]
struct Meddles {
    producer: OnceLock<blocking::Producer<str, str>>,
    refused: Mutex<Vec<bool>>,
    seen: Mutex<Vec<String>>,
}

impl ProducerInterceptor<str, str> for Meddles {
    fn on_send(&self, record: &mut Sent<'_>) -> Result<(), InterceptorError> {
        self.seen
            .lock()
            .unwrap()
            .push(record.value().unwrap().to_owned());
        let producer = self.producer.get().unwrap();
        producer.send_and_forget(crate::scene::record("from on_send"))?;
        Ok(())
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        assert_eq!(acknowledgement.topic, TOPIC);
        let producer = self.producer.get().unwrap();
        producer
            .send_and_forget(record("from on_acknowledgement"))
            .unwrap();
        self.refused.lock().unwrap().push(producer.flush().is_err());
    }
}

#[test]
fn what_an_interceptor_sends_is_not_intercepted_and_it_waits_for_no_producer() {
    let described = MockCluster::builder().topic(TOPIC, 1);
    let kafka = described.start_blocking().unwrap();
    let meddles = Arc::new(Meddles::default());
    let producer = blocking::Producer::from(with(&kafka, &[], Arc::clone(&meddles)));
    meddles.producer.set(producer.clone()).unwrap();
    producer.warm_up([TOPIC]).unwrap();
    producer.send(record("tea")).unwrap().wait().unwrap();
    producer.flush().unwrap();
    assert!(producer.close(TIME_LIMIT).unwrap().is_clean());
    let expected = ["from on_send", "tea", "from on_acknowledgement"];
    assert_eq!(values(&kafka), expected);
    assert_eq!(*meddles.seen.lock().unwrap(), ["tea"]);
    assert_eq!(*meddles.refused.lock().unwrap(), [true]);
}

#[tokio::test]
async fn interceptor_classes_names_those_that_go_before_the_builders() {
    let kafka = kafka(1, 1).await;
    let (named, built) = (Arc::new(Listener::default()), Arc::new(Listener::default()));
    let given = Arc::clone(&named);
    let plugins =
        Plugins::new().interceptor::<str, str, _>("com.example.Audit", move || Arc::clone(&given));
    let builder = builder(&kafka.bootstrap_servers(), &[])
        .plugins(plugins)
        .set("interceptor.classes", "com.example.Audit")
        .interceptor(Arc::clone(&built));
    let producer = builder.build().unwrap();
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(delivery).await.unwrap();
    let told = ["sent tea", "orders-0 at 0, 2 headers"];
    assert_eq!(
        (named.told(), built.told()),
        (
            told.map(str::to_owned).to_vec(),
            told.map(str::to_owned).to_vec()
        )
    );
    let header = &kafka.records(TOPIC)[0].headers;
    assert_eq!(header.len(), 2, "{header:?}");
}
