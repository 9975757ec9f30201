//! librdkafka (bundled by rdkafka-sys), through its C API: rd_kafka_produce() with a
//! delivery-report callback. The `unsafe` is what calling C takes; panics are its error messages.
//!
//! The Rust crate's BaseProducer was tried, too: it takes 20 to 30 % more CPU than the C API.
use peer_contract::*;
use rdkafka_sys::bindings as rd;
use std::ffi::{CStr, CString, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::time::{Duration, Instant};

struct State {
    start: Instant,
    acked: AtomicU64,
    errors: AtomicU64,
    hist: AtomicHist,
}
impl State {
    #[inline]
    fn done(&self, ok: bool, stamp: usize) {
        if !ok {
            self.errors.fetch_add(1, Relaxed);
        }
        if stamp != 0 {
            let now = self.start.elapsed().as_nanos() as u64;
            self.hist.add(now.saturating_sub(stamp as u64));
        }
        // one writer at a time: callbacks run in whichever single thread polls
        self.acked.store(self.acked.load(Relaxed) + 1, Release);
    }
}

unsafe extern "C" fn dr(_: *mut rd::rd_kafka_t, m: *const rd::rd_kafka_message_t, o: *mut c_void) {
    let (st, m) = unsafe { (&*(o as *const State), &*m) };
    if m.err as i32 != 0 && st.errors.load(Relaxed) == 0 {
        eprintln!("{:?}", unsafe { CStr::from_ptr(rd::rd_kafka_err2str(m.err)) });
    }
    st.done(m.err as i32 == 0, m._private as usize);
}

fn config(a: &Args) -> Vec<(String, String)> {
    let acks = a.acks.to_string();
    let mut v: Vec<(&str, String)> = vec![
        ("bootstrap.servers", a.bootstrap.clone()),
        ("acks", acks),
        ("compression.codec", a.compression.clone()),
        ("batch.size", a.batch_size.to_string()),
        // the count limit must not cut batches before the byte limit does
        ("batch.num.messages", a.x("batch-num", "1000000")),
        ("linger.ms", a.linger_ms.to_string()),
        ("enable.idempotence", a.idempotence.to_string()),
        (
            "max.in.flight.requests.per.connection",
            a.max_in_flight.to_string(),
        ),
        ("queue.buffering.max.messages", "10000000".into()),
        (
            "queue.buffering.max.kbytes",
            (a.buffer_memory / 1024).max(1).to_string(),
        ),
        (
            "message.max.bytes",
            (a.batch_size + 65536).max(1_000_000).to_string(),
        ),
        // murmur2, as the other clients
        ("partitioner", "murmur2_random".into()),
        ("socket.nagle.disable", a.x("nodelay", "true")),
    ];
    if let Some(x) = a.extra.get("sticky-ms") {
        v.push(("sticky.partitioning.linger.ms", x.clone()));
    }
    v.into_iter().map(|(k, v)| (k.to_string(), v)).collect()
}

struct Producer {
    rk: *mut rd::rd_kafka_t,
    rkt: *mut rd::rd_kafka_topic_t,
    flags: i32,
}

// librdkafka's handles may be used by any thread.
unsafe impl Sync for Producer {}

impl Producer {
    fn new(a: &Args, st: &'static State, flags: i32) -> Producer {
        let mut err = [0 as std::ffi::c_char; 512];
        let topic = CString::new(a.topic.clone()).unwrap();
        unsafe {
            let conf = rd::rd_kafka_conf_new();
            for (k, v) in config(a) {
                let (k, v) = (CString::new(k).unwrap(), CString::new(v).unwrap());
                let r = rd::rd_kafka_conf_set(conf, k.as_ptr(), v.as_ptr(), err.as_mut_ptr(), 512);
                if r as i32 != 0 {
                    panic!("{:?}", CStr::from_ptr(err.as_ptr()));
                }
            }
            rd::rd_kafka_conf_set_dr_msg_cb(conf, Some(dr));
            rd::rd_kafka_conf_set_opaque(conf, st as *const State as *mut c_void);
            let kind = rd::rd_kafka_type_t::RD_KAFKA_PRODUCER;
            let rk = rd::rd_kafka_new(kind, conf, err.as_mut_ptr(), 512);
            if rk.is_null() {
                panic!("{:?}", CStr::from_ptr(err.as_ptr()));
            }
            let rkt = rd::rd_kafka_topic_new(rk, topic.as_ptr(), std::ptr::null_mut());
            Producer { rk, rkt, flags }
        }
    }
    /// false: the queue is full
    #[inline]
    fn send(&self, key: &[u8], val: &'static [u8], stamp: usize) -> bool {
        let (kp, kl) = if key.is_empty() {
            (std::ptr::null(), 0)
        } else {
            (key.as_ptr(), key.len())
        };
        let r = unsafe {
            rd::rd_kafka_produce(
                self.rkt,
                -1,
                self.flags,
                val.as_ptr() as *mut c_void,
                val.len(),
                kp as *const c_void,
                kl,
                stamp as *mut c_void,
            )
        };
        if r == 0 {
            return true;
        }
        let e = unsafe { rd::rd_kafka_last_error() };
        if e != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL {
            panic!("produce: {:?}", unsafe { CStr::from_ptr(rd::rd_kafka_err2str(e)) });
        }
        false
    }
    fn poll(&self, ms: i32) {
        unsafe { rd::rd_kafka_poll(self.rk, ms) };
    }
}

/// One thread that sends and polls is the cheapest; but between two paced
/// sends nobody would poll, so a rate gets a polling thread.
#[derive(Clone, Copy, PartialEq)]
enum Polling {
    Inline,
    Thread,
}

struct Sender<'a> {
    a: &'a Args,
    vals: &'static [Vec<u8>],
    ks: &'a [Vec<u8>],
    st: &'static State,
    producer: &'a Producer,
    polling: Polling,
    next: usize,
}

impl Sender<'_> {
    fn wait(&self, n: u64) {
        while self.st.acked.load(Acquire) < n {
            match self.polling {
                Polling::Inline => self.producer.poll(1),
                Polling::Thread => std::thread::sleep(Duration::from_micros(100)),
            }
        }
    }
    #[inline]
    fn one(&mut self, stamp: usize) {
        let v: &'static [u8] = &self.vals[self.next];
        let k: &[u8] = if self.a.key_size > 0 { &self.ks[self.next] } else { &[] };
        while !self.producer.send(k, v, stamp) {
            match self.polling {
                Polling::Inline => self.producer.poll(1),
                Polling::Thread => std::thread::sleep(Duration::from_micros(500)),
            }
        }
        self.next = if self.next + 1 == self.vals.len() { 0 } else { self.next + 1 };
    }
    fn fast(&mut self, n: u64, stamped: bool) {
        for i in 0..n {
            let stamp = if stamped && i & SAMPLE_MASK == 0 {
                self.st.start.elapsed().as_nanos() as usize
            } else {
                0
            };
            self.one(stamp);
            if self.polling == Polling::Inline && i & 1023 == 0 {
                self.producer.poll(0);
            }
        }
        self.wait(n);
    }
    fn paced(&mut self, late: &mut Hist) {
        let pacer = Pacer::new(self.a.rate);
        let base = pacer.start.duration_since(self.st.start).as_nanos() as u64;
        for i in 0..self.a.records {
            if self.polling == Polling::Inline {
                self.producer.poll(0);
            }
            let (due, l) = pacer.wait(i);
            late.add(l);
            self.one((base + due) as usize);
        }
        self.wait(self.a.records);
    }
    fn run(&mut self, notes: &str) {
        self.fast(self.a.warmup, false);
        let st = self.st;
        st.errors.store(0, Relaxed);
        st.hist.clear();
        st.acked.store(0, Release);
        let mut late = Hist::default();
        let from = usage();
        if self.a.rate > 0 {
            self.paced(&mut late);
        } else {
            self.fast(self.a.records, true);
        }
        let to = usage();
        let version = unsafe { CStr::from_ptr(rd::rd_kafka_version_str()) };
        Report {
            client: "librdkafka",
            version: version.to_str().unwrap(),
            records: self.a.records,
            errors: st.errors.load(Relaxed),
            from,
            to,
            lat: &st.hist.snapshot(),
            late: &late,
            fnv: fnv(self.vals),
            notes,
        }
        .print(self.a);
    }
}

fn main() {
    let a = Args::parse();
    let vals: &'static Vec<Vec<u8>> = Box::leak(Box::new(values(&a)));
    let ks = keys(&a);
    let st: &'static State = Box::leak(Box::new(State {
        start: Instant::now(),
        acked: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        hist: AtomicHist::default(),
    }));
    let polling = match a.x("poll", if a.rate > 0 { "thread" } else { "inline" }).as_str() {
        "inline" => Polling::Inline,
        _ => Polling::Thread,
    };
    let copy = a.x("copy", "0") == "1";
    let notes = format!(
        "C API, values {}, delivery reports polled {}",
        if copy { "copied" } else { "by reference (no RD_KAFKA_MSG_F_COPY)" },
        match polling {
            Polling::Inline => "by the sending thread",
            Polling::Thread => "by one thread",
        }
    );
    let producer = Producer::new(&a, st, if copy { rd::RD_KAFKA_MSG_F_COPY } else { 0 });
    let stop = AtomicBool::new(false);
    std::thread::scope(|sc| {
        if polling == Polling::Thread {
            sc.spawn(|| {
                while !stop.load(Relaxed) {
                    producer.poll(100);
                }
            });
        }
        let mut sender = Sender {
            a: &a,
            vals,
            ks: &ks,
            st,
            producer: &producer,
            polling,
            next: 0,
        };
        sender.run(&notes);
        stop.store(true, Relaxed);
        std::process::exit(0);
    });
}
