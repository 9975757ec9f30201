//! Encodes orders as Confluent's Avro serializer does, and decodes them again as a consumer would.
//!
//! `cargo run` prints each order's bytes. A program with a schema registry asks it for the id when it starts; here the
//! registry is a table.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use kafka_serde::{Avro, Context, Framed, Headers, Nullable, Role, SchemaId, Serializer};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    customer: String,
    price: f64,
}

static ORDER: LazyLock<Schema> = LazyLock::new(|| {
    let schema = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "price", "type": "double"}]}"#;
    Schema::parse_str(schema).expect("it is a schema")
});

/// What a client of a registry would know: schemas by their ids.
type Registry = BTreeMap<u32, &'static Schema>;

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::from([(258, &*ORDER)]);
    // `None` is a tombstone, which has no schema.
    let serializer = Nullable(Framed::new(258, Avro::new(&ORDER)?));
    let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    for order in orders() {
        let mut context = Context::new("orders", Role::Value, &mut headers);
        let bytes = serializer.serialize(&mut context, &order, &mut scratch)?;
        println!("{order:?}: {bytes:02x?}");
        let read = bytes.map(|bytes| decode(&registry, bytes)).transpose()?;
        assert_eq!(read, order);
    }
    let unframed = decode(&registry, b"{}").expect_err("it is JSON");
    println!("What is not framed is told: {unframed}");
    Ok(())
}

fn orders() -> [Option<Order>; 3] {
    let order = |id, customer: &str, price| Order {
        id,
        customer: customer.to_owned(),
        price,
    };
    let orders = [order(7, "Zoë", 12.5), order(8, "", 0.0)];
    let [one, other] = orders.map(Some);
    [one, other, None]
}

/// A consumer: the id says by which schema the bytes behind it were written.
fn decode(registry: &Registry, bytes: &[u8]) -> Result<Order, Box<dyn Error>> {
    let (schema, mut payload) = SchemaId::parse(bytes)?;
    let SchemaId::Id(id) = schema else {
        return Err(format!("{schema:?} is not an id of this registry").into());
    };
    let written_by = registry.get(&id).ok_or("the registry has no such schema")?;
    let reader = GenericDatumReader::builder(written_by).build()?;
    Ok(apache_avro::from_value(&reader.read_value(&mut payload)?)?)
}
