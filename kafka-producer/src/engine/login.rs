//! Routing: what becomes of logins, to the owners that they concern. A broker that refuses our credentials
//! is no fault of the network: what needs it fails at once.

use bytes::Bytes;
use kafka_wire::messages::{FindCoordinatorRequest, SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_wire::{DecodeError, Version, decode_response};

use crate::engine::cluster::nodes::login::Login;
use crate::engine::cluster::refusal::Refusal;
use crate::engine::{Engine, NodeId};
use crate::error::{AuthenticationError, Cause, FatalError, TransactionError};
use crate::security::{Token, TokenError};

impl Engine {
    /// What follows from a step of a login.
    pub(super) fn follow_login(&mut self, id: NodeId, login: Login) {
        match login {
            Login::UnderWay(sent) => self.follow_sent(sent),
            Login::Ready => self.admitted(id),
            // What waited for the exchange goes on. What is asked of a new connection is known.
            Login::Renewed => self.sender.stir(id),
            Login::Refused(why) => {
                let lost = self.nodes.refused(&mut self.cx, id, &why);
                self.follow_lost(lost);
            }
            Login::Over(why) => self.lose(id, why),
        }
    }

    /// A broker is ready for every request.
    pub(super) fn admitted(&mut self, id: NodeId) {
        let (sender, mut peers) = self.sender_and_peers();
        sender.ask_for_expiration(&mut peers, id);
        let accounts = self.sender.lanes().accounts();
        self.admission
            .limit_backlog(&self.cx, &self.nodes, accounts, id);
        self.sender.stir(id);
    }

    /// A broker has said whether it takes the mechanism.
    pub(super) fn mechanism_told(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
    ) -> Result<(), DecodeError> {
        let (_, answer) = decode_response::<SaslHandshakeRequest>(frame, version)?;
        let login = self.nodes.mechanism_told(&mut self.cx, id, &answer);
        self.follow_login(id, login);
        Ok(())
    }

    /// A broker has answered what the mechanism has said.
    pub(super) fn authentication_told(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
    ) -> Result<(), DecodeError> {
        let (_, answer) = decode_response::<SaslAuthenticateRequest>(frame, version)?;
        let login = self.nodes.authentication_told(&mut self.cx, id, &answer);
        self.follow_login(id, login);
        Ok(())
    }

    /// A token has come, or none.
    pub(super) fn token_told(&mut self, id: NodeId, told: Result<Token, TokenError>) {
        let login = self.nodes.token_told(&mut self.cx, id, told);
        self.follow_login(id, login);
    }

    /// The session with a broker may be near its end.
    pub(super) fn session_is_due(&mut self, id: NodeId) {
        let login = self.nodes.session_due(&mut self.cx, id);
        self.follow_login(id, login);
    }

    /// TLS could not be agreed on.
    pub(super) fn tls_failed(&mut self, id: NodeId, why: &str) {
        let lost = self.nodes.tls_failed(&mut self.cx, id, why);
        self.follow_lost(lost);
    }

    /// A broker has refused our credentials: ends what waits to be sent there.
    pub(super) fn broker_refused(&mut self, id: NodeId, why: &AuthenticationError) {
        let (sender, mut peers) = self.sender_and_peers();
        let cause = || Cause::Authentication(why.clone());
        sender.fail_unsent(&mut peers, cause, Some(id));
    }

    /// No broker can be asked for the coordinator: ends the wait for that, unless one may still be reached.
    pub(super) fn refuse_coordination(&mut self) {
        match self.nodes.refusal::<FindCoordinatorRequest>(&self.cx) {
            Some(Refusal::Unsupported(unsupported)) => {
                self.fail_for_good(FatalError::Unsupported(unsupported));
            }
            Some(Refusal::Authentication(why)) => self.refuse_transactions(&why),
            None => {}
        }
    }

    /// Connects to a coordinator, unless it has just refused our credentials.
    pub(super) fn connect_to_coordinator(&mut self, id: NodeId) {
        match self.nodes.refusal_in_pause(self.cx.now, id) {
            Some(why) => self.refuse_transactions(&why),
            None => self.nodes.dial_when_rested(&mut self.cx, id),
        }
    }

    /// A coordinator refuses our credentials, or every broker does that could tell which one it is: ends the
    /// calls that wait for it. A close does not wait for the end of a transaction either.
    fn refuse_transactions(&mut self, why: &AuthenticationError) {
        self.transactions.authentication_failed(&mut self.cx, why);
        if self.lifecycle.is_closing() {
            let why = || TransactionError::Authentication(why.clone());
            self.transactions.give_up(&mut self.cx, why);
        }
        self.see_to_ending();
    }
}
