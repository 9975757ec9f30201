#!/usr/bin/env python3
"""Embedded clusters beside each other: what clients of others do on each, and how many requests it answers a second.

    cargo xtask ci kafka                      # once, brings the clients to target/interop
    kafka-mock/beside/run.py clients          # each thing that each client tries, on each cluster
    kafka-mock/beside/run.py requests         # a topic of 1,000 partitions, three rounds in turns

Needs cargo and go. The programs of the other clusters are built in target/beside.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESIDE = ROOT / "kafka-mock/beside"
TARGET = ROOT / "target"
BUILT = TARGET / "beside"
INTEROP = TARGET / "interop"
PYTHON = ROOT / "kafka-mock/tests/interop/programs/python"

# The cluster of krafka takes one version of each request, which is not the one that is measured.
MEASURED = ["kafka-mock", "kfake", "librdkafka"]
CLUSTERS = ["kafka-mock", "kfake", "librdkafka", "krafka"]
TOPICS = ["produced", "numbered", "transactional", "classic-group", "consumer-group"]
CLIENTS = {
    "confluent-kafka": [INTEROP / "python/bin/python", "-B", PYTHON / "confluent.py"],
    "kafka-python": [INTEROP / "python/bin/python", "-B", PYTHON / "kafkapython.py"],
    "aiokafka": [INTEROP / "python/bin/python", "-B", PYTHON / "aio.py"],
    "franz-go": [INTEROP / "franz-go"],
    "rdkafka": [INTEROP / "rust/debug/rdkafka"],
    "krafka": [INTEROP / "rust/debug/krafka"],
    "rskafka": [INTEROP / "rust/debug/rskafka"],
}
# A client gives up each of seven things by itself after two minutes.
CLIENT_S = 900
ROUNDS = 3


def build():
    def run(*command, folder=ROOT, **env):
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, **env})

    mock = ["cargo", "build", "--release", "-p", "kafka-mock", "--features", "cli"]
    run(*mock, "--bin", "kafka-mock", "--example", "requests-per-second")
    run("cargo", "build", "--release", "--locked", folder=BESIDE / "rust", CARGO_TARGET_DIR=str(BUILT))
    run("go", "build", "-o", str(BUILT / "kfake"), ".", folder=BESIDE / "kfake")


@contextlib.contextmanager
def cluster(name, brokers, topics):
    """The addresses of a running cluster, and its process."""
    match name:
        case "kafka-mock":
            command = [TARGET / "release/kafka-mock", "--until-stdin-closes", "--brokers", brokers]
            for topic in topics:
                command += ["--topic", topic]
        case "kfake":
            command = [BUILT / "kfake", brokers, *topics]
        case _:
            command = [BUILT / "release" / name, brokers, *topics]
    command = [str(word) for word in command]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        addresses = re.findall(r"127\.0\.0\.1:\d+", process.stdout.readline())
        try:
            yield ",".join(addresses), process.pid
        finally:
            process.kill()


def clients():
    for client, command in CLIENTS.items():
        for name in CLUSTERS:
            with cluster(name, 3, [f"{topic}:2" for topic in TOPICS]) as (addresses, _):
                try:
                    done = subprocess.run(
                        [*command, addresses], capture_output=True, text=True, timeout=CLIENT_S, check=False
                    )
                    said = done.stdout.splitlines()[1:]
                except subprocess.TimeoutExpired as late:
                    said = (late.stdout or b"").decode().splitlines()[1:]
            works = sum(": yes" in line for line in said)
            print(f"{client} on {name}: {works}", flush=True)
            for line in said:
                if ": yes" not in line:
                    print(f"    {line[:160]}", flush=True)


def requests():
    for number in range(1, ROUNDS + 1):
        for name in MEASURED:
            # The one who measures makes the topic, but there is one that cannot be asked for it.
            topics = ["orders:1000"] if name == "librdkafka" else []
            with cluster(name, 1, topics) as (addresses, pid):
                measure = [TARGET / "release/examples/requests-per-second", addresses, "--pid", str(pid)]
                done = subprocess.run(measure, capture_output=True, text=True, timeout=CLIENT_S, check=False)
            print(f"round {number}: {name}\n{done.stdout}{done.stderr}", flush=True)


if __name__ == "__main__":
    what = {"clients": clients, "requests": requests}.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if what is None:
        sys.exit(__doc__)
    build()
    what()
