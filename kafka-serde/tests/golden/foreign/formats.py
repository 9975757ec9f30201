"""Prints what implementations of other languages make of a few orders, and of ids of schemas: a line of JSON each."""

import io
import json
import subprocess
import sys
import tempfile

import cbor2
import fastavro
import msgpack
from confluent_kafka.schema_registry.serde import SchemaId

ITEM = {"sku": "tea", "quantity": 2}


def order(**fields):
    plain = {
        "id": 0,
        "customer": "",
        "price": 12.34,
        "paid": False,
        "status": "New",
        "items": [],
        "gift": None,
        "notes": {},
    }
    return plain | fields


ORDERS = [
    order(),
    order(id=7, customer="Zoë", paid=True, status="Shipped"),
    order(id=-1, price=-0.1, items=[ITEM]),
    order(id=63, items=[ITEM, {"sku": "a" * 70, "quantity": -64}], gift=ITEM),
    order(id=64, notes={"colour": "grün", "to": "Bo"}),
    order(id=128, customer="x" * 300, gift={"sku": "", "quantity": 0}),
    order(id=65_536, items=[{"sku": str(n), "quantity": n * 1_000} for n in range(20)]),
    order(id=2**40, price=1e300),
    order(id=2**63 - 1),
    order(id=-(2**63)),
]


def avro(value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.load(open("order.avsc"))), value)
    return out.getvalue()


def protobuf_class():
    with tempfile.TemporaryDirectory() as directory:
        compile_it = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={directory}", "order.proto"]
        subprocess.run(compile_it, check=True)
        sys.path.insert(0, directory)
        import order_pb2

        return order_pb2.Order


Order = protobuf_class()


def protobuf(value):
    return Order(**value).SerializeToString(deterministic=True)


FORMATS = {"avro": avro, "protobuf": protobuf, "cbor": cbor2.dumps, "messagepack": msgpack.packb}
for name, encode in FORMATS.items():
    for value in ORDERS:
        print(json.dumps({"format": name, "value": value, "hex": encode(value).hex()}))

INDEXES = [None, [0], [1], [0, 0], [1, 0], [2, 63, 64], [8191, 8192, 65535]]
GUID = "89791762-2336-4186-9674-299b90a802e2"
for indexes in INDEXES:
    for number in [0, 1, 258, 2**31 - 1, 2**32 - 1]:
        frame = SchemaId("PROTOBUF", schema_id=number, message_indexes=indexes).id_to_bytes()
        print(json.dumps({"format": "id", "id": number, "indexes": indexes, "hex": frame.hex()}))
    frame = SchemaId("PROTOBUF", guid=GUID, message_indexes=indexes).guid_to_bytes()
    print(json.dumps({"format": "guid", "guid": GUID, "indexes": indexes, "hex": frame.hex()}))
