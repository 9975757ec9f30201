//! Partitioners: which partition a Kafka record goes to.
