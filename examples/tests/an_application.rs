//! How an application tests what it sends: with an embedded cluster, in milliseconds, without Docker.
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
    use kafka_mock::cluster::Fault;
    use kafka_mock::kafka_wire::{ApiKey, ErrorCode};

    use super::*;

    fn shop(kafka: &MockCluster) -> Shop {
        let builder = Producer::builder().bootstrap_servers([kafka.bootstrap_servers()]);
        Shop {
            producer: builder.build().unwrap(),
        }
    }

    #[tokio::test]
    async fn an_order_is_written_with_its_customer_as_the_key() {
        let kafka = MockCluster::builder()
            .topic("orders", 3)
            .start()
            .await
            .unwrap();
        shop(&kafka).order("customer-7", "tea").await.unwrap();

        let records = kafka.records("orders");
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].key.as_deref(), Some(&b"customer-7"[..]));
        assert_eq!(records[0].value.as_deref(), Some(&b"tea"[..]));
    }

    #[tokio::test]
    async fn nothing_is_written_for_what_is_not_sold() {
        let kafka = MockCluster::builder()
            .topic("orders", 3)
            .start()
            .await
            .unwrap();
        assert!(shop(&kafka).order("customer-7", "beer").await.is_err());
        assert!(kafka.records("orders").is_empty());
    }

    #[tokio::test]
    async fn an_order_that_kafka_refuses_is_an_error() {
        let kafka = MockCluster::builder()
            .topic("orders", 3)
            .start()
            .await
            .unwrap();
        let refused = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        kafka.inject(refused.api(ApiKey::PRODUCE).always());

        let error = shop(&kafka).order("customer-7", "tea").await.unwrap_err();
        assert!(
            error.to_string().contains("TOPIC_AUTHORIZATION_FAILED"),
            "{error}"
        );
        assert!(kafka.records("orders").is_empty());
    }
}
