//! A fake broker that accepts everything: one thread and epoll. It checks nothing but the framing
//! and counts what it gets, so that it costs as little as a server can; at its end it prints its
//! counts as one line of JSON. What it can not do without it asks libc for, hence the `unsafe`.

mod answers;
mod connection;
mod produce;
mod reading;
mod system;
mod writing;

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::fd::{AsRawFd as _, IntoRawFd as _};

use connection::{Conn, flush};
use system::{cpu, ctl, die, now_ns};

struct Opt {
    host: String,
    port: u16,
    partitions: i32,
    brokers: i32,
    delay_us: u64,
    produce_max: i16,
    stats_s: u64,
}

#[derive(Default)]
struct Totals {
    connections: u64,
    requests: u64,
    partitions: u64,
    batches: u64,
    records: u64,
    bytes_in: u64,
    record_bytes: u64,
    max_in_flight: u64,
}

struct Sink {
    o: Opt,
    ep: i32,
    conns: HashMap<u64, Conn>,
    next_id: u64,
    delayed: VecDeque<(u64, u64, Vec<u8>)>,
    timer: i32,
    offsets: HashMap<Vec<u8>, HashMap<i32, i64>>,
    names: HashMap<[u8; 16], Vec<u8>>,
    next_pid: i64,
    t: Totals,
}

impl Sink {
    fn accept(&mut self, listener: &TcpListener) {
        while let Ok((c, _)) = listener.accept() {
            c.set_nonblocking(true).unwrap();
            c.set_nodelay(true).unwrap();
            let fd = c.into_raw_fd();
            let cid = self.next_id;
            self.next_id += 1;
            self.t.connections += 1;
            ctl(self.ep, libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN as u32, cid);
            self.conns.insert(cid, Conn::new(fd));
        }
    }

    fn ready(&mut self, id: u64, what: u32) {
        if what & libc::EPOLLOUT as u32 != 0 {
            let mut c = self.conns.remove(&id).unwrap();
            if flush(self.ep, id, &mut c) {
                self.conns.insert(id, c);
            } else {
                unsafe { libc::close(c.fd) };
                return;
            }
        }
        if what & !(libc::EPOLLOUT as u32) != 0 {
            self.readable(id);
        }
    }

    fn json(&self, start: u64) -> String {
        let (u, s) = cpu();
        let t = &self.t;
        format!(
            "{{\"seconds\":{:.3},\"connections\":{},\"requests\":{},\"partitions\":{},\"batches\":{},\"records\":{},\"record_bytes\":{},\"bytes_in\":{},\"max_in_flight_per_connection\":{},\"cpu_user_s\":{:.4},\"cpu_sys_s\":{:.4},\"cpu_s_per_gb\":{:.4}}}",
            (now_ns() - start) as f64 / 1e9,
            t.connections,
            t.requests,
            t.partitions,
            t.batches,
            t.records,
            t.record_bytes,
            t.bytes_in,
            t.max_in_flight,
            u,
            s,
            (u + s) / (t.bytes_in.max(1) as f64 / 1e9)
        )
    }
}

fn options() -> Opt {
    let mut o = Opt {
        host: "127.0.0.1".into(),
        port: 29092,
        partitions: 12,
        brokers: 1,
        delay_us: 0,
        produce_max: 13,
        stats_s: 1,
    };
    let mut it = std::env::args().skip(1);
    while let Some(k) = it.next() {
        let v = it.next().expect("value");
        match k.as_str() {
            "--host" => o.host = v,
            "--port" => o.port = v.parse().unwrap(),
            "--partitions" => o.partitions = v.parse().unwrap(),
            "--brokers" => o.brokers = v.parse().unwrap(),
            "--delay-us" => o.delay_us = v.parse().unwrap(),
            "--produce-max" => o.produce_max = v.parse().unwrap(),
            "--stats-s" => o.stats_s = v.parse().unwrap(),
            _ => panic!("unknown flag {k}"),
        }
    }
    o
}

/// What ends us, to be read as a file.
fn signals() -> i32 {
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        libc::signalfd(-1, &set, libc::SFD_CLOEXEC)
    }
}

fn listen(ep: i32, o: &Opt) -> Vec<TcpListener> {
    let mut listeners = Vec::new();
    for i in 0..o.brokers {
        let l = TcpListener::bind((o.host.as_str(), o.port + i as u16)).expect("bind");
        l.set_nonblocking(true).unwrap();
        ctl(
            ep,
            libc::EPOLL_CTL_ADD,
            l.as_raw_fd(),
            libc::EPOLLIN as u32,
            LISTEN + i as u64,
        );
        listeners.push(l);
    }
    listeners
}

const SIG: u64 = 1 << 40;
const TIMER: u64 = SIG + 1;
const LISTEN: u64 = SIG + 2;

fn main() {
    let o = options();
    let start = now_ns();
    let ep = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    let sig = signals();
    ctl(ep, libc::EPOLL_CTL_ADD, sig, libc::EPOLLIN as u32, SIG);
    let timer = unsafe {
        libc::timerfd_create(
            libc::CLOCK_MONOTONIC,
            libc::TFD_NONBLOCK | libc::TFD_CLOEXEC,
        )
    };
    ctl(ep, libc::EPOLL_CTL_ADD, timer, libc::EPOLLIN as u32, TIMER);
    let listeners = listen(ep, &o);
    let (brokers, stats_s) = (o.brokers as u64, o.stats_s);
    let mut s = Sink {
        o,
        ep,
        conns: HashMap::new(),
        next_id: 1,
        delayed: VecDeque::new(),
        timer,
        offsets: HashMap::new(),
        names: HashMap::new(),
        next_pid: 999,
        t: Totals::default(),
    };
    eprintln!("sink ready");
    let mut evs: Vec<libc::epoll_event> = vec![unsafe { std::mem::zeroed() }; 256];
    let mut next_stats = start + stats_s * 1_000_000_000;
    loop {
        let timeout = if stats_s > 0 {
            (stats_s * 1000) as i32
        } else {
            -1
        };
        let n = unsafe { libc::epoll_wait(ep, evs.as_mut_ptr(), 256, timeout) };
        if n < 0 && std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            die("epoll_wait");
        }
        for e in &evs[..n.max(0) as usize] {
            let (id, what) = (e.u64, e.events);
            if id == SIG {
                println!("{}", s.json(start));
                let _ = std::io::stdout().flush();
                return;
            } else if id == TIMER {
                s.fire();
            } else if id >= LISTEN && id < LISTEN + brokers {
                s.accept(&listeners[(id - LISTEN) as usize]);
            } else if s.conns.contains_key(&id) {
                s.ready(id, what);
            }
        }
        if stats_s > 0 && now_ns() >= next_stats {
            next_stats = now_ns() + stats_s * 1_000_000_000;
            if s.t.requests > 0 {
                eprintln!("{}", s.json(start));
            }
        }
    }
}
