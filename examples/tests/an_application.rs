//! How an application tests what it sends: without a broker, and what only a cluster can show with an embedded one, in
//! milliseconds, without Docker.
//!
//! The application comes first, its tests after it.

use kafka_producer::{Producer, ProducerRecord};

/// The application: takes orders, and refuses what is not sold here.
struct Shop {
    producer: Producer<str, str>,
}

impl Shop {
    async fn order(&self, customer: &str, item: &str) -> Result<i64, Box<dyn std::error::Error>> {
        if item == "beer" {
            return Err("we sell no beer".into());
        }
        let record = ProducerRecord::new("orders", item).key(customer);
        let metadata = self.producer.send(record).await?.await?;
        metadata
            .offset
            .ok_or_else(|| "acks is not 0, so there is an offset".into())
    }
}

mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that cannot run as planned has failed"
    )]

    use kafka_mock::MockCluster;
    use kafka_mock::cluster::{Fault, When};
    use kafka_mock::kafka_wire::ApiKey;
    use kafka_producer::ErrorCode;
    use kafka_producer::mock::{Failure, MockBroker};
    use pollster::block_on;

    use super::*;

    fn shop() -> (Shop, MockBroker) {
        let builder = Producer::builder();
        let (producer, broker) = builder.build_mock([("orders", 3)]).unwrap();
        (Shop { producer }, broker)
    }

    #[test]
    fn an_order_is_written_with_its_customer_as_the_key() {
        let (shop, broker) = shop();
        block_on(shop.order("customer-7", "tea")).unwrap();

        let records = broker.records("orders");
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].key.as_deref(), Some(&b"customer-7"[..]));
        assert_eq!(records[0].value.as_deref(), Some(&b"tea"[..]));
    }

    #[test]
    fn nothing_is_written_for_what_is_not_sold() {
        let (shop, broker) = shop();
        assert!(block_on(shop.order("customer-7", "beer")).is_err());
        assert!(broker.history().is_empty());
    }

    #[test]
    fn an_order_that_kafka_refuses_is_an_error() {
        let (shop, broker) = shop();
        broker.fail_next(Failure::refused(ErrorCode::TOPIC_AUTHORIZATION_FAILED));

        let error = block_on(shop.order("customer-7", "tea")).unwrap_err();
        assert!(
            error.to_string().contains("TOPIC_AUTHORIZATION_FAILED"),
            "{error}"
        );
        assert!(broker.records("orders").is_empty());
    }

    #[tokio::test]
    async fn an_order_whose_answer_is_lost_is_written_once() {
        let kafka = MockCluster::builder().topic("orders", 3);
        let kafka = kafka.start().await.unwrap();
        let lost = Fault::disconnect(When::AfterHandling);
        kafka.inject(lost.api(ApiKey::PRODUCE));

        let builder = Producer::builder().bootstrap_servers([kafka.bootstrap_servers()]);
        let producer = builder.build().unwrap();
        Shop { producer }.order("customer-7", "tea").await.unwrap();
        assert_eq!(kafka.records("orders").len(), 1);
    }
}
