"""confluent-kafka, which is librdkafka."""

import sys

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from contract import ANSWER_S, CODECS, expected, report, same, until, written

SERVERS = sys.argv[1]


def producer(**config):
    return Producer({"bootstrap.servers": SERVERS, "acks": "all", **config})


def flush(it):
    same(it.flush(ANSWER_S), 0)


def produce():
    for codec in CODECS:
        it = producer(**{"compression.type": codec})
        key, value, headers = written(codec)
        it.produce("produced", value, key, partition=0, headers=headers)
        flush(it)


def consumer(group, **config):
    base = {"bootstrap.servers": SERVERS, "group.id": group}
    base |= {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    return Consumer({**base, **config})


def read(topic, count, **config):
    """This many records of the first partition, and no more within a moment."""
    it = consumer("none", **config)
    it.assign([TopicPartition(topic, 0, 0)])
    found = []

    def poll():
        found.extend(it.consume(100, 0.2))
        return len(found) >= count

    until(poll, f"{len(found)} of {count} records")
    found.extend(it.consume(1, 1))
    it.close()
    return found


def consume():
    records = read("produced", len(CODECS))
    same([(it.key(), it.value(), it.headers()) for it in records], expected())


def idempotent():
    it = producer(**{"enable.idempotence": True})
    for n in range(100):
        it.produce("numbered", str(n), partition=0)
    flush(it)


def transactions():
    it = producer(**{"transactional.id": "confluent"})
    it.init_transactions(ANSWER_S)
    for outcome in ["first", "aborted", "second"]:
        it.begin_transaction()
        for n in range(3):
            it.produce("transactional", f"{outcome}-{n}", partition=0)
        if outcome == "aborted":
            flush(it)
            it.abort_transaction(ANSWER_S)
        else:
            it.commit_transaction(ANSWER_S)
    records = read("transactional", 6, **{"isolation.level": "read_committed"})
    wanted = [f"{outcome}-{n}".encode() for outcome in ["first", "second"] for n in range(3)]
    same([it.value() for it in records], wanted)


def write_numbers(topic, numbers):
    it = producer()
    for n in numbers:
        it.produce(topic, str(n), partition=n % 2)
    flush(it)


def group(protocol):
    topic = f"{protocol}-group"

    def member():
        it = consumer(protocol, **{"group.protocol": protocol})
        it.subscribe([topic])
        return it

    write_numbers(topic, range(20))
    members = [member() for _ in range(2)]
    found = []

    def poll():
        for it in members:
            found.extend(record.value() for record in it.consume(100, 0.1))
        shared = all(len(it.assignment()) == 1 for it in members)
        return shared and len(set(found)) >= 20

    until(poll, "two members share the topic")
    for it in members:
        offsets = [TopicPartition(topic, part.partition, 10) for part in it.assignment()]
        it.commit(offsets=offsets, asynchronous=False)
    for it in members:
        it.close()
    write_numbers(topic, [20, 21])
    it = member()
    rest = []

    def poll_rest():
        rest.extend(record.value() for record in it.consume(100, 0.1))
        return len(rest) >= 2

    until(poll_rest, "one member goes on")
    it.close()
    same(sorted(rest), [b"20", b"21"])


def admin():
    it = AdminClient({"bootstrap.servers": SERVERS})

    def done(futures):
        return [future.result(ANSWER_S) for future in futures.values()]

    done(it.create_topics([NewTopic("made", 2, 1)]))
    same(len(it.list_topics("made", ANSWER_S).topics["made"].partitions), 2)
    [config] = done(it.describe_configs([ConfigResource("topic", "made")]))
    same(config["max.message.bytes"].value, "1048588")
    done(it.delete_topics(["made"]))
    same("made" in it.list_topics(timeout=ANSWER_S).topics, False)


library = confluent_kafka.libversion()[0]
report(
    "confluent-kafka",
    f"{confluent_kafka.__version__} (librdkafka {library})",
    [
        ("produce", produce),
        ("consume", consume),
        ("idempotent", idempotent),
        ("transactions", transactions),
        ("classic group", lambda: group("classic")),
        ("KIP-848 group", lambda: group("consumer")),
        ("admin", admin),
    ],
)
