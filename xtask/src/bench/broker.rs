//! A real Apache Kafka of one node, with its log in memory if possible, and a topic for each run.
//!
//! CreateTopics and DeleteTopics are encoded here, as this crate depends on none of the others.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::usage;
use crate::kafka::{self, Cluster, Jvm, Protocol};
use crate::shell;
use crate::undo::Undo;

/// The broker; it ends with this value.
pub(super) struct Broker {
    pub(super) bootstrap: String,
    process: u32,
    _end: Undo,
}

impl Broker {
    pub(super) fn start() -> Result<Self> {
        ensure!(
            Cluster::running().is_err(),
            "a cluster runs already: stop it first (`cargo xtask kafka down`)"
        );
        let memory = Path::new("/dev/shm");
        let cluster = Cluster::up(&kafka::Up {
            nodes: 1,
            dir: memory.is_dir().then(|| memory.to_owned()),
            jvm: Jvm::Fast,
            // What a run wrote is gone before the next one.
            set: vec!["log.segment.delete.delay.ms=100".to_owned()],
            ..kafka::Up::default()
        })?;
        let bootstrap = cluster.bootstrap_servers(Protocol::Plaintext);
        let process = cluster.processes().next();
        let end = Undo::new(move || {
            if let Err(error) = cluster.down() {
                eprintln!("the broker is not stopped: {error:#}");
            }
        });
        Ok(Self {
            bootstrap: bootstrap.context("a cluster always has a listener for PLAINTEXT")?,
            process: process.context("a cluster that is up has a process")?,
            _end: end,
        })
    }

    pub(super) fn create(&self, topic: &str, partitions: u32) -> Result<()> {
        let mut body = Vec::new();
        body.extend(1_i32.to_be_bytes());
        put(&mut body, topic)?;
        body.extend(partitions.to_be_bytes());
        body.extend(1_i16.to_be_bytes()); // copies
        body.extend([0; 8]); // no assignments, no settings
        body.extend(TIMEOUT_MS.to_be_bytes());
        body.push(0); // not only to validate
        let answer = self.call(CREATE_TOPICS, &body)?;
        let code = code_after(&answer, topic).context("the answer is cut short")?;
        ensure!(code == 0, "topic {topic} is not created: error {code}");
        shell::pause(SETTLE);
        Ok(())
    }

    pub(super) fn delete(&self, topic: &str) -> Result<()> {
        let mut body = Vec::new();
        body.extend(1_i32.to_be_bytes());
        put(&mut body, topic)?;
        body.extend(TIMEOUT_MS.to_be_bytes());
        self.call(DELETE_TOPICS, &body)?;
        shell::pause(SETTLE);
        Ok(())
    }

    /// The seconds on any core that the broker has used.
    pub(super) fn cpu_s(&self) -> f64 {
        usage::of_process(self.process)
    }

    fn call(&self, (key, version): (i16, i16), body: &[u8]) -> Result<Vec<u8>> {
        let mut request = Vec::new();
        request.extend(key.to_be_bytes());
        request.extend(version.to_be_bytes());
        request.extend(1_i32.to_be_bytes()); // correlation
        put(&mut request, "bench")?;
        request.extend(body);
        let length = i32::try_from(request.len())?;
        let request = [&length.to_be_bytes(), request.as_slice()].concat();
        kafka::ask(self.bootstrap.parse()?, &request, TIME_LIMIT)
    }
}

fn put(bytes: &mut Vec<u8>, text: &str) -> Result<()> {
    bytes.extend(i16::try_from(text.len())?.to_be_bytes());
    bytes.extend(text.as_bytes());
    Ok(())
}

/// The error code behind the only topic: after correlation, throttling, count and name.
fn code_after(answer: &[u8], topic: &str) -> Option<i16> {
    let (code, _) = answer
        .get(4 + 4 + 4 + 2 + topic.len()..)?
        .split_first_chunk()?;
    Some(i16::from_be_bytes(*code))
}

/// The controller has done it when it answers; the broker learns of it a moment later.
const SETTLE: Duration = Duration::from_millis(400);
const CREATE_TOPICS: (i16, i16) = (19, 4);
const DELETE_TOPICS: (i16, i16) = (20, 3);
const TIMEOUT_MS: i32 = 20_000;
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_stands_behind_the_name() {
        let mut answer = vec![0; 12];
        put(&mut answer, "abc").unwrap();
        answer.extend([0, 36, 255, 255]);
        assert_eq!(code_after(&answer, "abc"), Some(36));
        assert_eq!(code_after(&answer[..17], "abc"), None);
    }
}
