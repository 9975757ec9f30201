//! What the producer is measured on: a broker that acknowledges everything and checks nothing.
//!
//! ```text
//! Rig   engine and accumulator on the calling thread, no socket, a clock that is told   exact
//! Sink  the broker on a socket, for a whole producer                                    real
//! ```
//!
//! Benchmarks, exact counts and the tests of counts share it. What a broker may do wrong is played
//! elsewhere; here it costs as little as possible, so that what is counted is the producer's.

mod broker;
mod harness;
mod sink;
mod write_calls;

pub(crate) use broker::{TOPIC, keys};
pub(crate) use harness::{Rig, order_of};
pub(crate) use sink::{Answers, Sink};
pub(crate) use write_calls::{driver_state, write_calls};
