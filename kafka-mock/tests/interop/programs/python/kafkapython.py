"""kafka-python, which is Python alone."""

import sys

import kafka
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafka.coordinator.assignors.range import RangePartitionAssignor

from contract import ANSWER_S, CODECS, NOT_IN_IT, expected, report, same, until, written

SERVERS = sys.argv[1]
# A poll that ends before its member has joined may begin anew each time.
JOIN_MS = 5000


def producer(**config):
    return KafkaProducer(bootstrap_servers=SERVERS, acks="all", **config)


def flush(it, sent):
    it.flush(ANSWER_S)
    return [future.get(ANSWER_S) for future in sent]


def produce():
    for codec in CODECS:
        it = producer(compression_type=None if codec == "none" else codec)
        key, value, headers = written(codec)
        flush(it, [it.send("produced", value, key, headers, partition=0)])
        it.close(ANSWER_S)


def consumer(group=None, **config):
    return KafkaConsumer(
        bootstrap_servers=SERVERS,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **config,
    )


def records(it, timeout_ms):
    return [record for part in it.poll(timeout_ms).values() for record in part]


def read(topic, count, **config):
    """This many records of the first partition, and no more within a moment."""
    it = consumer(**config)
    it.assign([TopicPartition(topic, 0)])
    it.seek_to_beginning()
    found = []

    def poll():
        found.extend(records(it, 200))
        return len(found) >= count

    until(poll, f"{count} records")
    found.extend(records(it, 1000))
    it.close()
    return found


def consume():
    found = read("produced", len(CODECS))
    same([(it.key, it.value, list(it.headers)) for it in found], expected())


def idempotent():
    it = producer(enable_idempotence=True)
    flush(it, [it.send("numbered", str(n).encode(), partition=0) for n in range(100)])
    it.close(ANSWER_S)


def transactions():
    it = producer(transactional_id="kafka-python")
    it.init_transactions()
    for outcome in ["first", "aborted", "second"]:
        it.begin_transaction()
        values = [f"{outcome}-{n}".encode() for n in range(3)]
        flush(it, [it.send("transactional", value, partition=0) for value in values])
        if outcome == "aborted":
            it.abort_transaction()
        else:
            it.commit_transaction()
    it.close(ANSWER_S)
    found = read("transactional", 6, isolation_level="read_committed")
    wanted = [f"{outcome}-{n}".encode() for outcome in ["first", "second"] for n in range(3)]
    same([it.value for it in found], wanted)


def write_numbers(numbers):
    it = producer()
    flush(it, [it.send("classic-group", str(n).encode(), partition=n % 2) for n in numbers])
    it.close(ANSWER_S)


def grouped():
    return consumer(
        "classic",
        partition_assignment_strategy=[RangePartitionAssignor],
        # The others do not wait longer for a member that is gone without a word: less than a step lasts.
        session_timeout_ms=30_000,
        max_poll_interval_ms=45_000,
    )


def read_as_member(count):
    """Joins, reads this many records, commits the tenth of each partition, and leaves."""
    it = grouped()
    it.subscribe(["classic-group"])
    found = []

    def poll():
        found.extend(record.value for record in records(it, JOIN_MS))
        return len(found) >= count

    until(poll, f"a member reads {count} records")
    it.commit({part: OffsetAndMetadata(10, "", -1) for part in it.assignment()})
    it.close()
    return sorted(found)


def group():
    """Of two members at once, one whose poll ends just before the answer to SyncGroup forgets its partitions, and does
    not join again: that is chance, and the client's."""
    write_numbers(range(20))
    same(read_as_member(20), sorted(str(n).encode() for n in range(20)))
    write_numbers([20, 21])
    same(read_as_member(2), [b"20", b"21"])
    return "yes, one member at a time"


def admin():
    it = KafkaAdminClient(bootstrap_servers=SERVERS)
    it.create_topics([NewTopic("made", 2, 1)])
    [made] = it.describe_topics(["made"])
    same(len(made["partitions"]), 2)
    described = it.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "made")], config_filter="all")
    same("max.message.bytes" in str(described), True)
    it.delete_topics(["made"])
    same("made" in it.list_topics(), False)
    it.close()


report(
    "kafka-python",
    kafka.__version__,
    [
        ("produce", produce),
        ("consume", consume),
        ("idempotent", idempotent),
        ("transactions", transactions),
        ("classic group", group),
        ("KIP-848 group", lambda: NOT_IN_IT),
        ("admin", admin),
    ],
)
