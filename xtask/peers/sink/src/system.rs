//! Calls of the system that the standard library does not have: epoll, timers, usage. The only
//! `unsafe` beside `recv` and `send`.

pub(crate) fn die(what: &str) -> ! {
    panic!("{what}: {}", std::io::Error::last_os_error())
}

pub(crate) fn now_ns() -> u64 {
    let mut t: libc::timespec = unsafe { std::mem::zeroed() };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}
pub(crate) fn cpu() -> (f64, f64) {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    let s = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    (s(r.ru_utime), s(r.ru_stime))
}
pub(crate) fn again(r: isize) -> bool {
    r < 0 && {
        let e = std::io::Error::last_os_error();
        matches!(
            e.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted
        )
    }
}

pub(crate) fn arm(fd: i32, at: u64) {
    let z = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let it = libc::itimerspec {
        it_interval: z,
        it_value: libc::timespec {
            tv_sec: (at / 1_000_000_000) as _,
            tv_nsec: (at % 1_000_000_000) as _,
        },
    };
    unsafe { libc::timerfd_settime(fd, libc::TFD_TIMER_ABSTIME, &it, std::ptr::null_mut()) };
}

pub(crate) fn ctl(ep: i32, op: i32, fd: i32, events: u32, id: u64) {
    let mut e = libc::epoll_event { events, u64: id };
    if unsafe { libc::epoll_ctl(ep, op, fd, &mut e) } < 0 {
        die("epoll_ctl");
    }
}
