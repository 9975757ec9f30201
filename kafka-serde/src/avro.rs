//! Avro, for every type that `serde` can serialize and whose fields a schema names.

use std::any::type_name;
use std::fmt;

use apache_avro::Schema;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;

use crate::{Context, SerializeError, Serializer};

/// Avro's binary encoding of one value: no file, no schema, no fingerprint.
///
/// Readers have to know the schema. Wrapped in [`Framed`](crate::Framed) the value begins with the id that a schema
/// registry has for it; such values are what Confluent's `KafkaAvroSerializer` writes.
///
/// A schema is resolved once, when the serializer is built, and borrowed from then on: keep it in a `static`, or leak one
/// that is fetched as the program starts.
///
/// ```
/// use std::sync::LazyLock;
///
/// use apache_avro::Schema;
/// use kafka_serde::{Avro, Context, Framed, Headers, Role, Serializer};
///
/// static ORDER: LazyLock<Schema> = LazyLock::new(|| {
///     Schema::parse_str(r#"{"type": "record", "name": "Order", "fields": [
///         {"name": "id", "type": "long"}, {"name": "paid", "type": "boolean"}]}"#)
///         .expect("a schema")
/// });
///
/// #[derive(serde::Serialize)]
/// struct Order { id: i64, paid: bool }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let order = Order { id: 7, paid: true };
/// let serializer = Framed::new(258, Avro::new(&ORDER)?);
/// let bytes = serializer.serialize(&mut context, &order, &mut scratch)?;
/// assert_eq!(bytes, Some(&[0, 0, 0, 1, 2, 14, 1][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
pub struct Avro<'s> {
    schema: &'s Schema,
    writer: GenericDatumWriter<'s>,
}

impl<'s> Avro<'s> {
    /// Writes values of this schema.
    ///
    /// ```
    /// use apache_avro::Schema;
    /// use kafka_serde::Avro;
    ///
    /// let dangling = Schema::parse_str(r#"{"type": "array", "items": "NoSuchType"}"#);
    /// assert!(dangling.is_err(), "a schema that is parsed names no type that it does not have");
    /// let schema = Schema::parse_str(r#"{"type": "array", "items": "long"}"#).expect("a schema");
    /// assert!(Avro::new(&schema).is_ok());
    /// ```
    ///
    /// # Errors
    /// If the schema names a type that it does not have.
    pub fn new(schema: &'s Schema) -> Result<Self, SerializeError> {
        let writer = GenericDatumWriter::builder(schema).human_readable(false);
        let writer = writer.build();
        Ok(Self {
            schema,
            writer: writer.map_err(|source| SerializeError::new("the Avro schema", source))?,
        })
    }
}

impl<T: Serialize + ?Sized> Serializer<T> for Avro<'_> {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        self.writer
            .write_ser(scratch, &value)
            .map_err(|source| SerializeError::new(type_name::<T>(), source))?;
        Ok(Some(scratch))
    }
}

impl fmt::Debug for Avro<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Avro").field(self.schema).finish()
    }
}
