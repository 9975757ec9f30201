//! krafka, a pure-Rust client on tokio: `Producer::enqueue` pipelined (its only
//! wait is for buffer memory), the `DeliveryHandle`s awaited later, oldest
//! first per partition, which is the order they resolve in.
//!
//! `--x-runtime` says where the application side (enqueue and acks) runs:
//! `current` one task on a single-threaded runtime, together with the client's
//! own tasks (the default without a rate: the cheapest and, on two cores
//! shared with the server, the fastest); `multi` `--x-senders` tasks on
//! `--x-workers` workers; `thread` `--x-senders` threads of their own beside
//! the workers (always so with a rate: a thread's timer is finer than tokio's).
use bytes::Bytes;
use krafka::producer::{Acks, DeliveryHandle, Producer};
use krafka::{Compression, Kafka, Record};
use peer_contract::*;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Enqueues between two looks at the acks.
const LOOK_EVERY: u64 = 64;
const NO_STAMP: u64 = u64::MAX;

struct Shared {
    t0: Instant,
    producer: Producer,
    topic: String,
    values: Vec<Bytes>,
    /// Empty: null keys.
    keys: Vec<Bytes>,
    hist: AtomicHist,
    late: AtomicHist,
    errors: AtomicU64,
}

impl Shared {
    fn now(&self) -> u64 {
        self.t0.elapsed().as_nanos() as u64
    }
    fn record(&self, i: usize) -> Record {
        let r = Record::new(self.topic.as_str(), self.values[i].clone());
        match self.keys.get(i) {
            Some(k) => r.key(k.clone()),
            None => r,
        }
    }
    fn fail(&self, e: impl std::fmt::Display) {
        if self.errors.fetch_add(1, Relaxed) == 0 {
            eprintln!("krafka: {e}");
        }
    }
}

/// Handles without an outcome yet, one queue per partition.
#[derive(Default)]
struct Unacked {
    lanes: Vec<VecDeque<(DeliveryHandle, u64)>>,
    n: usize,
}

impl Unacked {
    fn push(&mut self, h: DeliveryHandle, stamp: u64) {
        let p = h.partition().max(0) as usize;
        if p >= self.lanes.len() {
            self.lanes.resize_with(p + 1, VecDeque::new);
        }
        self.lanes[p].push_back((h, stamp));
        self.n += 1;
    }
    fn collect(&mut self, cx: &mut Context<'_>, s: &Shared) {
        for lane in &mut self.lanes {
            while let Some((h, stamp)) = lane.front_mut() {
                let Poll::Ready(outcome) = Pin::new(h).poll(cx) else {
                    break;
                };
                match outcome {
                    Ok(_) if *stamp == NO_STAMP => {}
                    Ok(_) => s.hist.add(s.now().saturating_sub(*stamp)),
                    Err(e) => s.fail(e),
                }
                lane.pop_front();
                self.n -= 1;
            }
        }
    }
}

/// An empty place for the future `_f` returns, a type without a name.
fn slot<F: Future>(_f: &impl Fn(Record) -> F) -> Option<F> {
    None
}

/// Sends `n` records and waits for their acks. While there is nothing to do
/// before the next send, `due` says when that is.
async fn drive(s: &Shared, n: u64, rate: u64, stamped: bool, due: &Mutex<Option<u64>>) {
    let base = s.now();
    let mut unacked = Unacked::default();
    let (mut i, mut pool, mut stamp) = (0u64, 0usize, NO_STAMP);
    let enqueue = |r| s.producer.enqueue(r);
    let mut sending = pin!(slot(&enqueue));
    poll_fn(|cx| {
        *due.lock().unwrap() = None;
        unacked.collect(cx, s);
        loop {
            if let Some(f) = sending.as_mut().as_pin_mut() {
                let Poll::Ready(outcome) = f.poll(cx) else {
                    break;
                };
                sending.set(None);
                match outcome {
                    Ok(h) => unacked.push(h, stamp),
                    Err(e) => s.fail(e),
                }
                if i % LOOK_EVERY == 0 {
                    unacked.collect(cx, s);
                }
            }
            if i == n {
                break;
            }
            stamp = NO_STAMP;
            if rate > 0 {
                let at = base + (i as u128 * 1_000_000_000 / rate as u128) as u64;
                let now = s.now();
                if at > now {
                    *due.lock().unwrap() = Some(at);
                    break;
                }
                s.late.add(now - at);
                stamp = at;
            } else if stamped && i & SAMPLE_MASK == 0 {
                stamp = s.now();
            }
            sending.set(Some(enqueue(s.record(pool))));
            i += 1;
            pool = if pool + 1 == s.values.len() { 0 } else { pool + 1 };
        }
        unacked.collect(cx, s);
        if i == n && sending.is_none() && unacked.n == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await
}

struct Unpark(Thread, AtomicBool);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref()
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.1.swap(true, AcqRel) {
            self.0.unpark();
        }
    }
}

/// Drives on this thread, parked until an ack or the next send is due.
fn drive_here(s: &Shared, n: u64, rate: u64, stamped: bool) {
    let unpark = Arc::new(Unpark(std::thread::current(), AtomicBool::new(false)));
    let waker = Waker::from(unpark.clone());
    let due = Mutex::new(None);
    let mut f = pin!(drive(s, n, rate, stamped, &due));
    loop {
        unpark.1.store(false, Release);
        if f.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            return;
        }
        while !unpark.1.load(Acquire) {
            let at = *due.lock().unwrap();
            match at.map(|at| at.saturating_sub(s.now())) {
                None => std::thread::park(),
                Some(0) => break,
                Some(ns) => std::thread::park_timeout(Duration::from_nanos(ns)),
            }
        }
    }
}

fn run(
    rt: &tokio::runtime::Runtime,
    s: &Arc<Shared>,
    n: u64,
    rate: u64,
    stamped: bool,
    threads: bool,
    senders: u64,
) {
    let part = |k: u64| n / senders + u64::from(k < n % senders);
    if threads {
        std::thread::scope(|sc| {
            for k in 0..senders {
                sc.spawn(move || {
                    let _rt = rt.enter();
                    drive_here(s, part(k), rate, stamped)
                });
            }
        });
        return;
    }
    rt.block_on(async {
        let tasks: Vec<_> = (0..senders)
            .map(|k| {
                let (s, n) = (s.clone(), part(k));
                tokio::spawn(async move { drive(&s, n, rate, stamped, &Mutex::new(None)).await })
            })
            .collect();
        for t in tasks {
            t.await.expect("sender");
        }
    });
}

async fn connect(a: &Args) -> krafka::Result<Producer> {
    let kafka = Kafka::builder(a.bootstrap.as_str())
        .client_id("peer-krafka")
        .max_in_flight_requests(a.max_in_flight)
        // a fake broker knows a topic only once it was asked for
        .allow_auto_create_topics(true)
        .connect()
        .await?;
    let producer = kafka
        .producer()
        .acks(Acks::from_i16(a.acks).expect("--acks"))
        .idempotent(a.idempotence)
        .compression(match a.compression.as_str() {
            "none" => Compression::None,
            "gzip" => Compression::Gzip,
            "snappy" => Compression::Snappy,
            "lz4" => Compression::Lz4,
            "zstd" => Compression::Zstd,
            _ => panic!("--compression"),
        })
        .batch_size(a.batch_size)
        .linger(Duration::from_secs_f64(a.linger_ms / 1e3))
        .buffer_memory(a.buffer_memory)
        .build()
        .await?;
    producer.partitions_for(&a.topic).await?;
    Ok(producer)
}

fn notes(a: &Args) -> String {
    let mut notes = String::from(
        "one batch in flight per partition and 5 requests per broker, fixed: max-in-flight only \
         bounds the connection; batch-size and buffer-memory charge each record 64 B and the \
         topic name over its wire size, so batches are smaller than asked",
    );
    if a.acks == 0 {
        notes.push_str("; acks=0 is acked once handed to the connection");
    }
    notes
}

fn main() {
    let a = Args::parse();
    let (vals, ks) = (
        values(&a),
        if a.key_size > 0 { keys(&a) } else { Vec::new() },
    );
    let sum = fnv(&vals);
    let runtime = a.x("runtime", "current");
    let threads = runtime == "thread" || a.rate > 0;
    let senders = if a.rate > 0 {
        1
    } else {
        a.x("senders", "1").parse().expect("--x-senders")
    };
    let rt = if runtime == "current" && !threads {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    } else {
        let w = a.x("workers", "1").parse().expect("--x-workers");
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(w)
            .enable_all()
            .build()
            .unwrap()
    };
    let producer = match rt.block_on(connect(&a)) {
        Ok(p) => p,
        Err(e) => {
            eprintln!("krafka: {e}");
            std::process::exit(1)
        }
    };
    let s = Arc::new(Shared {
        t0: Instant::now(),
        producer,
        topic: a.topic.clone(),
        values: vals.into_iter().map(Bytes::from).collect(),
        keys: ks.into_iter().map(Bytes::from).collect(),
        hist: AtomicHist::default(),
        late: AtomicHist::default(),
        errors: AtomicU64::new(0),
    });
    run(&rt, &s, a.warmup, 0, false, threads, senders);
    s.errors.store(0, Relaxed);
    s.hist.clear();
    s.late.clear();
    let from = usage();
    run(&rt, &s, a.records, a.rate, true, threads, senders);
    let to = usage();
    let notes = notes(&a);
    Report {
        client: "krafka",
        version: "0.28.1",
        records: a.records,
        errors: s.errors.load(Relaxed),
        from,
        to,
        lat: &s.hist.snapshot(),
        late: &s.late.snapshot(),
        fnv: sum,
        notes: &notes,
    }
    .print(&a);
    let _ = rt.block_on(s.producer.close());
}
