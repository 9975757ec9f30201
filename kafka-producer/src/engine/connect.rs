//! Callers that wait until a server has told of the cluster, or until each has failed once: after one round through
//! all of them they are told why. Who is dialed when is decided where metadata is asked for, as for records.

use crate::engine::connecting::Connect;
use crate::engine::timers::Timer;
use crate::engine::{Engine, EngineState};
use crate::error::{ConnectError, NoServer, SendError, ServerFailure};

impl Engine {
    /// A caller waits from now on, unless it need not.
    pub(super) fn connect(&mut self, connect: Connect) {
        if !matches!(self.cx.handle.state(), EngineState::Open) {
            let why = connect_refusal(&self.refusal());
            return connect.tell(&mut self.cx, Err(why));
        }
        if self.nodes.is_connected() {
            return connect.tell(&mut self.cx, Ok(()));
        }
        self.cx.timers.arm(Timer::Connect, connect.deadline);
        self.connects.list.push(connect);
        self.metadata.request_update();
    }

    /// Answers those for whom every server has failed, and those whose time is over.
    pub(super) fn see_to_connects(&mut self) {
        if self.connects.list.is_empty() {
            return;
        }
        for connect in std::mem::take(&mut self.connects.list) {
            if connect.reply.is_canceled() {
                continue;
            }
            let is_late = connect.deadline <= self.cx.now;
            let limit = connect.limit;
            let answer = match self.round(&connect) {
                Round::Over(servers) => Err(ConnectError::Unreachable(servers)),
                Round::Goes(servers) if is_late => Err(ConnectError::TimedOut { limit, servers }),
                Round::Goes(_) => {
                    self.cx.timers.arm(Timer::Connect, connect.deadline);
                    self.connects.list.push(connect);
                    continue;
                }
            };
            connect.tell(&mut self.cx, answer);
        }
    }

    /// How far the round through all servers is.
    fn round(&self, connect: &Connect) -> Round {
        let mut is_over = true;
        let servers = self.nodes.servers(&self.cx).into_iter();
        let failures = servers.map(|server| {
            let failed = connect.failed.get(&server.id).cloned();
            let why = failed.or(server.useless).unwrap_or_else(|| {
                is_over = false;
                server.obstacle
            });
            ServerFailure::new(server.address, why)
        });
        let servers = NoServer::new(failures.collect());
        match is_over {
            true => Round::Over(servers),
            false => Round::Goes(servers),
        }
    }

    /// Ends every wait.
    pub(super) fn refuse_connects(&mut self, refusal: &SendError) {
        let why = connect_refusal(refusal);
        self.connects.tell_all(&mut self.cx, &Err(why));
    }
}

/// A refusal of records, as one of `connect`.
fn connect_refusal(refusal: &SendError) -> ConnectError {
    match refusal {
        SendError::Fatal(fatal) => ConnectError::Fatal(fatal.clone()),
        _ => ConnectError::Closed,
    }
}

/// A round through all servers, with what is known of each.
enum Round {
    /// Each has failed.
    Over(NoServer),
    Goes(NoServer),
}
