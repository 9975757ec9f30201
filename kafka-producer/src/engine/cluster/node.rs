//! One broker: its address, its connection as a state, and the lanes it is to be sent.
//!
//! ```text
//! Resting ──dial──▶ Dialing ──opened──▶ Greeting ──versions──▶ Ready
//!    ▲                 │                   │                     │
//!    └─────────────────┴────── lost ───────┴─────────────────────┘
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kafka_wire::messages::ApiVersionsResponse;
use kafka_wire::{ApiKey, Request, Version, VersionRange};

use crate::engine::NodeId;
use crate::engine::backoff::Pace;
use crate::engine::cluster::in_flight::InFlight;
use crate::engine::produce::lane::LaneKey;
use crate::engine::produce::request::Outgoing;
use crate::error::WaitReason;
use crate::settings::{Address, BackoffRange};

/// One broker as the engine knows it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: Address,
    pub(crate) link: Link,
    /// Lanes led by this broker that may have something to send, in the order of their turns.
    pub(crate) lanes: VecDeque<LaneKey>,
    /// What it spoke on a connection that was let go, if no other was lost since.
    pub(crate) spoken: Option<Versions>,
    /// What was wrong with its last connection, until another is of use.
    pub(crate) obstacle: Option<WaitReason>,
    /// How soon it may be dialed again.
    pub(crate) pace: Pace,
    silence: Option<Silence>,
    /// When something was last sent.
    pub(crate) last_used: Option<Instant>,
    /// Since when full batches wait for company.
    pub(crate) holds_since: Option<Instant>,
    /// The quickest answer to a produce request on this connection.
    pub(crate) quickest: Option<Duration>,
}

/// The broker has asked not to be sent anything for a while (KIP-219).
#[derive(Debug)]
struct Silence {
    until: Instant,
    /// What it is sent afterwards, on the connection that there is now.
    held_back: Vec<Outgoing>,
}

/// What is to be kept to of a broker that is not known any more, if it is met again.
#[derive(Debug)]
pub(crate) struct Left {
    pace: Pace,
    silent_until: Option<Instant>,
}

impl Left {
    /// Whether anything is.
    pub(crate) fn matters(&self, now: Instant) -> bool {
        !self.pace.is_over(now) || self.silent_until.is_some_and(|until| until > now)
    }
}

/// The state of its connection.
#[derive(Debug)]
pub(crate) enum Link {
    /// None.
    Resting,
    /// Being made.
    Dialing { deadline: Instant },
    /// Made; the broker is telling what it speaks.
    Greeting { in_flight: InFlight },
    /// Ready for every request.
    Ready {
        in_flight: InFlight,
        versions: Versions,
        use_so_far: Use,
    },
}

/// Whether a connection has been good for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It was made and greeted, no more.
    None,
    /// A question was answered, and the answer understood.
    Answered,
}

impl Node {
    /// A broker that was never dialed; between dials there is `backoff`.
    pub(crate) fn new(id: NodeId, address: Address, backoff: BackoffRange) -> Self {
        Self {
            id,
            address,
            link: Link::Resting,
            lanes: VecDeque::new(),
            spoken: None,
            obstacle: None,
            pace: Pace::new(backoff),
            silence: None,
            last_used: None,
            holds_since: None,
            quickest: None,
        }
    }

    /// Whether requests can be written to it.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Greeting { .. } | Link::Ready { .. })
    }

    pub(crate) fn in_flight(&mut self) -> Option<&mut InFlight> {
        match &mut self.link {
            Link::Greeting { in_flight } | Link::Ready { in_flight, .. } => Some(in_flight),
            Link::Resting | Link::Dialing { .. } => None,
        }
    }

    /// Whether batches are on their way to it.
    pub(crate) fn has_produce_in_flight(&self) -> bool {
        matches!(&self.link, Link::Ready { in_flight, .. } if in_flight.produce() > 0)
    }

    /// Whether a connection could be begun now.
    pub(crate) fn can_dial(&self, now: Instant) -> bool {
        self.is_resting() && self.pace.earliest(now) <= now
    }

    /// Whether there is no connection, and none being made.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.link, Link::Resting)
    }

    /// Until when others need not be tried, because a connection to this one is being made.
    pub(crate) fn alone_until(&self) -> Option<Instant> {
        let connecting = matches!(self.link, Link::Dialing { .. } | Link::Greeting { .. });
        let begun = self.pace.begun().filter(|_| connecting)?;
        Some(begun + HEAD_START)
    }

    /// A question on this connection was answered, and the answer understood.
    pub(crate) fn was_of_use(&mut self) {
        if let Link::Ready { use_so_far, .. } = &mut self.link {
            *use_so_far = Use::Answered;
            self.obstacle = None;
        }
    }

    /// Ends the connection, if there is one; what stood on it. One that was of use for long enough
    /// leaves no failures behind.
    pub(crate) fn rest(&mut self, now: Instant) -> Link {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        if let Some(silence) = &mut self.silence {
            silence.held_back.clear();
        }
        if let Link::Ready {
            use_so_far: Use::Answered,
            ..
        } = link
        {
            self.pace.recover(now);
        }
        link
    }

    /// It asks for silence, of which the latest end counts; when that is. What it was asked before it
    /// answers afterwards: it does not read from the connection meanwhile.
    pub(crate) fn be_silent(&mut self, now: Instant, time: Duration) -> Instant {
        let before = self.silent_until().map_or(now, |until| until.max(now));
        let until = before.max(now + time);
        let silence = self.silence.get_or_insert(Silence {
            until,
            held_back: Vec::new(),
        });
        silence.until = until;
        if let Some(in_flight) = self.in_flight() {
            in_flight.postpone(until - before);
        }
        until
    }

    /// Until when it is not sent anything, if it has asked for that.
    pub(crate) fn silent_until(&self) -> Option<Instant> {
        self.silence.as_ref().map(|silence| silence.until)
    }

    /// Keeps a request until the silence is over; returns it if there is none.
    pub(crate) fn hold_back(&mut self, outgoing: Outgoing) -> Option<Outgoing> {
        match &mut self.silence {
            Some(silence) => {
                silence.held_back.push(outgoing);
                None
            }
            None => Some(outgoing),
        }
    }

    /// Ends the silence if it is over; what is to be sent now.
    pub(crate) fn end_silence(&mut self, now: Instant) -> Vec<Outgoing> {
        let over = self.silence.take_if(|silence| silence.until <= now);
        over.map_or_else(Vec::new, |silence| silence.held_back)
    }

    /// What is to be kept to if it is met again.
    pub(crate) fn leave(self) -> Left {
        Left {
            pace: self.pace,
            silent_until: self.silent_until(),
        }
    }

    /// It is met again.
    pub(crate) fn resume(&mut self, left: Left, now: Instant) {
        self.pace = left.pace;
        if let Some(until) = left.silent_until.filter(|until| *until > now) {
            self.be_silent(now, until - now);
        }
    }

    /// Whether it can be asked this.
    pub(crate) fn speaks<R: Request>(&self) -> bool {
        matches!(&self.link, Link::Ready { versions, .. } if versions.newest::<R>().is_some())
    }

    /// How busy a ready broker is; `None` if it is not ready.
    pub(crate) fn load(&self) -> Option<usize> {
        match &self.link {
            Link::Ready { in_flight, .. } => Some(in_flight.len()),
            _ => None,
        }
    }

    /// When the engine must look at this broker next. A connection without requests is kept for
    /// `idle_max`.
    pub(crate) fn deadline(&self, now: Instant, idle_max: Option<Duration>) -> Option<Instant> {
        let link = match &self.link {
            Link::Resting => Some(self.pace.earliest(now)).filter(|at| *at > now),
            Link::Dialing { deadline } => Some(*deadline),
            Link::Greeting { in_flight } => in_flight.deadline(),
            Link::Ready { in_flight, .. } => {
                in_flight.deadline().or_else(|| self.idle_since(idle_max))
            }
        };
        [link, self.silent_until()].into_iter().flatten().min()
    }

    /// When a connection that nothing is asked of has been idle for too long.
    pub(crate) fn idle_since(&self, idle_max: Option<Duration>) -> Option<Instant> {
        match &self.link {
            Link::Ready { in_flight, .. } if in_flight.len() == 0 => {
                Some(self.last_used? + idle_max?)
            }
            _ => None,
        }
    }
}

/// For so long a connection that is being made is all that is tried where any broker will do: the
/// delay between attempts that RFC 8305 recommends for the addresses of one name.
const HEAD_START: Duration = Duration::from_millis(250);

/// Which version of each request this broker and we both speak.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    ranges: Vec<(ApiKey, VersionRange)>,
}

impl Versions {
    pub(crate) fn new(answer: &ApiVersionsResponse) -> Self {
        let ranges = answer.api_keys.iter().filter_map(|api| {
            let range = VersionRange::new(api.min_version, api.max_version);
            (!range.is_empty()).then_some((api.api_key, range))
        });
        Self {
            ranges: ranges.collect(),
        }
    }

    /// The versions of `R` that the broker speaks.
    pub(crate) fn of<R: Request>(&self) -> Option<VersionRange> {
        let mut ranges = self.ranges.iter();
        ranges
            .find(|(key, _)| *key == R::KEY)
            .map(|(_, range)| *range)
    }

    /// The newest version of `R` that both sides speak.
    pub(crate) fn newest<R: Request>(&self) -> Option<Version> {
        self.newest_to::<R>(i16::MAX)
    }

    /// The newest one up to `latest`.
    pub(crate) fn newest_to<R: Request>(&self, latest: i16) -> Option<Version> {
        let both = R::STABLE_VERSIONS.intersection(self.of::<R>()?)?;
        let both = both.intersection(VersionRange::new(i16::MIN, latest))?;
        R::version(both.latest).ok()
    }
}
