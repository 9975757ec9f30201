"""What every program here tries, and how it says what works.

Called with the bootstrap servers of a cluster that has the topics `produced`, `numbered`, `transactional`,
`classic-group` and `consumer-group`, of two partitions each. It prints the client's name and version, then a line for each thing
tried: `NAME: yes`, with what is to be known of it, or `NAME: no, REASON`.
"""

import sys
import time
import traceback

# What is said of what a client does not have.
NOT_IN_IT = "no, not in it"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HEADERS = [("h", b"1"), ("trace", b"x y"), ("h", b"2")]
# For one answer of the cluster, and for one thing tried: much more than a busy machine needs.
ANSWER_S = 60
STEP_S = 120


def report(client, version, steps):
    print(f"{client} {version}", flush=True)
    for name, step in steps:
        try:
            said = step() or "yes"
        except Exception as error:
            traceback.print_exc()
            reason = " ".join(str(error).split())
            said = f"no, {type(error).__name__}: {reason}"
        print(f"{name}: {said}", flush=True)


def written(codec):
    """Key, value and headers of the record in this codec."""
    return f"key-{codec}".encode(), f"value of {codec}, ".encode() * 20, HEADERS


def expected():
    return [written(codec) for codec in CODECS]


def same(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


def until(holds, what):
    """Calls `holds`, which waits a moment itself, until it says so."""
    deadline = time.monotonic() + STEP_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
