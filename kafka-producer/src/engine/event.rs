//! What a person who runs the program should know: a state that has changed, told once. Data and its words only:
//! `reports.rs` decides what is told, and the driver where it goes.

use std::fmt;
use std::sync::Arc;

use crate::error::AuthenticationError;

/// Something that a person should know. `Display` is a sentence with what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A broker cannot be reached.
    Unreachable {
        /// Its id and its address.
        broker: Arc<str>,
        /// The system's words, or what was wrong with an answer.
        why: Arc<str>,
    },
    /// The connection to a broker was lost.
    Lost {
        /// Its id and its address.
        broker: Arc<str>,
        /// The system's words.
        why: Arc<str>,
        /// How many of its requests were not answered.
        unanswered: usize,
    },
    /// A broker of which something was told answers.
    Back {
        /// Its id and its address.
        broker: Arc<str>,
    },
    /// A broker has refused to authenticate the producer, or cannot be authenticated.
    NotAuthenticated(AuthenticationError),
    /// A connection, or all of them, led to another broker or cluster.
    Elsewhere(String),
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something is wrong, and somebody may have to do something.
    Warning,
    /// It is well, or gets well by itself.
    Information,
}

impl Event {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Lost { unanswered: 0, .. } | Self::Back { .. } => Weight::Information,
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::NotAuthenticated(_)
            | Self::Elsewhere(_) => Weight::Warning,
        }
    }

    /// The broker that it is about.
    pub fn broker(&self) -> Option<&str> {
        match self {
            Self::Unreachable { broker, .. }
            | Self::Lost { broker, .. }
            | Self::Back { broker } => Some(broker),
            Self::NotAuthenticated(refused) => Some(&refused.broker),
            Self::Elsewhere(_) => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { broker, why } => {
                write!(f, "{broker} cannot be reached: {why}; it is tried again")
            }
            Self::Lost {
                broker,
                why,
                unanswered: 0,
            } => write!(
                f,
                "the connection to {broker} was lost: {why}; nothing was on its way"
            ),
            Self::Lost {
                broker,
                why,
                unanswered,
            } => write!(
                f,
                "the connection to {broker} was lost: {why}; {unanswered} request(s) had no answer, and what may be \
                 sent again is"
            ),
            Self::Back { broker } => write!(f, "{broker} answers again"),
            Self::NotAuthenticated(refused) => {
                write!(
                    f,
                    "{refused}; what needs this broker fails until that is mended"
                )
            }
            Self::Elsewhere(what) => f.write_str(what),
        }
    }
}
