//! What the engine is told and what it has done outside: its whole surface towards a driver.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::event::Event;
use crate::engine::produce::request::Outgoing;
use crate::engine::telemetry::gathering::Gathering;
use crate::security::{Token, TokenError};
use crate::settings::Address;

/// Something that happened outside.
#[derive(Debug)]
pub enum Input {
    /// The doorbell rang: there are questions, or queues with something new.
    Rung,
    /// The deadline has come; what [`Rung`](Self::Rung) means is seen to as well.
    Tick,
    /// The name of the broker that is dialed has an address; not told by every driver.
    Resolved(NodeId),
    /// The connection that was dialed is open.
    Opened(NodeId),
    /// A frame came, without its length.
    Received(NodeId, Bytes),
    /// The batches of a produce request are being compressed: until [`Compressed`](Self::Compressed)
    /// it is neither the socket nor the broker that it waits for.
    Compressing(NodeId, i32),
    /// The batches of a produce request are compressed, as far as they can be.
    Compressed(NodeId, i32),
    /// A request that asked for it ([`Confirm::Written`](super::Confirm::Written)) was written to the socket entirely.
    Written(NodeId, i32),
    /// A produce request could not be framed; the connection is as it was.
    Unsendable(NodeId, i32, Arc<str>),
    /// The connection could not be opened, or is lost, for this reason.
    Lost(NodeId, Arc<str>),
    /// TLS could not be agreed on, for this reason, which names the settings to look at; the connection is
    /// gone. Unlike [`Lost`](Self::Lost) this is no fault of the network.
    TlsFailed(NodeId, Arc<str>),
    /// The token that [`Action::FetchToken`] asked for, or why there is none.
    Token(NodeId, Result<Token, TokenError>),
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Action {
    /// Open a connection; answered by [`Input::Opened`] or [`Input::Lost`], or dropped at this time.
    Dial(NodeId, Address, Instant),
    /// Forget the connection, and whatever is queued for it. Not answered.
    Drop(NodeId),
    /// The connection of the first is that of the second from now on, with what is queued for it: inputs about
    /// it name the second. Those that were gathered before may name the first. Not answered.
    Rename(NodeId, NodeId),
    /// Write a request, after those sent to this broker before.
    Send(NodeId, Outgoing),
    /// Tell a person. Not answered.
    Tell(Event),
    /// Run this, on a thread that nothing waits for: it takes long and calls code of others. It leaves a
    /// [`Command::Gathered`](super::Command::Gathered), and so does dropping it.
    GatherMetrics(Gathering),
    /// Ask the token provider for a token for this broker; answered by [`Input::Token`].
    FetchToken(NodeId, Address),
}
