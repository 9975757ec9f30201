//! `kafka-produce send --dry-run`: prints what would be sent, and sends nothing.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use kafka_producer::Producer;
use kafka_producer::config::PartitionerClass;
use kafka_producer::partition::partition_for_key;

use crate::arguments::{OnError, Send};
use crate::configuration;
use crate::entry::Entry;
use crate::input::Input;
use crate::reading::{Flow, Sink, read_all};
use crate::recipe::{Place, Recipe};
use crate::warnings;

/// Prints all of the input.
pub(crate) fn run(task: &Send) -> Result<ExitCode> {
    warnings::hide();
    let config = configuration::of_sending(task)?;
    let (checked, cluster) = match config.check() {
        Ok(checked) => {
            let is_by_key = checked.partitioner() == PartitionerClass::Default;
            let producer = Producer::builder().config(config).build()?;
            (checked, is_by_key.then(|| Cluster::new(producer)))
        }
        Err(_) => (configuration::without_cluster(&config).check()?, None),
    };
    warnings::tell_of(&checked);
    let input = Input::new(task, checked.max_request_size())?;
    let mut printing = Printing {
        to: BufWriter::new(io::stdout().lock()),
        cluster,
        on_error: task.on_error,
        records: 0,
        bad_rows: 0,
    };
    let flow = read_all(&input, &Recipe::new(task), &mut printing)?;
    printing.to.flush()?;
    if !task.quiet {
        let (records, bad_rows) = (printing.records, printing.bad_rows);
        eprintln!("{records} records would be sent; rows not understood: {bad_rows}");
    }
    Ok(match flow {
        Flow::GoesOn => ExitCode::SUCCESS,
        Flow::Stops => ExitCode::FAILURE,
    })
}

/// A cluster that is asked how many partitions a topic has.
struct Cluster {
    producer: Producer<[u8], [u8]>,
    partitions: BTreeMap<String, u32>,
}

struct Printing<'a> {
    to: BufWriter<StdoutLock<'a>>,
    cluster: Option<Cluster>,
    on_error: OnError,
    records: u64,
    bad_rows: u64,
}

impl Cluster {
    fn new(producer: Producer<[u8], [u8]>) -> Self {
        let partitions = BTreeMap::new();
        Self {
            producer,
            partitions,
        }
    }

    /// Where a record with this key goes.
    fn partition(&mut self, topic: &str, key: &[u8]) -> Result<i32> {
        let partitions = match self.partitions.get(topic) {
            Some(partitions) => *partitions,
            None => {
                let told = pollster::block_on(self.producer.partitions_for(topic))?;
                let partitions = u32::try_from(told)?;
                self.partitions.insert(topic.to_owned(), partitions);
                partitions
            }
        };
        Ok(partition_for_key(key, partitions))
    }
}

impl Sink for Printing<'_> {
    fn take(&mut self, entry: &mut Entry, _: Place<'_>) -> Result<Flow> {
        if let (Some(cluster), Some(key), None) =
            (&mut self.cluster, entry.key.bytes(), entry.partition)
        {
            entry.partition = Some(cluster.partition(&entry.topic, key)?);
        }
        entry.write_json(&mut self.to)?;
        self.records += 1;
        Ok(Flow::GoesOn)
    }

    fn bad(&mut self, place: Place<'_>, why: &str) -> Flow {
        self.bad_rows += 1;
        eprintln!("{place}: {why}");
        match self.on_error {
            OnError::Skip => Flow::GoesOn,
            OnError::Stop => Flow::Stops,
        }
    }

    fn file_ends(&mut self, _: &str) -> Result<Flow> {
        Ok(Flow::GoesOn)
    }
}
