//! What every Rust peer shares: flags, payload pools, pacing, latency
//! histogram, resource usage and the one JSON line. README.md has the contract.
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// With `--rate 0` only every 16th record carries a timestamp, so that reading
/// the clock does not weigh on the throughput figures. With a rate all do, unless a client is told
/// otherwise by a flag of its own.
pub const SAMPLE_MASK: u64 = 15;
const POOL: usize = 10_000;
/// Large values are fewer, so that the pool does not dwarf what is measured.
const POOL_BYTES: usize = 100_000_000;

fn pool(a: &Args) -> usize {
    POOL.min(POOL_BYTES / a.size.max(1)).max(1)
}

#[derive(Clone, Debug)]
pub struct Args {
    pub bootstrap: String,
    pub topic: String,
    pub records: u64,
    pub size: usize,
    pub key_size: usize,
    pub acks: i16,
    pub compression: String,
    pub batch_size: usize,
    pub linger_ms: f64,
    pub idempotence: bool,
    pub max_in_flight: usize,
    pub buffer_memory: usize,
    pub rate: u64,
    pub warmup: u64,
    pub payload: String,
    /// `--x-NAME VALUE`: knobs of one client alone.
    pub extra: std::collections::HashMap<String, String>,
}

impl Args {
    pub fn parse() -> Args {
        let mut a = Args {
            bootstrap: "127.0.0.1:9092".into(),
            topic: "bench".into(),
            records: 1_000_000,
            size: 100,
            key_size: 0,
            acks: -1,
            compression: "none".into(),
            batch_size: 16384,
            linger_ms: 5.0,
            idempotence: false,
            max_in_flight: 5,
            buffer_memory: 64 << 20,
            rate: 0,
            warmup: 0,
            payload: "random".into(),
            extra: Default::default(),
        };
        let mut it = std::env::args().skip(1);
        while let Some(k) = it.next() {
            let v = it.next().unwrap_or_else(|| panic!("{k} needs a value"));
            let num = || {
                v.parse::<u64>()
                    .unwrap_or_else(|_| panic!("{k}: not a number: {v}"))
            };
            match k.as_str() {
                "--bootstrap" => a.bootstrap = v,
                "--topic" => a.topic = v,
                "--records" => a.records = num(),
                "--size" => a.size = num() as usize,
                "--key-size" => a.key_size = num() as usize,
                "--acks" => {
                    a.acks = match v.as_str() {
                        "all" | "-1" => -1,
                        "0" => 0,
                        "1" => 1,
                        _ => panic!("--acks 0|1|all"),
                    }
                }
                "--compression" => a.compression = v,
                "--batch-size" => a.batch_size = num() as usize,
                "--linger-ms" => a.linger_ms = v.parse().expect("--linger-ms"),
                "--idempotence" => a.idempotence = v == "true",
                "--max-in-flight" => a.max_in_flight = num() as usize,
                "--buffer-memory" => a.buffer_memory = num() as usize,
                "--rate" => a.rate = num(),
                "--warmup" => a.warmup = num(),
                "--payload" => a.payload = v,
                _ if k.starts_with("--x-") => {
                    a.extra.insert(k[4..].to_string(), v);
                }
                _ => panic!("unknown flag {k}"),
            }
        }
        a
    }
    pub fn x(&self, name: &str, default: &str) -> String {
        self.extra
            .get(name)
            .cloned()
            .unwrap_or_else(|| default.to_string())
    }
}

pub struct Rng(pub u64);
impl Rng {
    /// splitmix64
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

const LEVELS: [&str; 4] = ["INFO", "DEBUG", "WARN", "ERROR"];
const SERVICES: [&str; 8] = [
    "checkout",
    "catalog",
    "payments",
    "search",
    "session",
    "shipping",
    "inventory",
    "frontend",
];
const PATHS: [&str; 8] = [
    "/api/v1/orders",
    "/api/v1/cart",
    "/api/v1/items",
    "/api/v2/search",
    "/login",
    "/healthz",
    "/api/v1/users",
    "/static/app.js",
];
const STATUS: [u64; 4] = [200, 200, 200, 404];
const WORDS: [&str; 32] = [
    "request",
    "completed",
    "in",
    "time",
    "user",
    "order",
    "failed",
    "retry",
    "cache",
    "miss",
    "hit",
    "timeout",
    "upstream",
    "connection",
    "closed",
    "by",
    "peer",
    "payment",
    "accepted",
    "item",
    "added",
    "to",
    "cart",
    "session",
    "expired",
    "token",
    "refreshed",
    "query",
    "took",
    "longer",
    "than",
    "expected",
];

pub fn values(a: &Args) -> Vec<Vec<u8>> {
    let mut r = Rng(42);
    (0..pool(a))
        .map(|i| {
            if a.payload == "random" {
                let mut v = Vec::with_capacity(a.size + 8);
                while v.len() < a.size {
                    v.extend_from_slice(&r.next().to_le_bytes());
                }
                v.truncate(a.size);
                return v;
            }
            let n = r.next();
            let mut s = String::with_capacity(a.size + 300);
            let trace = r.next();
            let user = r.next() % 100_000;
            let lat = r.next() % 50_000;
            write!(
                s,
                "{{\"ts\":{},\"level\":\"{}\",\"service\":\"{}\",\"host\":\"node-{}\",\"trace\":\"{:016x}\",\"user\":{},\"latency_us\":{},\"path\":\"{}\",\"status\":{},\"msg\":\"",
                1_760_000_000_000u64 + i as u64 * 37 + n % 37,
                LEVELS[((n >> 8) % 4) as usize],
                SERVICES[((n >> 16) % 8) as usize],
                (n >> 24) % 64,
                trace,
                user,
                lat,
                PATHS[((n >> 32) % 8) as usize],
                STATUS[((n >> 40) % 4) as usize],
            )
            .unwrap();
            let body = a.size.saturating_sub(2);
            while s.len() < body {
                s.push_str(WORDS[(r.next() % 32) as usize]);
                s.push(' ');
            }
            s.truncate(body);
            s.push_str("\"}");
            s.truncate(a.size);
            s.into_bytes()
        })
        .collect()
}

pub fn keys(a: &Args) -> Vec<Vec<u8>> {
    let mut r = Rng(7);
    (0..pool(a))
        .map(|_| {
            let mut s = String::new();
            while s.len() < a.key_size {
                write!(s, "{:016x}", r.next()).unwrap();
            }
            s.truncate(a.key_size);
            s.into_bytes()
        })
        .collect()
}

/// FNV-1a over the first 100 values: equal in all clients for equal flags.
pub fn fnv(vals: &[Vec<u8>]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for v in vals.iter().take(100) {
        for b in v {
            h = (h ^ *b as u64).wrapping_mul(0x100_0000_01b3);
        }
    }
    h
}

/// Log-linear histogram of nanoseconds, better than 1 % everywhere.
pub struct Hist {
    b: Vec<u64>,
    n: u64,
    max: u64,
}
impl Default for Hist {
    fn default() -> Self {
        Hist {
            b: vec![0; 6000],
            n: 0,
            max: 0,
        }
    }
}
impl Hist {
    #[inline]
    pub fn add(&mut self, ns: u64) {
        let e = 63 - (ns | 1).leading_zeros() as u64;
        let sh = e.saturating_sub(7);
        let i = (sh * 128 + (ns >> sh)) as usize;
        let last = self.b.len() - 1;
        self.b[i.min(last)] += 1;
        self.n += 1;
        if ns > self.max {
            self.max = ns
        }
    }
    pub fn clear(&mut self) {
        self.b.iter_mut().for_each(|x| *x = 0);
        self.n = 0;
        self.max = 0;
    }
    pub fn q(&self, q: f64) -> f64 {
        if self.n == 0 {
            return 0.0;
        }
        let want = ((self.n as f64 * q).ceil() as u64).max(1);
        let mut c = 0;
        for (i, x) in self.b.iter().enumerate() {
            c += x;
            if c >= want {
                let i = i as u64;
                let sh = if i < 256 { 0 } else { i / 128 - 1 };
                return ((((i - sh * 128) << sh) + ((1u64 << sh) >> 1)).min(self.max)) as f64 / 1e3;
            }
        }
        self.max as f64 / 1e3
    }
    pub fn json(&self) -> String {
        format!(
            "{{\"p50\":{:.1},\"p90\":{:.1},\"p99\":{:.1},\"p999\":{:.1},\"max\":{:.1}}}",
            self.q(0.5),
            self.q(0.9),
            self.q(0.99),
            self.q(0.999),
            self.max as f64 / 1e3
        )
    }
}

/// A histogram several threads may add to.
pub struct AtomicHist {
    b: Vec<AtomicU64>,
    max: AtomicU64,
}
impl Default for AtomicHist {
    fn default() -> Self {
        AtomicHist {
            b: (0..6000).map(|_| AtomicU64::new(0)).collect(),
            max: AtomicU64::new(0),
        }
    }
}
impl AtomicHist {
    #[inline]
    pub fn add(&self, ns: u64) {
        let e = 63 - (ns | 1).leading_zeros() as u64;
        let sh = e.saturating_sub(7);
        let i = ((sh * 128 + (ns >> sh)) as usize).min(self.b.len() - 1);
        self.b[i].fetch_add(1, Ordering::Relaxed);
        if ns > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(ns, Ordering::Relaxed);
        }
    }
    pub fn clear(&self) {
        self.b.iter().for_each(|x| x.store(0, Ordering::Relaxed));
        self.max.store(0, Ordering::Relaxed);
    }
    pub fn snapshot(&self) -> Hist {
        let b: Vec<u64> = self.b.iter().map(|x| x.load(Ordering::Relaxed)).collect();
        Hist {
            n: b.iter().sum(),
            b,
            max: self.max.load(Ordering::Relaxed),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Usage {
    pub t: Instant,
    pub user: f64,
    pub sys: f64,
}
pub fn usage() -> Usage {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    let s = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    Usage {
        t: Instant::now(),
        user: s(r.ru_utime),
        sys: s(r.ru_stime),
    }
}
fn max_rss_kb() -> i64 {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    r.ru_maxrss
}

/// Open-loop pacing: record i is due at start + i/rate, whatever happened before.
pub struct Pacer {
    pub start: Instant,
    rate: u64,
}
impl Pacer {
    pub fn new(rate: u64) -> Pacer {
        Pacer {
            start: Instant::now(),
            rate,
        }
    }
    /// When record `i` is due, in ns after `start`.
    #[inline]
    pub fn due(&self, i: u64) -> u64 {
        (i as u128 * 1_000_000_000 / self.rate as u128) as u64
    }
    /// Sleeps until record `i` is due; returns (due, late) in ns.
    #[inline]
    pub fn wait(&self, i: u64) -> (u64, u64) {
        let due = self.due(i);
        loop {
            let now = self.start.elapsed().as_nanos() as u64;
            if now >= due {
                return (due, now - due);
            }
            std::thread::sleep(Duration::from_nanos(due - now));
        }
    }
}

pub struct Report<'a> {
    pub client: &'a str,
    pub version: &'a str,
    pub records: u64,
    pub errors: u64,
    pub from: Usage,
    pub to: Usage,
    pub lat: &'a Hist,
    pub late: &'a Hist,
    pub fnv: u64,
    pub notes: &'a str,
}
impl Report<'_> {
    pub fn print(&self, a: &Args) {
        let sec = self.to.t.duration_since(self.from.t).as_secs_f64();
        let (u, s) = (self.to.user - self.from.user, self.to.sys - self.from.sys);
        let n = self.records as f64;
        println!(
            "{{\"client\":\"{}\",\"version\":\"{}\",\"records\":{},\"errors\":{},\"seconds\":{:.6},\"records_per_s\":{:.1},\"mb_per_s\":{:.3},\"cpu_user_s\":{:.4},\"cpu_sys_s\":{:.4},\"cpu_s_per_million\":{:.5},\"max_rss_kb\":{},\"lat_us\":{},\"send_late_us\":{},\"payload_fnv\":\"{:016x}\",\"notes\":\"{}\"}}",
            self.client,
            self.version,
            self.records,
            self.errors,
            sec,
            n / sec,
            n * (a.size + a.key_size) as f64 / sec / 1e6,
            u,
            s,
            (u + s) / n * 1e6,
            max_rss_kb(),
            self.lat.json(),
            self.late.json(),
            self.fnv,
            self.notes
        );
    }
}
