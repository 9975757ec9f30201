//! rskafka's PartitionClient. It has no producer-wide accumulator, so this
//! program keeps one open batch per partition, closes it at --batch-size or
//! --linger-ms, and gives each closed batch to produce() in a task of its own.
use chrono::Utc;
use peer_contract::*;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

struct Shared {
    t0: Instant,
    acked: AtomicU64,
    errors: AtomicU64,
    hist: AtomicHist,
    memory: Arc<Semaphore>,
}

struct Open {
    recs: Vec<Record>,
    stamps: Vec<u64>,
    bytes: usize,
    opened: u64,
    ts: chrono::DateTime<Utc>,
}

fn murmur2(d: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28cu32 ^ d.len() as u32;
    let mut c = d.chunks_exact(4);
    for k in c.by_ref() {
        let mut k = u32::from_le_bytes(k.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let r = c.remainder();
    if r.len() > 2 {
        h ^= (r[2] as u32) << 16;
    }
    if r.len() > 1 {
        h ^= (r[1] as u32) << 8;
    }
    if !r.is_empty() {
        h = (h ^ r[0] as u32).wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

struct Sender<'a> {
    a: &'a Args,
    rt: tokio::runtime::Handle,
    clients: Vec<Arc<PartitionClient>>,
    slots: Vec<Arc<Semaphore>>,
    open: Vec<Option<Open>>,
    sticky: usize,
    codec: Compression,
    sh: Arc<Shared>,
}

impl Sender<'_> {
    fn now(&self) -> u64 {
        self.sh.t0.elapsed().as_nanos() as u64
    }
    fn flush(&mut self, p: usize) {
        let Some(o) = self.open[p].take() else { return };
        let kib = ((o.bytes >> 10) as u32).max(1);
        let mem = self
            .rt
            .block_on(self.sh.memory.clone().acquire_many_owned(kib))
            .unwrap();
        let (c, slot, sh, codec) = (
            self.clients[p].clone(),
            self.slots[p].clone(),
            self.sh.clone(),
            self.codec,
        );
        self.rt.spawn(async move {
            let _mem = mem;
            let _slot = slot.acquire().await.unwrap();
            let n = o.recs.len() as u64;
            if let Err(e) = c.produce(o.recs, codec).await {
                if sh.errors.fetch_add(n, Relaxed) == 0 {
                    eprintln!("rskafka: {e}");
                }
            }
            let now = sh.t0.elapsed().as_nanos() as u64;
            for s in o.stamps {
                sh.hist.add(now.saturating_sub(s));
            }
            sh.acked.fetch_add(n, Release);
        });
    }
    fn flush_due(&mut self) -> Option<u64> {
        let linger = (self.a.linger_ms * 1e6) as u64;
        let now = self.now();
        let mut next: Option<u64> = None;
        for p in 0..self.open.len() {
            if let Some(o) = &self.open[p] {
                let at = o.opened + linger;
                if at <= now {
                    self.flush(p);
                } else {
                    next = Some(next.map_or(at, |n| n.min(at)));
                }
            }
        }
        next
    }
    fn put(&mut self, key: Option<&[u8]>, val: &[u8], stamp: u64) {
        let n = self.clients.len();
        let p = match key {
            Some(k) => (murmur2(k) & 0x7fff_ffff) as usize % n,
            None => self.sticky,
        };
        // v2 record framing is at least 7 bytes
        let size = val.len() + key.map_or(0, |k| k.len()) + 9;
        let over = self.open[p]
            .as_ref()
            .is_some_and(|o| o.bytes + size > self.a.batch_size);
        if over {
            self.flush(p);
            if key.is_none() {
                self.sticky = (self.sticky + 1) % n;
                return self.put(key, val, stamp);
            }
        }
        if self.open[p].is_none() {
            let cap = self.a.batch_size / size + 1;
            self.open[p] = Some(Open {
                recs: Vec::with_capacity(cap.min(100_000)),
                stamps: Vec::new(),
                bytes: 61,
                opened: self.now(),
                ts: Utc::now(),
            });
        }
        let o = self.open[p].as_mut().unwrap();
        o.bytes += size;
        o.recs.push(Record {
            key: key.map(|k| k.to_vec()),
            value: Some(val.to_vec()),
            headers: BTreeMap::new(),
            timestamp: o.ts,
        });
        if stamp != 0 {
            o.stamps.push(stamp);
        }
    }
    fn run(&mut self, n: u64, vals: &[Vec<u8>], ks: &[Vec<u8>], stamped: bool, late: &mut Hist) {
        let want = self.sh.acked.load(Acquire) + n;
        let base = self.now();
        let rate = if stamped { self.a.rate } else { 0 };
        let mut p = 0;
        for i in 0..n {
            let mut stamp = 0;
            if rate > 0 {
                let due = base + (i as u128 * 1_000_000_000 / rate as u128) as u64;
                loop {
                    let next = self.flush_due();
                    let now = self.now();
                    if now >= due {
                        late.add(now - due);
                        break;
                    }
                    let until = next.map_or(due, |x| x.min(due));
                    std::thread::sleep(Duration::from_nanos(until.saturating_sub(now)));
                }
                stamp = due.max(1);
            } else {
                if i & 1023 == 0 {
                    self.flush_due();
                }
                if stamped && i & SAMPLE_MASK == 0 {
                    stamp = self.now();
                }
            }
            let k = if self.a.key_size > 0 {
                Some(&ks[p][..])
            } else {
                None
            };
            self.put(k, &vals[p], stamp);
            if rate > 0 && self.a.linger_ms == 0.0 {
                self.flush_due();
            }
            p = if p + 1 == vals.len() { 0 } else { p + 1 };
        }
        for p in 0..self.open.len() {
            self.flush(p);
        }
        while self.sh.acked.load(Acquire) < want {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

async fn partition_clients(a: &Args) -> Vec<Arc<PartitionClient>> {
    let c = ClientBuilder::new(a.bootstrap.split(',').map(String::from).collect())
        .build()
        .await
        .expect("connect");
    let mut n = 0;
    for _ in 0..100 {
        let ts = c.list_topics().await.expect("topics");
        n = ts
            .iter()
            .find(|t| t.name == a.topic)
            .map_or(0, |t| t.partitions.len());
        if n > 0 {
            break;
        }
        // a fake broker knows a topic only once it was asked for
        let _ = c
            .partition_client(a.topic.clone(), 0, UnknownTopicHandling::Error)
            .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(n > 0, "no topic {}", a.topic);
    let mut v = Vec::new();
    for p in 0..n {
        v.push(Arc::new(
            c.partition_client(a.topic.clone(), p as i32, UnknownTopicHandling::Retry)
                .await
                .expect("partition"),
        ));
    }
    v
}

fn notes(a: &Args) -> String {
    let mut notes = String::from(
        "PartitionClient with a per-partition batch in this program; max-in-flight per partition (one connection each)",
    );
    if a.acks != -1 {
        notes.push_str("; acks is always all");
    }
    if a.idempotence {
        notes.push_str("; no idempotence");
    }
    notes
}

fn main() {
    let a = Args::parse();
    let (vals, ks) = (values(&a), keys(&a));
    let rt = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let codec = match a.compression.as_str() {
        "none" => Compression::NoCompression,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => panic!("--compression"),
    };
    let clients = rt.block_on(partition_clients(&a));
    let n = clients.len();
    let sh = Arc::new(Shared {
        t0: Instant::now(),
        acked: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        hist: AtomicHist::default(),
        memory: Arc::new(Semaphore::new((a.buffer_memory >> 10).max(1))),
    });
    let mut s = Sender {
        a: &a,
        rt: rt.handle().clone(),
        clients,
        slots: (0..n)
            .map(|_| Arc::new(Semaphore::new(a.max_in_flight)))
            .collect(),
        open: (0..n).map(|_| None).collect(),
        sticky: 0,
        codec,
        sh: sh.clone(),
    };
    let mut late = Hist::default();
    s.run(a.warmup, &vals, &ks, false, &mut late);
    sh.errors.store(0, Relaxed);
    sh.hist.clear();
    late.clear();
    let from = usage();
    s.run(a.records, &vals, &ks, true, &mut late);
    let to = usage();
    let notes = notes(&a);
    Report {
        client: "rskafka",
        version: "0.6.0",
        records: a.records,
        errors: sh.errors.load(Relaxed),
        from,
        to,
        lat: &sh.hist.snapshot(),
        late: &late,
        fnv: fnv(&vals),
        notes: &notes,
    }
    .print(&a);
    std::process::exit(0);
}
