"""aiokafka, for asyncio."""

import asyncio
import sys

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contract import CODECS, NOT_IN_IT, STEP_S, expected, report, same, written

SERVERS = sys.argv[1]


def producer(**config):
    return AIOKafkaProducer(bootstrap_servers=SERVERS, acks="all", **config)


async def produce():
    for codec in CODECS:
        async with producer(compression_type=None if codec == "none" else codec) as it:
            key, value, headers = written(codec)
            await it.send_and_wait("produced", value, key, partition=0, headers=headers)


def consumer(*topics, **config):
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=SERVERS,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **config,
    )


async def records(it, timeout_ms):
    parts = await it.getmany(timeout_ms=timeout_ms)
    return [record for part in parts.values() for record in part]


async def read(topic, count, **config):
    """This many records of the first partition, and no more within a moment."""
    async with consumer(**config) as it:
        part = TopicPartition(topic, 0)
        it.assign([part])
        await it.seek_to_beginning(part)
        found = []
        while len(found) < count:
            found.extend(await records(it, 200))
        found.extend(await records(it, 1000))
    return found


async def consume():
    found = await read("produced", len(CODECS))
    same([(it.key, it.value, list(it.headers)) for it in found], expected())


async def idempotent():
    async with producer(enable_idempotence=True) as it:
        for n in range(100):
            await it.send("numbered", str(n).encode(), partition=0)
        await it.flush()


async def transactions():
    async with producer(transactional_id="aiokafka") as it:
        for outcome in ["first", "aborted", "second"]:
            await it.begin_transaction()
            for n in range(3):
                value = f"{outcome}-{n}".encode()
                await it.send_and_wait("transactional", value, partition=0)
            if outcome == "aborted":
                await it.abort_transaction()
            else:
                await it.commit_transaction()
    found = await read("transactional", 6, isolation_level="read_committed")
    wanted = [f"{outcome}-{n}".encode() for outcome in ["first", "second"] for n in range(3)]
    same([it.value for it in found], wanted)


async def write_numbers(numbers):
    async with producer() as it:
        for n in numbers:
            await it.send_and_wait("classic-group", str(n).encode(), partition=n % 2)


async def group():
    await write_numbers(range(20))
    async with consumer("classic-group", group_id="classic") as one:
        async with consumer("classic-group", group_id="classic") as other:
            members, found = [one, other], set()
            while any(len(it.assignment()) != 1 for it in members) or len(found) < 20:
                for it in members:
                    found.update([record.value for record in await records(it, 100)])
            for it in members:
                await it.commit({part: 10 for part in it.assignment()})
    await write_numbers([20, 21])
    async with consumer("classic-group", group_id="classic") as it:
        rest = []
        while len(rest) < 2:
            rest.extend([record.value for record in await records(it, 100)])
    same(sorted(rest), [b"20", b"21"])


async def admin():
    it = AIOKafkaAdminClient(bootstrap_servers=SERVERS)
    await it.start()
    await it.create_topics([NewTopic("made", 2, 1)])
    [made] = await it.describe_topics(["made"])
    same(len(made["partitions"]), 2)
    described = await it.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "made")])
    same("max.message.bytes" in str(described), True)
    await it.delete_topics(["made"])
    same("made" in await it.list_topics(), False)
    await it.close()


def step(it):
    return lambda: asyncio.run(asyncio.wait_for(it(), STEP_S))


report(
    "aiokafka",
    aiokafka.__version__,
    [
        ("produce", step(produce)),
        ("consume", step(consume)),
        ("idempotent", step(idempotent)),
        ("transactions", step(transactions)),
        ("classic group", step(group)),
        ("KIP-848 group", lambda: NOT_IN_IT),
        ("admin", step(admin)),
    ],
)
