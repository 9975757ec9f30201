//! The steps before the first byte: names to addresses, and a connection to one of them, which is closed again.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kafka_producer::Address;

use super::report::{Failure, Step};

/// Resolves each server; one that can be is enough.
pub(crate) fn resolve(
    servers: &[Address],
    limit: Duration,
) -> Result<Vec<(Address, Vec<SocketAddr>)>, Failure> {
    let (mut resolved, mut failures) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + limit;
    for server in servers {
        match addresses(server, deadline) {
            Ok(addresses) => resolved.push((server.clone(), addresses)),
            Err(why) => failures.push(format!("{server}: {why}")),
        }
    }
    judge(Step::Resolve, resolved, &failures, RESOLVE)
}

/// The addresses of a name. The system's resolver has no deadline, so a thread waits for it.
fn addresses(server: &Address, deadline: Instant) -> Result<Vec<SocketAddr>, String> {
    let (tell, told) = mpsc::channel();
    let (host, port) = (server.host.clone(), server.port);
    thread::spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs();
        // Nobody listens any more if it took too long.
        let _ = tell.send(addresses.map(Iterator::collect::<Vec<_>>));
    });
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err("it has no address".to_owned()),
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the resolver does not answer in time".to_owned()),
    }
}

/// Connects to one address of each server; one server is enough.
pub(crate) fn connect(
    servers: &[(Address, Vec<SocketAddr>)],
    limit: Duration,
) -> Result<Vec<SocketAddr>, Failure> {
    let (mut connected, mut failures) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + limit;
    for (server, addresses) in servers {
        match first_that_connects(addresses, deadline) {
            Ok(address) => connected.push(address),
            Err(why) => failures.push(format!("{server}: {why}")),
        }
    }
    judge(Step::Connect, connected, &failures, CONNECT)
}

fn first_that_connects(addresses: &[SocketAddr], deadline: Instant) -> Result<SocketAddr, String> {
    let mut reasons = Vec::new();
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        // A limit of zero is refused.
        match TcpStream::connect_timeout(address, left.max(Duration::from_millis(1))) {
            Ok(_) => return Ok(*address),
            Err(error) => reasons.push(format!("{address}: {error}")),
        }
    }
    Err(reasons.join(", "))
}

/// What could be done, if anything could.
fn judge<T>(
    step: Step,
    done: Vec<T>,
    failures: &[String],
    advice: &'static str,
) -> Result<Vec<T>, Failure> {
    if done.is_empty() {
        return Err(Failure::new(step, failures.join("; "), advice));
    }
    for failure in failures {
        step.remark(failure);
    }
    Ok(done)
}

const RESOLVE: &str =
    "correct the name in bootstrap.servers, or the resolver of this machine (DNS, /etc/hosts)";
const CONNECT: &str = "refused: no broker listens on this port; no answer in time: a firewall, or the address of \
                       another network. Compare the listeners of the broker";
