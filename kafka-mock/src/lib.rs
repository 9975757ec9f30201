//! An embedded Kafka cluster for tests and quickstarts.
