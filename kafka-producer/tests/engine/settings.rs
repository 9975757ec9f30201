//! The settings of the engines under test.

use std::sync::Arc;
use std::time::Duration;

use kafka_producer::settings::{
    Acks, Address, BackoffRange, Codecs, DnsLookup, Guarantee, MetadataRecovery, MetricsPush,
    Settings, UnresolvedPolicy,
};

/// Settings under which nothing waits that need not.
pub(crate) fn settings() -> Settings {
    let range = |initial, max| BackoffRange {
        initial: Duration::from_millis(initial),
        max: Duration::from_millis(max),
    };
    Settings {
        client_id: Arc::from("scripted"),
        bootstrap: vec![Address::new("bootstrap", 9092)],
        dns_lookup: DnsLookup::UseAllDnsIps,
        bootstrap_resolve: None,
        guarantee: Guarantee::Idempotent,
        accumulator: kafka_accumulator::Settings::default()
            .batch_size(0)
            .linger(Duration::ZERO)
            .buffer_memory(1 << 20),
        codecs: Codecs::default(),
        max_block: Duration::from_secs(60),
        max_request_bytes: 1 << 20,
        max_in_flight: 5,
        request_timeout: Duration::from_secs(30),
        delivery_timeout: Duration::from_secs(120),
        retries: u32::MAX,
        retry_backoff: range(100, 1000),
        drop_timeout: Duration::ZERO,
        unresolved: UnresolvedPolicy::Ask,
        producer_id_expiration: Duration::from_secs(86_400),
        reconnect_backoff: range(50, 1000),
        connection_setup: range(10_000, 30_000),
        connections_max_idle: None,
        metadata_max_age: Duration::from_secs(300),
        metadata_max_idle: Duration::from_secs(100_000),
        metadata_recovery: MetadataRecovery::Rebootstrap {
            trigger: Duration::from_secs(300),
        },
        cluster_check: true,
        partitioning: Default::default(),
        metrics_push: MetricsPush::On { rack: None },
        send_buffer_bytes: None,
        receive_buffer_bytes: None,
        sampling: Default::default(),
        security: Default::default(),
    }
}

/// Without a producer id.
pub(crate) fn plain(acks: Acks) -> Settings {
    Settings {
        guarantee: Guarantee::Plain(acks),
        ..settings()
    }
}
