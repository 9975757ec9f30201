//! Opening a connection: resolve the name, race its addresses, set the socket up.
//!
//! A name may have many addresses, of which some lead nowhere (`client.dns.lookup=use_all_dns_ips`).
//! They are tried one after the other; while there is another, each gets a head start of 250 ms only
//! (RFC 8305), and the first that accepts is taken. The next attempt remembers which were tried: it
//! begins with those that were not, then takes those that accepted, the longest ago first, so that an
//! address that accepts but does not work is passed over, too. The name is resolved anew each time
//! (`resolve.rs`).
//!
//! How long it may take is decided by the engine, which drops a dial whose time is up.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::resolve::{Target, resolve};
use super::transport::connect;
use crate::settings::{Address, DnsLookup, Settings};

type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// How an address is connected to.
type Connect<S> = Box<dyn Fn(SocketAddr) -> Pending<S> + Send>;

/// The addresses of a broker that were tried, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    accepted: Vec<SocketAddr>,
    others: Vec<SocketAddr>,
}

/// A connection being opened.
pub(crate) struct Dial<S = TcpStream> {
    address: Address,
    connect: Connect<S>,
    state: State<S>,
    tried: Tried,
}

/// A connection that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialed<S> {
    pub(crate) stream: S,
    /// By which name the broker is known, if not by that of its address.
    pub(crate) canonical: Option<Arc<str>>,
}

enum State<S> {
    Resolving(Pending<Vec<Target>>),
    Racing(Race<S>),
}

/// The addresses of one name, side by side.
struct Race<S> {
    /// Those that were not tried yet, in their order.
    waiting: VecDeque<Target>,
    running: Vec<(Target, Pending<S>)>,
    /// When the next is tried, if none has ended before.
    next_at: Option<Instant>,
    /// Why the others failed.
    failures: Vec<(SocketAddr, String)>,
}

/// Begins to open a connection to a broker, whose name is looked up in this way; `tried` is what earlier
/// attempts have tried.
pub(crate) fn dial(address: Address, lookup: DnsLookup, tried: Tried, settings: &Settings) -> Dial {
    let buffers = (settings.send_buffer_bytes, settings.receive_buffer_bytes);
    let targets = resolve(address.clone(), lookup);
    Dial {
        address,
        connect: Box::new(move |address| Box::pin(connect(address, buffers))),
        state: State::Resolving(Box::pin(targets)),
        tried,
    }
}

#[cfg_attr(
    not(any(feature = "oauth-oidc", feature = "aws-msk-iam")),
    allow(dead_code, reason = "only token endpoints are no brokers")
)]
impl Dial {
    /// One to something that is no broker.
    pub(crate) fn of(address: Address) -> Self {
        let targets = resolve(address.clone(), DnsLookup::UseAllDnsIps);
        Self {
            address,
            connect: Box::new(|address| Box::pin(connect(address, (None, None)))),
            state: State::Resolving(Box::pin(targets)),
            tried: Tried::default(),
        }
    }
}

#[cfg(test)]
impl Dial {
    /// One that is as far as this.
    pub(super) fn resolving<F>(resolve: F) -> Self
    where
        F: Future<Output = io::Result<Vec<Target>>> + Send + 'static,
    {
        Self {
            address: Address {
                host: "broker".to_owned(),
                port: 9092,
            },
            connect: Box::new(|address| Box::pin(connect(address, (None, None)))),
            state: State::Resolving(Box::pin(resolve)),
            tried: Tried::default(),
        }
    }
}

impl<S> Dial<S> {
    /// Goes on, until a connection is open or none can be; calls `resolved` when the name is.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        resolved: impl FnOnce(),
    ) -> Poll<io::Result<Dialed<S>>> {
        if let State::Resolving(resolve) = &mut self.state {
            match std::task::ready!(resolve.as_mut().poll(context)) {
                Ok(targets) => {
                    self.state = State::Racing(Race::new(self.tried.order(targets)));
                    resolved();
                }
                Err(error) => {
                    let host = &self.address.host;
                    let message = format!("{host} cannot be resolved: {error}");
                    return Poll::Ready(Err(io::Error::new(error.kind(), message)));
                }
            }
        }
        match &mut self.state {
            State::Resolving(_) => Poll::Pending,
            State::Racing(race) => {
                let dialed = race.poll(&self.connect, &mut self.tried, now, context);
                dialed.map_err(|_| race.error(&self.address))
            }
        }
    }

    /// The same for those who await it, where tokio has a timer.
    #[cfg_attr(
        not(any(feature = "oauth-oidc", feature = "aws-msk-iam")),
        allow(dead_code, reason = "only token endpoints are no brokers")
    )]
    pub(crate) async fn opened(mut self) -> io::Result<S> {
        let mut alarm = Box::pin(tokio::time::sleep(Duration::ZERO));
        let dialed = poll_fn(|context| {
            loop {
                if let Poll::Ready(done) = self.poll(Instant::now(), context, || ()) {
                    return Poll::Ready(done);
                }
                let Some(at) = self.deadline() else {
                    return Poll::Pending;
                };
                alarm.as_mut().reset(at.into());
                std::task::ready!(alarm.as_mut().poll(context));
            }
        });
        dialed.await.map(|dialed| dialed.stream)
    }

    /// When to poll again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Resolving(_) => None,
            State::Racing(race) => race.next_at.filter(|_| !race.waiting.is_empty()),
        }
    }

    /// What the next attempt starts from.
    pub(crate) fn take_tried(&mut self) -> Tried {
        std::mem::take(&mut self.tried)
    }
}

impl Tried {
    /// The order in which addresses are tried: the new ones in that of the resolver, families in
    /// turns, then the others. Addresses that are gone are forgotten.
    fn order(&mut self, resolved: Vec<Target>) -> VecDeque<Target> {
        let of = |address: &SocketAddr| resolved.iter().find(|it| it.address == *address);
        self.accepted.retain(|address| of(address).is_some());
        self.others.retain(|address| of(address).is_some());
        let tried = || self.accepted.iter().chain(&self.others);
        let new = |target: &&Target| !tried().any(|tried| *tried == target.address);
        let mut order = in_turns(resolved.iter().filter(new).cloned());
        order.extend(tried().filter_map(of).cloned());
        order
    }

    fn begin(&mut self, address: SocketAddr) {
        self.forget(address);
        self.others.push(address);
    }

    fn accept(&mut self, address: SocketAddr) {
        self.forget(address);
        self.accepted.push(address);
    }

    fn forget(&mut self, address: SocketAddr) {
        self.accepted.retain(|tried| *tried != address);
        self.others.retain(|tried| *tried != address);
    }
}

/// An address of the first one's family, one of the other, and so on.
fn in_turns(targets: impl Iterator<Item = Target>) -> VecDeque<Target> {
    let is_ipv4 = |target: &Target| target.address.is_ipv4();
    let mut targets = targets.peekable();
    let of_first = targets.peek().is_some_and(is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = targets.partition(|it| is_ipv4(it) == of_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = VecDeque::new();
    loop {
        let turn = [first.next(), second.next()];
        if turn == [None, None] {
            return order;
        }
        order.extend(turn.into_iter().flatten());
    }
}

impl<S> Race<S> {
    fn new(waiting: VecDeque<Target>) -> Self {
        Self {
            waiting,
            running: Vec::new(),
            next_at: None,
            failures: Vec::new(),
        }
    }

    fn poll(
        &mut self,
        connect: &Connect<S>,
        tried: &mut Tried,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<Result<Dialed<S>, AllFailed>> {
        loop {
            if let Some((target, stream)) = self.poll_running(context) {
                tried.accept(target.address);
                let canonical = target.canonical;
                return Poll::Ready(Ok(Dialed { stream, canonical }));
            }
            if self.next_at.is_some_and(|at| at > now) {
                return Poll::Pending;
            }
            let Some(target) = self.waiting.pop_front() else {
                break;
            };
            tried.begin(target.address);
            let attempt = connect(target.address);
            self.running.push((target, attempt));
            self.next_at = Some(now + HEAD_START);
        }
        match self.running.is_empty() {
            true => Poll::Ready(Err(AllFailed)),
            false => Poll::Pending,
        }
    }

    /// The connection that was accepted, if one was; after a refusal the next address is tried at once.
    fn poll_running(&mut self, context: &mut Context<'_>) -> Option<(Target, S)> {
        let mut accepted = None;
        let Self {
            running,
            failures,
            next_at,
            ..
        } = self;
        running.retain_mut(|(target, attempt)| match attempt.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(stream)) => {
                accepted.get_or_insert_with(|| (target.clone(), stream));
                false
            }
            Poll::Ready(Err(error)) => {
                failures.push((target.address, error.to_string()));
                *next_at = None;
                false
            }
        });
        accepted
    }

    /// Why none was opened. Which address refused is said where the broker has a name.
    fn error(&self, asked: &Address) -> io::Error {
        let asked = asked.to_string();
        let told = |(address, why): &(SocketAddr, String)| match address.to_string() == asked {
            true => why.clone(),
            false => format!("{address}: {why}"),
        };
        match self.failures.is_empty() {
            true => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            false => {
                let told: Vec<String> = self.failures.iter().map(told).collect();
                io::Error::other(told.join("; "))
            }
        }
    }
}

/// That no address of a name could be connected to.
struct AllFailed;

/// How long an address is tried alone, as RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::task::Waker;

    use super::*;

    const DEAD: &str = "10.0.0.1:9092";
    const GOOD: &str = "10.0.0.2:9092";
    const REFUSES: &str = "10.0.0.3:9092";
    const ALSO_GOOD: &str = "10.0.0.4:9092";

    /// A dial of a name with these addresses; the result is the address that accepts.
    fn dial_of(addresses: &[&str], tried: Tried) -> Dial<SocketAddr> {
        let addresses = addresses.iter().map(|it| it.parse::<SocketAddr>().unwrap());
        let targets = addresses.map(Target::from).collect();
        let connect = |address: SocketAddr| -> Pending<SocketAddr> {
            match address.to_string().as_str() {
                DEAD => Box::pin(pending()),
                REFUSES => Box::pin(ready(Err(io::Error::other("refused")))),
                _ => Box::pin(ready(Ok(address))),
            }
        };
        Dial {
            address: Address {
                host: "broker".to_owned(),
                port: 9092,
            },
            connect: Box::new(connect),
            state: State::Resolving(Box::pin(ready(Ok(targets)))),
            tried,
        }
    }

    fn poll(dial: &mut Dial<SocketAddr>, now: Instant) -> Poll<Result<String, String>> {
        let mut context = Context::from_waker(Waker::noop());
        let polled = dial.poll(now, &mut context, || ());
        let told = |told: Dialed<SocketAddr>| told.stream.to_string();
        polled.map(|done| done.map(told).map_err(|error| error.to_string()))
    }

    fn accepted(address: &str) -> Poll<Result<String, String>> {
        Poll::Ready(Ok(address.to_owned()))
    }

    /// Which of these addresses is taken and when, in milliseconds; or that all refuse, or that it takes as long
    /// as it is let.
    #[derive(Debug, PartialEq, Eq)]
    enum Told {
        Taken(usize, u128),
        AllRefuse,
        Never,
    }

    fn raced(addresses: &[&str]) -> Told {
        // Each has a port of its own, because an address is tried once.
        let host = |address: &str| address.split(':').next().unwrap().to_owned();
        let numbered = addresses.iter().zip(1..).map(|(it, number)| {
            let numbered = format!("{}:{number}", host(it));
            Target::from(numbered.parse::<SocketAddr>().unwrap())
        });
        let numbered: Vec<Target> = numbered.collect();
        let mut dial = dial_of(&[], Tried::default());
        dial.connect = Box::new(move |address: SocketAddr| {
            let ip = address.ip().to_string();
            match [DEAD, REFUSES].map(host).iter().position(|it| *it == ip) {
                Some(0) => Box::pin(pending()),
                Some(_) => Box::pin(ready(Err(io::Error::other("refused")))),
                None => Box::pin(ready(Ok(address))),
            }
        });
        dial.state = State::Resolving(Box::pin(ready(Ok(numbered))));
        let start = Instant::now();
        let mut now = start;
        loop {
            let mut context = Context::from_waker(Waker::noop());
            match (dial.poll(now, &mut context, || ()), dial.deadline()) {
                (Poll::Ready(Ok(taken)), _) => {
                    let index = usize::from(taken.stream.port()) - 1;
                    return Told::Taken(index, (now - start).as_millis());
                }
                (Poll::Ready(Err(_)), _) => return Told::AllRefuse,
                (Poll::Pending, Some(at)) => now = at,
                (Poll::Pending, None) => return Told::Never,
            }
        }
    }

    /// The rule: the next begins after 250 ms, or at once when one refuses.
    fn expected(addresses: &[&str]) -> Told {
        let mut begun_ms = 0;
        for (index, address) in addresses.iter().enumerate() {
            match *address {
                GOOD => return Told::Taken(index, begun_ms),
                DEAD => begun_ms += HEAD_START.as_millis(),
                _ => {}
            }
        }
        match addresses.contains(&DEAD) {
            true => Told::Never,
            false => Told::AllRefuse,
        }
    }

    #[test]
    fn the_first_that_accepts_is_taken_as_soon_as_those_before_it_allow() {
        for length in 1..=6 {
            for mut choice in 0..3_usize.pow(length) {
                let mut addresses = Vec::new();
                for _ in 0..length {
                    addresses.push([DEAD, REFUSES, GOOD][choice % 3]);
                    choice /= 3;
                }
                assert_eq!(raced(&addresses), expected(&addresses), "{addresses:?}");
            }
        }
    }

    #[test]
    fn an_address_that_does_not_answer_is_alone_for_a_moment_only() {
        let now = Instant::now();
        let mut dial = dial_of(&[DEAD, GOOD], Tried::default());
        assert!(poll(&mut dial, now).is_pending());
        let next = dial.deadline().unwrap();
        assert_eq!(next - now, HEAD_START);
        assert_eq!(poll(&mut dial, next), accepted(GOOD));
        // And it comes last from then on.
        let mut again = dial_of(&[DEAD, GOOD], dial.take_tried());
        assert_eq!(poll(&mut again, now), accepted(GOOD));
    }

    #[tokio::test]
    async fn whoever_awaits_a_dial_gets_what_accepts_after_the_head_start() {
        let begun = Instant::now();
        let dial = dial_of(&[DEAD, GOOD], Tried::default());
        let taken = tokio::time::timeout(HEAD_START * 100, dial.opened()).await;
        let taken = taken.expect("it is not waited for what is dead");
        assert_eq!(taken.unwrap().to_string(), GOOD);
        assert!(begun.elapsed() >= HEAD_START);
        let refused = dial_of(&[REFUSES], Tried::default()).opened().await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("{REFUSES}: refused")
        );
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let mut dial = dial_of(&[REFUSES, GOOD], Tried::default());
        assert_eq!(poll(&mut dial, Instant::now()), accepted(GOOD));
    }

    #[test]
    fn the_next_attempt_takes_the_next_address_though_the_last_one_accepted() {
        let mut tried = Tried::default();
        for expected in [GOOD, ALSO_GOOD, GOOD, ALSO_GOOD] {
            let mut dial = dial_of(&[GOOD, ALSO_GOOD, DEAD], tried);
            let mut now = Instant::now();
            while poll(&mut dial, now).is_pending() {
                now = dial.deadline().unwrap();
            }
            tried = dial.take_tried();
            assert_eq!(tried.accepted.last().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn an_attempt_that_is_dropped_is_remembered() {
        let mut dial = dial_of(&[DEAD, GOOD], Tried::default());
        assert!(poll(&mut dial, Instant::now()).is_pending());
        let mut again = dial_of(&[DEAD, GOOD], dial.take_tried());
        assert_eq!(poll(&mut again, Instant::now()), accepted(GOOD));
    }

    #[test]
    fn when_no_address_accepts_each_is_named_with_the_systems_words() {
        let mut dial = dial_of(&[REFUSES, "10.0.0.3:9092"], Tried::default());
        let refused = Poll::Ready(Err(
            "10.0.0.3:9092: refused; 10.0.0.3:9092: refused".to_owned()
        ));
        assert_eq!(poll(&mut dial, Instant::now()), refused);
        let mut dial = dial_of(&[], Tried::default());
        let none = Poll::Ready(Err("the name has no address".to_owned()));
        assert_eq!(poll(&mut dial, Instant::now()), none);
    }

    #[test]
    fn a_name_that_cannot_be_resolved_is_named() {
        let mut dial = dial_of(&[], Tried::default());
        let unknown = io::Error::other("Name or service not known");
        dial.state = State::Resolving(Box::pin(ready(Err(unknown))));
        let message = "broker cannot be resolved: Name or service not known".to_owned();
        assert_eq!(poll(&mut dial, Instant::now()), Poll::Ready(Err(message)));
    }

    #[test]
    fn the_name_of_the_address_that_accepts_is_told() {
        let mut dial = dial_of(&[], Tried::default());
        let target = |address: &str, canonical: &str| Target {
            address: address.parse().unwrap(),
            canonical: Some(canonical.into()),
        };
        let targets = vec![target(REFUSES, "one"), target(GOOD, "two")];
        dial.state = State::Resolving(Box::pin(ready(Ok(targets))));
        let mut context = Context::from_waker(Waker::noop());
        let mut resolved = 0;
        let polled = dial.poll(Instant::now(), &mut context, || resolved += 1);
        let Poll::Ready(Ok(dialed)) = polled else {
            panic!("{polled:?}")
        };
        assert_eq!(dialed.canonical.as_deref(), Some("two"));
        assert_eq!(resolved, 1);
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_passed_over() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Binding this port takes privileges.
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let targets = vec![Target::from(nobody), Target::from(good)];
        let mut dial = Dial::resolving(ready(Ok(targets)));
        let dialed = poll_fn(|context| dial.poll(Instant::now(), context, || ()));
        assert_eq!(dialed.await.unwrap().stream.peer_addr().unwrap(), good);
    }

    #[test]
    fn families_take_turns() {
        let addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let addresses = addresses.map(|address| address.parse::<SocketAddr>().unwrap());
        let order = in_turns(addresses.into_iter().map(Target::from)).into_iter();
        let order: Vec<_> = order.map(|target| target.address.to_string()).collect();
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"];
        assert_eq!(order, expected);
    }
}
