//! What an interceptor makes of records is what Kafka's own consumer reads, and each is told of once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_producer::{
    Acknowledgement, InterceptedRecord, InterceptorError, ProducerInterceptor, ProducerRecord,
    Unacknowledged,
};

use crate::cluster::{builder, create_topic, in_time};
use crate::tools::console_consumer;

/// Names the source of each record, and counts what became of them.
#[derive(Default)]
struct Audit {
    stored: AtomicUsize,
    refused: AtomicUsize,
}

impl<V: ?Sized> ProducerInterceptor<str, V> for Audit {
    fn on_send(&self, record: &mut InterceptedRecord<'_, str, V>) -> Result<(), InterceptorError> {
        record.headers.add("source", "till-7");
        if record.key().is_none() {
            record.set_key("nobody");
        }
        Ok(())
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        assert!(acknowledgement.headers.last("source").is_some());
        let count = match acknowledgement.outcome {
            Ok(_) => &self.stored,
            Err(Unacknowledged::NotAccepted(_)) => &self.refused,
            Err(other) => panic!("{other}"),
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_header_of_an_interceptor_is_read_and_every_record_was_told_of() {
    let topic = create_topic("intercepted", 3, &[]);
    let audit = Arc::new(Audit::default());
    let producer = builder(&[])
        .interceptor(Arc::clone(&audit))
        .build()
        .unwrap();
    for number in 0..100 {
        let value = number.to_string();
        let record = ProducerRecord::new(&topic, &*value).header("number", value.clone());
        let record = match number % 2 {
            0 => record.key("customer-7"),
            _ => record,
        };
        in_time(producer.send_and_forget(record)).await.unwrap();
    }
    let nowhere = ProducerRecord::new(&topic, "refused").partition(-1);
    assert!(in_time(producer.send(nowhere)).await.is_err());
    in_time(producer.flush()).await.unwrap();
    let counted = [&audit.stored, &audit.refused].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counted, [100, 1]);

    let mut read = console_consumer(&[&topic], 100);
    read.sort_by_key(|record| record.text().parse::<u32>().unwrap());
    for (number, record) in read.iter().enumerate() {
        assert_eq!(record.text(), number.to_string());
        let key = if number % 2 == 0 {
            "customer-7"
        } else {
            "nobody"
        };
        assert_eq!(record.key.as_deref(), Some(key));
        let expected = [("number", record.text()), ("source", "till-7")];
        let expected = expected.map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
        assert_eq!(record.headers, expected);
    }
}
