//! What users write: Kafka's properties, typed or by name.
//!
//! ```text
//! typed setters ──┐
//! (name, value) ──┤
//! .properties ────┼─▶ ProducerConfig ─check─▶ Settings + warnings, or every problem at once
//! environment ────┤
//! JSON, TOML … ───┘
//! ```
//!
//! A [`ProducerConfig`] accepts anything and checks nothing; it remembers what was set explicitly,
//! because Kafka's rules treat that differently from a default of the same value. `table` knows the
//! properties one by one, `other_names` what else they were called, `rules.rs` how they depend on each
//! other. Nothing here opens a connection or resolves a name; a file or the environment is read where the
//! caller asks for it, and by the `providers` that a configuration names.

mod address;
mod choices;
mod codec;
mod compression_setters;
mod environment;
mod error;
mod interceptors;
mod jaas;
mod metrics_setters;
#[cfg(feature = "tokio")]
mod named_interceptors;
mod nearest;
mod other_names;
mod partitioners;
mod plugins;
mod producer_config;
mod properties_file;
mod providers;
mod reporters;
mod rules;
mod security;
mod security_setters;
#[cfg(feature = "tokio")]
mod serializers;
mod setters;
#[cfg(feature = "unstable-engine")]
#[doc(hidden)]
pub mod settings;
#[cfg(not(feature = "unstable-engine"))]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is public with the feature `unstable-engine`"
)]
pub(crate) mod settings;
mod table;
#[cfg(feature = "serde")]
mod table_source;
#[cfg(test)]
mod tests;
mod values;

pub use address::Address;
pub use choices::{
    Acks, DnsLookup, MetadataRecovery, PartitionerClass, SecurityProtocol, UnknownAcks,
    UnknownPartitioner, UnknownPolicy, UnknownProtocol, UnresolvedPolicy,
};
pub use error::{ConfigError, Problem, Warning};
pub use other_names::{Conversion, Meaning, Origin, OtherName};
#[cfg(feature = "tokio")]
pub(crate) use partitioners::ChosenPartitioner;
pub use plugins::Plugins;
#[cfg(feature = "tokio")]
pub(crate) use plugins::ReporterFactory;
pub use producer_config::ProducerConfig;
pub use properties_file::parse_properties;
#[cfg(feature = "tokio")]
pub(crate) use providers::Provided;
pub use rules::Checked;
#[cfg(feature = "tokio")]
pub(crate) use serializers::{SerializerType, SerializerTypes};
pub use table::{Allowed, Kind, Property, Support};
