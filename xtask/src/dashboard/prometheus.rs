//! A Prometheus of its own: on a free port of loopback, with its data in a temporary directory.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::program::Program;
use crate::shell;

/// The server; it ends with this value.
pub(super) struct Prometheus {
    address: SocketAddr,
    // Before its data is removed.
    program: RefCell<Program>,
    data: TempDir,
}

impl Prometheus {
    /// Has one read `http://{target}/metrics` each second.
    pub(super) fn start(target: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let config = data.path().join("prometheus.yml");
        std::fs::write(&config, CONFIG.replace("TARGET", target))?;
        // Another program may take it before Prometheus does; then Prometheus ends, which is told.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        let storage = data.path().join("data");
        command.arg(format!("--storage.tsdb.path={}", storage.display()));
        command.arg(format!("--web.listen-address={address}"));
        let log = File::create(data.path().join(LOG))?;
        command.stdout(log.try_clone()?).stderr(log);
        let program = RefCell::new(Program::start(&mut command)?);
        let server = Self {
            address,
            program,
            data,
        };
        let is_ready = |it: &Self| Ok(it.newest("vector(1)").is_ok());
        server.await_that("it answers", is_ready)?;
        Ok(server)
    }

    /// Its own page.
    pub(super) fn page(&self) -> String {
        format!("http://{}/graph", self.address)
    }

    /// Looks again and again until it is so.
    pub(super) fn await_that(
        &self,
        what: &str,
        mut is_so: impl FnMut(&Self) -> Result<bool>,
    ) -> Result<()> {
        let begun = Instant::now();
        while !is_so(self)? {
            let has_ended = self.program.borrow_mut().has_ended()?;
            ensure!(!has_ended, "Prometheus has ended: {}", self.log());
            ensure!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
            shell::pause(SCRAPE_INTERVAL);
        }
        Ok(())
    }

    /// A value of the expression now, if there is one that is a number.
    pub(super) fn newest(&self, expression: &str) -> Result<Option<f64>> {
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let numbers = self.ask(&path)?;
        let mut numbers = numbers.iter().map(|series| &series["value"][1]);
        Ok(numbers.find_map(|value| number(value).filter(|it| it.is_finite())))
    }

    /// The values of each series of the expression, each second.
    pub(super) fn over(&self, expression: &str, since: Duration) -> Result<Vec<Vec<f64>>> {
        let end = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let start = end - since.as_secs_f64();
        let query = encoded(expression);
        let path = format!("/api/v1/query_range?query={query}&start={start}&end={end}&step=1");
        let series = self.ask(&path)?;
        let values = series.iter().map(|series| {
            let values = series["values"].as_array().into_iter().flatten();
            values.filter_map(|pair| number(&pair[1])).collect()
        });
        Ok(values.collect())
    }

    /// The result of a query.
    fn ask(&self, path: &str) -> Result<Vec<Value>> {
        let answer = self.get(path)?;
        let answer: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let result = answer["data"]["result"].as_array();
        Ok(result.with_context(|| format!("{path}: {answer}"))?.clone())
    }

    /// The body of what is answered. In HTTP 1.0 it ends with the connection.
    fn get(&self, path: &str) -> Result<String> {
        let mut connection = TcpStream::connect_timeout(&self.address, ANSWER_LIMIT)?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        write!(connection, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let body = answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned());
        body.context("the answer has no end of its headers")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join(LOG)).unwrap_or_default()
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

/// As a part of an address.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

const CONFIG: &str = "\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: producers
    static_configs:
      - targets: ['TARGET']
";
const SCRAPE_INTERVAL: Duration = Duration::from_secs(1);
const LOG: &str = "prometheus.log";
/// Until something is to be seen.
const LIMIT: Duration = Duration::from_secs(180);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_becomes_a_part_of_an_address() {
        assert_eq!(encoded("sum(a_b[5s])"), "sum%28a%5Fb%5B5s%5D%29");
    }
}
