//! Routing: connections that lead to another broker or cluster than they should, and beginning anew with the
//! bootstrap servers (KIP-899, KIP-1102, KIP-1242). Such a connection is closed before any record is sent on
//! it; this never decides which broker is asked next.

use crate::engine::cluster::destination::Destination;
use crate::engine::{Action, Engine, Event, NodeId};
use crate::settings::{Address, MetadataRecovery};

impl Engine {
    /// Asks the brokers that have not said whether they are those that are meant. When all that has come is taken
    /// in, because one of them may have asked for a pause; and before any record is sent.
    pub(super) fn verify_brokers(&mut self) {
        for id in self.nodes.take_unverified(&self.cx) {
            if let Some(sent) = self.nodes.verify(&mut self.cx, id) {
                self.follow_sent(sent);
            }
        }
    }

    /// Brokers that have adopted a connection are ready, unless they are asked first.
    pub(super) fn admit_adopted(&mut self) {
        for id in self.nodes.take_newly_adopted() {
            if !self.nodes.is_verifying(id) {
                self.admitted(id);
            }
        }
    }

    /// Adds a coordinator. Whether a connection leads there can be checked when there is metadata, which a
    /// producer that has sent nothing may not need for anything else.
    pub(super) fn meet_coordinator(&mut self, id: NodeId, address: Address) {
        self.nodes.meet_coordinator(&mut self.cx, id, address);
        if self.cx.settings.cluster_check && !self.nodes.is_cluster_known() {
            self.metadata.request_update();
        }
    }

    /// A broker says that it is not the one that was meant: it is asked elsewhere where that one is. Java
    /// begins anew at once; here the connections to others stay, if there are any: they lead where they should.
    pub(super) fn misrouted(&mut self, id: NodeId, destination: &Destination) {
        self.nodes.missed(&mut self.cx, id, destination);
        let why = format!("its address leads to another broker or cluster, not to {destination}");
        self.lose(id, &why);
        if !self.nodes.is_any_connected() {
            self.rebootstrap(&why);
        }
    }

    /// A broker says that it does not belong to the cluster that the client believes in.
    pub(super) fn rebootstrap_required(&mut self) {
        // The request brought nothing, and the broker may answer so again and again: there is a pause.
        self.metadata_failed();
        match self.cx.settings.metadata_recovery {
            MetadataRecovery::Rebootstrap { .. } => self.rebootstrap("it asks to begin anew"),
            MetadataRecovery::None => {}
        }
    }

    /// Begins anew with the bootstrap servers, when the brokers that are known are of no use: they may all
    /// have moved, or their addresses may belong to another cluster by now. What was on its way is sent
    /// again, under the same numbers.
    pub(super) fn rebootstrap(&mut self, why: &str) {
        let event = Event::Rebootstrap { why: why.into() };
        self.cx.actions.push_back(Action::Tell(event));
        self.metadata.begin_rebootstrap();
        self.nodes.begin_anew();
        for id in self.nodes.told_of() {
            self.lose(id, why);
            self.nodes.forget(self.cx.now, id);
        }
        let (lanes, _) = self.sender.numbering();
        self.metadata.forget_leaders(lanes);
    }
}
