//! Callers that wait: for which call, until when, and where they get the outcome.
//!
//! A caller waits until its call is done or its deadline has passed. After the deadline the call still
//! goes on, and its outcome can be asked for until the next transaction begins.

use std::time::Instant;

use futures_channel::oneshot;

use crate::engine::handle::Transacted;
use crate::engine::notice::Notice;
use crate::error::TransactionError;

/// How a call has ended.
pub(super) type Outcome = Result<Transacted, TransactionError>;

/// Where the outcome of a call is sent.
pub(super) type Reply = oneshot::Sender<Outcome>;

/// The calls that a caller may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Init,
    Complete,
    Begin,
    Prepare,
    Commit,
    Abort,
    Wait,
}

/// A caller that waits.
#[derive(Debug)]
struct Caller {
    call: Call,
    /// The method that it has called.
    name: &'static str,
    deadline: Instant,
    reply: Reply,
}

impl Caller {
    fn end(self, outcome: Outcome, notices: &mut Vec<Notice>) {
        notices.push(Notice::answer(self.reply, outcome));
    }
}

/// All callers that wait, in the order of their calls.
#[derive(Debug, Default)]
pub(super) struct Callers {
    waiting: Vec<Caller>,
}

impl Callers {
    /// A caller waits for `call` until `deadline`; `name` is the method that it has called.
    pub(super) fn join(&mut self, call: Call, name: &'static str, deadline: Instant, reply: Reply) {
        self.waiting.push(Caller {
            call,
            name,
            deadline,
            reply,
        });
    }

    /// Whether a caller waits for `call`.
    pub(super) fn wait_for(&self, call: Call) -> bool {
        self.waiting.iter().any(|caller| caller.call == call)
    }

    /// Removes callers that have stopped waiting.
    pub(super) fn forget_gone(&mut self, notices: &mut Vec<Notice>) {
        let gone = |caller: &mut Caller| caller.reply.is_canceled();
        for caller in self.waiting.extract_if(.., gone) {
            caller.end(Err(TransactionError::Closed), notices);
        }
    }

    /// Sends the outcome to all that wait for `call`, and returns how many still did.
    pub(super) fn tell(
        &mut self,
        call: Call,
        outcome: impl Fn() -> Outcome,
        notices: &mut Vec<Notice>,
    ) -> usize {
        let mut listening = 0;
        for caller in self.waiting.extract_if(.., |caller| caller.call == call) {
            listening += usize::from(!caller.reply.is_canceled());
            caller.end(outcome(), notices);
        }
        listening
    }

    /// Tells the first that waits for `call` that it is done.
    pub(super) fn tell_first(&mut self, call: Call, notices: &mut Vec<Notice>) {
        let first = self.waiting.iter().position(|caller| caller.call == call);
        if let Some(first) = first {
            self.waiting
                .remove(first)
                .end(Ok(Transacted::Done), notices);
        }
    }

    /// Sends the outcome to all, whatever they wait for.
    pub(super) fn tell_all(&mut self, outcome: impl Fn() -> Outcome, notices: &mut Vec<Notice>) {
        for caller in self.waiting.drain(..) {
            caller.end(outcome(), notices);
        }
    }

    /// Ends the wait of those whose deadline has passed, with the `outcome` for the name of their call.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        outcome: impl Fn(&'static str) -> Outcome,
        notices: &mut Vec<Notice>,
    ) {
        let expired = |caller: &mut Caller| caller.deadline <= now;
        for caller in self.waiting.extract_if(.., expired) {
            let outcome = outcome(caller.name);
            caller.end(outcome, notices);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|caller| caller.deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn whoever_does_not_listen_any_more_is_not_counted_and_not_waited_for() {
        let now = Instant::now();
        let mut callers = Callers::default();
        let (gone, _) = oneshot::channel();
        let (listening, _answer) = oneshot::channel();
        callers.join(Call::Init, "init_transactions", now, gone);
        callers.join(Call::Init, "init_transactions", now, listening);
        assert_eq!(
            callers.tell(Call::Init, || Ok(Transacted::Done), &mut Vec::new()),
            1
        );
        assert!(!callers.wait_for(Call::Init));

        let (gone, _) = oneshot::channel();
        callers.join(Call::Begin, "begin_transaction", now, gone);
        callers.forget_gone(&mut Vec::new());
        assert!(!callers.wait_for(Call::Begin));
    }

    #[test]
    fn only_the_callers_whose_deadline_has_come_stop_waiting() {
        let now = Instant::now();
        let later = now + Duration::from_millis(1);
        let mut callers = Callers::default();
        for (call, deadline) in [(Call::Commit, now), (Call::Wait, later)] {
            callers.join(call, "commit", deadline, oneshot::channel().0);
        }
        let mut notices = Vec::new();
        callers.expire(now, |_| Ok(Transacted::Done), &mut notices);
        assert_eq!((notices.len(), callers.next_deadline()), (1, Some(later)));
        assert!(!callers.wait_for(Call::Commit) && callers.wait_for(Call::Wait));
    }
}
