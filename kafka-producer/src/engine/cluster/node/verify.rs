//! Whether a connection leads to the broker that is meant: the state between being authenticated, or being
//! told which broker a connection belongs to, and Ready.

use kafka_wire::messages::ApiVersionsRequest;
use kafka_wire::{Request, Version};

use super::{Link, Node};
use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::handshake::api_versions;

impl Node {
    /// The version of ApiVersions in which it is to be asked whether it is this broker, if it is ready,
    /// has not said so, and can.
    pub(crate) fn verifiable(&self, destination: &Destination) -> Option<Version> {
        let session = self.session()?;
        let newest = session.versions().newest::<ApiVersionsRequest>()?;
        let compares = newest.number >= api_versions::FIRST_WITH_DESTINATION;
        (compares && session.leads_to() != Some(destination)).then_some(newest)
    }

    /// It is being asked: nothing else is sent.
    pub(crate) fn verify(&mut self) {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        self.link = match link {
            Link::Ready(connection, session) => Link::Verifying(connection, session),
            other => other,
        };
    }

    /// Whether it is being asked.
    pub(crate) fn is_verifying(&self) -> bool {
        matches!(self.link, Link::Verifying(..))
    }

    /// Whether only a pause that it has asked for keeps it from being asked this, or who it is.
    pub(crate) fn is_silenced<R: Request>(&self) -> bool {
        self.speaks::<R>() || (self.is_verifying() && self.silent_until.is_some())
    }

    /// It says so.
    pub(crate) fn verified(&mut self, destination: Option<Destination>) {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        self.link = match link {
            Link::Verifying(connection, mut session) => {
                session.lead_to(destination);
                Link::Ready(connection, session)
            }
            other => other,
        };
    }
}
