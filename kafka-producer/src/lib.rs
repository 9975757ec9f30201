//! A Kafka producer: discovery, batching, delivery semantics, security.
