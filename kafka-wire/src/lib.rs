//! The Kafka protocol: messages, frames, record batches, compression codecs and error codes.
