//! The facade against the embedded cluster: real sockets, the real protocol, faults at will.
//!
//! One file a theme; what every test needs stands in `scene`. Nothing here looks inside the
//! producer: records go in through its public calls, and what came of them is read from the
//! cluster's own log, from the outcomes and from the errors.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod callbacks;
mod cancelling;
mod changing;
mod choosing;
mod closing;
mod compressing;
mod dooming;
mod explaining;
mod faults;
mod intercepting;
mod isolating;
mod late_commits;
mod login_properties;
mod logins;
mod metrics;
mod permissions;
mod permits;
mod preparing;
mod quotas;
mod refusals;
mod routing;
mod scene;
mod sending;
mod sending_all;
#[cfg(feature = "sink")]
mod sinks;
#[cfg(feature = "opentelemetry")]
mod spans;
mod strangers;
mod telemetry;
#[cfg(feature = "tls")]
mod tls;
mod topics;
mod warming;
