//! Names of older versions of Kafka: of the producer in Scala (0.8), and of the one in Java (0.8.2 to 0.10)
//! and after it. librdkafka still has most of those of 0.8.

use super::name::Conversion::{Block, Codec, Encoder, NegativeIsForever};
use super::name::Origin::{Mistake, OlderKafka};
use super::name::{OtherName, converted, no_effect, refused, same};

const BROKERS: &str = "brokers are found by bootstrap.servers, not by ZooKeeper";

// One row a name.
#[rustfmt::skip]
pub(super) static NAMES: &[OtherName] = &[
    same("metadata.broker.list", OlderKafka, "bootstrap.servers"),
    same("broker.list", OlderKafka, "bootstrap.servers"),
    same("bootstrap.server", Mistake, "bootstrap.servers"),
    refused("zk.connect", OlderKafka, "", BROKERS),
    refused("zookeeper.connect", OlderKafka, "", BROKERS),
    same("request.required.acks", OlderKafka, "acks"),
    same("timeout.ms", OlderKafka, "request.timeout.ms"),
    same("message.send.max.retries", OlderKafka, "retries"),
    same("max.in.flight.request.per.connection", Mistake, "max.in.flight.requests.per.connection"),

    same("metadata.fetch.timeout.ms", OlderKafka, "max.block.ms"),
    converted("block.on.buffer.full", OlderKafka, "max.block.ms", Block),
    converted("queue.enqueue.timeout.ms", OlderKafka, "max.block.ms", NegativeIsForever),
    converted("topic.metadata.refresh.interval.ms", OlderKafka, "metadata.max.age.ms", NegativeIsForever),

    no_effect("producer.type", OlderKafka,
        "every send is asynchronous: await each Delivery to have what sync did"),
    same("queue.buffering.max.ms", OlderKafka, "linger.ms"),
    no_effect("queue.buffering.max.messages", OlderKafka, "what waits is bounded in bytes, by buffer.memory"),
    no_effect("batch.num.messages", OlderKafka, "a batch is bounded in bytes, by batch.size"),
    converted("compression.codec", OlderKafka, "compression.type", Codec),
    refused("compressed.topics", OlderKafka, "",
        "compression.type.by.topic has the codec of each topic"),

    converted("key.serializer.class", OlderKafka, "key.serializer", Encoder),
    converted("serializer.class", OlderKafka, "value.serializer", Encoder),
    no_effect("auto.include.jmx.reporter", OlderKafka, "it configures a Java virtual machine"),
];
