//! The driver's one timer: when the engine wants to be woken.
//!
//! tokio's timer has a resolution of milliseconds, the unit of `linger.ms`: a deadline would be met one
//! to two of them late. So where the system has timers that can be polled like a socket (Linux), one of
//! those is used.
//!
//! Being woken too early does no harm, and setting a timer is a system call: one that is set for an
//! earlier time is left as it is.

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use timer::Timer;
use tokio::runtime::Builder;

/// A timer, set for a deadline.
pub(super) struct Alarm {
    timer: Timer,
    /// When the timer goes off, if it is set.
    set: Option<Instant>,
}

impl Alarm {
    /// Builds the runtime so that it can wait for an alarm.
    pub(super) fn enable(runtime: &mut Builder) {
        Timer::enable(runtime);
    }

    /// Only in the context of a runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            timer: Timer::new()?,
            set: None,
        })
    }

    /// Whether the timer goes off in time for this deadline.
    pub(super) fn is_set_for(&self, deadline: Instant) -> bool {
        self.set.is_some_and(|set| set <= deadline)
    }

    /// Whether the deadline has come; else the task that polls is woken then, or before.
    pub(super) fn poll(
        &mut self,
        deadline: Option<Instant>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        loop {
            if !self.is_set_for(deadline) {
                self.set = Some(deadline);
                self.timer.set(deadline);
            }
            if self.timer.poll(context).is_pending() {
                return Poll::Pending;
            }
            self.set = None;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};
    use std::time::{Duration, Instant};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::runtime::Builder;

    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// Every runtime with sockets can do it.
        pub(super) fn enable(_: &mut Builder) {}

        // Deprecated because of types whose descriptor may change; this one's does not.
        #[allow(deprecated, reason = "its replacement takes `unsafe`")]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
        }

        pub(super) fn set(&self, at: Instant) {
            // Zero would mean: never.
            let left = at.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_nanos(1));
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value: Timespec::try_from(left).unwrap_or(LONGEST),
            };
            let set = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once);
            debug_assert!(set.is_ok(), "{set:?}");
        }

        /// How often it went off is not read: setting it again resets the count.
        pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
            // Fails only when its runtime is gone, and then nothing polls.
            if let Ok(mut gone_off) = ready!(self.0.poll_read_ready(context)) {
                gone_off.clear_ready();
            }
            Poll::Ready(())
        }
    }

    const LONGEST: Timespec = Timespec {
        tv_sec: i32::MAX as i64,
        tv_nsec: 0,
    };
}

#[cfg(not(target_os = "linux"))]
mod timer {
    use std::future::Future;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Instant;

    use tokio::runtime::Builder;
    use tokio::time::Sleep;

    pub(super) struct Timer(Pin<Box<Sleep>>);

    impl Timer {
        pub(super) fn enable(runtime: &mut Builder) {
            runtime.enable_time();
        }

        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(Box::pin(tokio::time::sleep_until(
                Instant::now().into(),
            ))))
        }

        pub(super) fn set(&mut self, at: Instant) {
            self.0.as_mut().reset(at.into());
        }

        pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
            self.0.as_mut().poll(context)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    /// Waits for this deadline.
    async fn reach(alarm: &mut Alarm, deadline: Instant) {
        poll_fn(|context| alarm.poll(Some(deadline), context)).await;
    }

    #[tokio::test]
    async fn an_alarm_is_never_early_whatever_it_was_set_to_before() {
        let mut alarm = Alarm::new().unwrap();
        let begun = Instant::now();
        let after = |ms| begun + Duration::from_millis(ms);
        let polled = poll_fn(|context| Poll::Ready(alarm.poll(Some(after(3_600_000)), context)));
        assert!(polled.await.is_pending());
        for ms in [5, 0, 12, 13] {
            reach(&mut alarm, after(ms)).await;
            assert!(Instant::now() >= after(ms), "{ms}");
        }
    }

    #[tokio::test]
    async fn an_alarm_that_is_set_too_early_is_left_alone_until_it_goes_off() {
        let mut alarm = Alarm::new().unwrap();
        let soon = Instant::now() + Duration::from_secs(3_600);
        for later in [0, 1, 100] {
            let deadline = soon + Duration::from_secs(later);
            let polled = poll_fn(|context| Poll::Ready(alarm.poll(Some(deadline), context)));
            assert!(polled.await.is_pending());
            assert_eq!(alarm.set, Some(soon));
        }
        let polled = poll_fn(|context| Poll::Ready(alarm.poll(None, context)));
        assert!(polled.await.is_pending());
        assert!(alarm.is_set_for(soon) && !alarm.is_set_for(soon - Duration::from_millis(1)));
    }
}
