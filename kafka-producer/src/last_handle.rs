//! What dropping the last handle of a producer does: the producer closes, and the thread waits until what was
//! accepted has its outcome, for `drop.timeout.ms` at most. So a program that ends without `close` loses nothing,
//! or is told what it may lose.
//!
//! On a producer's own thread nothing is waited for, because only that thread could end the wait.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_channel::oneshot::{self, Canceled};

use crate::append::RecordAppender;
use crate::engine::Command;
use crate::{own_thread, warnings};

/// Closes the producer, and waits.
pub(crate) fn leave(appender: &RecordAppender) {
    let limit = appender.drop_timeout();
    let (reply, closed) = oneshot::channel();
    appender.handle().ask(Command::Close {
        deadline: None,
        reply,
    });
    if limit.is_zero() || own_thread::may_block("drop").is_err() {
        return;
    }
    if wait(closed, limit).is_none() {
        let (reply, undecided) = oneshot::channel();
        appender.handle().ask(Command::Undecided { reply });
        let left = match wait(undecided, COUNTING_MAX) {
            // It has ended meanwhile.
            Some(Err(Canceled)) => return,
            // What is waited for is the last push of metrics.
            Some(Ok(0)) if !appender.is_transactional() => return,
            Some(Ok(left)) => Some(left),
            None => None,
        };
        warnings::tell(&warning(left, limit), appender.client_id());
    }
}

/// What is told when so many records have no outcome after that time; `None`: how many is not known.
fn warning(left: Option<u64>, limit: Duration) -> String {
    let what = match left {
        Some(0) => "a transaction had not ended".to_owned(),
        Some(1) => "1 record had no outcome".to_owned(),
        Some(left) => format!("{left} records had no outcome"),
        None => "records had no outcome".to_owned(),
    };
    format!(
        "the last handle was dropped without close, and {what} within drop.timeout.ms={}: it goes on while \
         the program runs, and is lost if that ends; call close(timeout) before",
        limit.as_millis()
    )
}

/// The answer, if it comes in time; the thread is blocked.
fn wait<T>(mut answer: oneshot::Receiver<T>, limit: Duration) -> Option<Result<T, Canceled>> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let since = Instant::now();
    loop {
        if let Poll::Ready(answer) = Pin::new(&mut answer).poll(&mut context) {
            return Some(answer);
        }
        let left = limit.saturating_sub(since.elapsed());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// For so long it is waited for how many records are left: their thread may be in a callback.
const COUNTING_MAX: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_says_how_many_records_are_left_and_what_to_call() {
        let limit = Duration::from_secs(5);
        for (left, what) in [
            (Some(0), "a transaction had not ended"),
            (Some(1), "1 record had no outcome"),
            (Some(7), "7 records had no outcome"),
            (None, "and records had no outcome"),
        ] {
            let warning = warning(left, limit);
            assert!(warning.contains(what), "{warning}");
            assert!(warning.contains("drop.timeout.ms=5000"), "{warning}");
            assert!(warning.ends_with("call close(timeout) before"), "{warning}");
        }
    }

    #[test]
    fn a_wait_ends_with_its_answer_or_its_time() {
        let (reply, answer) = oneshot::channel();
        let teller = thread::spawn(move || reply.send(7));
        assert_eq!(wait(answer, Duration::from_secs(60)), Some(Ok(7)));
        teller.join().unwrap().unwrap();
        let (_reply, never) = oneshot::channel::<()>();
        assert_eq!(wait(never, Duration::from_millis(1)), None);
        let (reply, gone) = oneshot::channel::<()>();
        drop(reply);
        assert_eq!(wait(gone, Duration::from_secs(60)), Some(Err(Canceled)));
    }
}
