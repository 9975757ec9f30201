//! Which partitioner a configuration chooses, and how it spreads records: a part of the rules.

use super::choices::{PartitionerClass, UnknownPartitioner};
use super::error::Problem;
use super::plugins::{PartitionerFactory, Plugins};
use super::settings::{Adaptive, Partitioning};
use super::values::{Findings, Values};

/// What `partitioner.class` chooses.
#[derive(Clone, Debug)]
pub(crate) enum ChosenPartitioner {
    BuiltIn(PartitionerClass),
    Plugin(
        #[cfg_attr(
            not(feature = "tokio"),
            allow(dead_code, reason = "the builder of producers goes by it")
        )]
        PartitionerFactory,
    ),
}

/// What `partitioner.class` and `partitioner.ignore.keys` choose.
pub(super) fn partitioner(
    values: &Values,
    plugins: &Plugins,
    findings: &mut Findings,
) -> ChosenPartitioner {
    let name = "partitioner.class";
    let class = values.text(name).unwrap_or_default();
    if let Some(make) = plugins.partitioner_named(&class) {
        return ChosenPartitioner::Plugin(make);
    }
    let parsed = match class.as_str() {
        "" => Ok(PartitionerClass::Default),
        class => class.parse(),
    };
    let chosen = match parsed {
        Ok(PartitionerClass::Default) if values.flag("partitioner.ignore.keys") => {
            PartitionerClass::UniformSticky
        }
        Ok(class) => class,
        Err(UnknownPartitioner) => {
            unknown_partitioner(class, plugins, findings);
            PartitionerClass::Default
        }
    };
    ChosenPartitioner::BuiltIn(chosen)
}

fn unknown_partitioner(class: String, plugins: &Plugins, findings: &mut Findings) {
    let name = "partitioner.class";
    if class.starts_with("kafka.producer.") {
        findings.problems.push(Problem::Unsupported {
            name,
            value: class,
            allowed: "left unset, or a class of today".to_owned(),
            reason: "the first producer hashed keys in another way, and they would go to other partitions \
                     than before"
                .to_owned(),
        });
        return;
    }
    let names: Vec<&str> = plugins.partitioner_names().collect();
    let allowed = match names[..] {
        [] => UnknownPartitioner.to_string(),
        _ => format!("{UnknownPartitioner}: {}", names.join(", ")),
    };
    findings.invalid(name, class, &allowed);
}

/// How the built-in partitioners spread what has no key.
pub(super) fn partitioning(values: &Values, findings: &mut Findings) -> Partitioning {
    let timeout = values.time("partitioner.availability.timeout.ms");
    let adaptive = match values.flag("partitioner.adaptive.partitioning.enable") {
        true => Adaptive::On {
            availability_timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
        },
        false => Adaptive::Off,
    };
    let rack = values.text("client.rack").unwrap_or_default();
    let aware = values.flag("partitioner.rack.aware");
    if aware && rack.trim().is_empty() {
        findings.missing(
            "client.rack",
            "the rack of this producer, because of partitioner.rack.aware=true",
        );
    }
    Partitioning {
        adaptive,
        own_rack: aware.then(|| rack.into()),
    }
}
