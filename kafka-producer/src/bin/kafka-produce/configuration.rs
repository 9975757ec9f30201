//! What the producer is configured with: the file, then single properties, then what has an option of its own.

use anyhow::{Result, bail};
use kafka_producer::ProducerConfig;
use kafka_producer::config::{Checked, Problem};

use crate::arguments::{Connection, Named, Send};

const BOOTSTRAP_SERVERS: &str = "bootstrap.servers";

/// The configuration of these options.
pub(crate) fn of(connection: &Connection) -> Result<ProducerConfig> {
    let mut config = match &connection.config {
        Some(path) => ProducerConfig::from_properties_file(path)?,
        None => ProducerConfig::new(),
    };
    for Named { name, value } in &connection.properties {
        config = config.set(name, value);
    }
    if let Some(servers) = &connection.bootstrap_server {
        config = config.set(BOOTSTRAP_SERVERS, servers);
    }
    Ok(config)
}

/// The same for `send`: with its options, and larger batches than usual if nothing else is asked for.
pub(crate) fn of_sending(task: &Send) -> Result<ProducerConfig> {
    let usual = ProducerConfig::new().batch_size(BATCH_BYTES);
    let config = usual.merge(of(&task.connection)?);
    Ok(match &task.compression {
        Some(codec) => config.set("compression.type", codec),
        None => config,
    })
}

/// With Kafka's 16 KiB a file takes four times as long (three nodes, 167 MB): most of it is one request after the
/// other.
const BATCH_BYTES: usize = 128 << 10;

/// All that is wrong with it; and what to type, if only the servers are missing.
pub(crate) fn check(config: &ProducerConfig) -> Result<Checked> {
    let checked = config.check();
    match &checked {
        Err(error) if error.problems().iter().all(names_no_server) => bail!(
            "no server is named: give --bootstrap-server HOST:PORT, or {BOOTSTRAP_SERVERS} in the file of --config"
        ),
        _ => Ok(checked?),
    }
}

fn names_no_server(problem: &Problem) -> bool {
    matches!(problem, Problem::Missing { name, .. } if *name == BOOTSTRAP_SERVERS)
}

/// The same configuration, for somebody who connects to nobody.
pub(crate) fn without_cluster(config: &ProducerConfig) -> ProducerConfig {
    config.clone().set(BOOTSTRAP_SERVERS, "localhost:9092")
}
