//! Serializers: how keys and values of a Kafka record become bytes.
