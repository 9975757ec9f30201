//! The least a producer can do: build v2 record batches record by record (the
//! varints and one copy of each value), compress, CRC-32C, write to the socket.
//! One thread, no queues between threads, no per-record state but a counter.
//! It is what a producer is measured against, not an example of one: no retries, no limits, panics
//! for errors, and `unsafe` for `ppoll`, so that nothing stands between it and the system.
mod wire;

use peer_contract::*;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Instant;
use wire::{R, be16, be32, close, connect, header, metadata, producer_id, str16, varint, vlen};

struct Broker {
    s: TcpStream,
    fd: i32,
    parts: Vec<usize>,
    next: usize,
    out: VecDeque<(Vec<u8>, usize, Sent)>,
    flying: VecDeque<Sent>,
    inb: Vec<u8>,
}
struct Sent {
    count: u64,
    stamps: Vec<u64>,
}

struct Batch {
    /// request with a batch that is not closed: header, then records
    b: Vec<u8>,
    at: usize,
    count: i32,
    first_ms: i64,
    last_ms: i64,
    opened: u64,
    stamps: Vec<u64>,
}

struct Floor<'a> {
    a: &'a Args,
    t0: Instant,
    brokers: Vec<Broker>,
    turn: usize,
    seq: Vec<i32>,
    pid: i64,
    corr: i32,
    codec: i16,
    pool: Vec<Vec<u8>>,
    stamp_pool: Vec<Vec<u64>>,
    z: Option<zstd::bulk::Compressor<'static>>,
    raw: Vec<u8>,
    gz: Option<libdeflater::Compressor>,
    sn: snap::raw::Encoder,
    open: Option<Batch>,
    acked: u64,
    errors: u64,
    /// Whose latency is measured.
    stamp_every: u64,
    hist: Hist,
}

impl Floor<'_> {
    fn now(&self) -> u64 {
        self.t0.elapsed().as_nanos() as u64
    }

    /// Reads answers and writes what is queued; waits up to `ns` for either.
    fn turn(&mut self, ns: u64) {
        let mut pf: Vec<libc::pollfd> = self
            .brokers
            .iter()
            .map(|b| libc::pollfd {
                fd: b.fd,
                events: libc::POLLIN | if b.out.is_empty() { 0 } else { libc::POLLOUT },
                revents: 0,
            })
            .collect();
        let ts = libc::timespec {
            tv_sec: (ns / 1_000_000_000) as _,
            tv_nsec: (ns % 1_000_000_000) as _,
        };
        unsafe { libc::ppoll(pf.as_mut_ptr(), pf.len() as _, &ts, std::ptr::null()) };
        for (i, p) in pf.iter().enumerate() {
            if p.revents & libc::POLLOUT != 0 {
                self.write(i);
            }
            if p.revents & libc::POLLIN != 0 {
                self.read(i);
            }
            if p.revents & (libc::POLLERR | libc::POLLHUP) != 0 {
                panic!("connection lost");
            }
        }
    }

    fn write(&mut self, i: usize) {
        let b = &mut self.brokers[i];
        while let Some((buf, pos, _)) = b.out.front_mut() {
            match b.s.write(&buf[*pos..]) {
                Ok(n) => *pos += n,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(e) => panic!("write: {e}"),
            }
            if *pos == buf.len() {
                let (buf, _, sent) = b.out.pop_front().unwrap();
                self.pool.push(buf);
                if self.a.acks == 0 {
                    let now = self.t0.elapsed().as_nanos() as u64;
                    for s in &sent.stamps {
                        self.hist.add(now - s);
                    }
                    self.acked += sent.count;
                } else {
                    b.flying.push_back(sent);
                }
            }
        }
    }

    fn read(&mut self, i: usize) {
        let mut buf = [0u8; 16384];
        let n = match self.brokers[i].s.read(&mut buf) {
            Ok(0) => panic!("connection closed by the broker"),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
            Err(e) => panic!("read: {e}"),
        };
        let now = self.now();
        let b = &mut self.brokers[i];
        b.inb.extend_from_slice(&buf[..n]);
        let mut p = 0;
        while b.inb.len() >= p + 4 {
            let l = i32::from_be_bytes(b.inb[p..p + 4].try_into().unwrap()) as usize;
            if b.inb.len() < p + 4 + l {
                break;
            }
            let mut r = R(&b.inb[p + 4..p + 4 + l], 4);
            r.i32();
            r.str();
            r.i32();
            let (_part, err) = (r.i32(), r.i16());
            let mut sent = b.flying.pop_front().expect("an answer to nothing");
            if err != 0 {
                if self.errors == 0 {
                    eprintln!("floor: produce error {err}");
                }
                self.errors += sent.count;
            }
            for s in &sent.stamps {
                self.hist.add(now.saturating_sub(*s));
            }
            self.acked += sent.count;
            sent.stamps.clear();
            self.stamp_pool.push(sent.stamps);
            p += 4 + l;
        }
        b.inb.drain(..p);
    }

    fn open(&mut self) {
        let mut b = self
            .pool
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(self.a.batch_size + 4096));
        b.clear();
        header(&mut b, 0, 7, 0);
        be16(&mut b, -1);
        be16(&mut b, self.a.acks);
        be32(&mut b, 30_000);
        be32(&mut b, 1);
        str16(&mut b, &self.a.topic);
        be32(&mut b, 1);
        be32(&mut b, 0); // partition
        be32(&mut b, 0); // bytes
        let at = b.len();
        b.resize(at + 61, 0);
        let ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64;
        let now = self.now();
        let stamps = self.stamp_pool.pop().unwrap_or_default();
        self.open = Some(Batch {
            b,
            at,
            count: 0,
            first_ms: ms,
            last_ms: ms,
            opened: now,
            stamps,
        });
    }

    /// True if the record went in; false if the batch is full.
    #[inline]
    fn put(&mut self, key: Option<&[u8]>, val: &[u8], stamp: u64) -> bool {
        if self.open.is_none() {
            self.open();
        }
        let limit = self.a.batch_size;
        let o = self.open.as_mut().unwrap();
        let kl = key.map_or(-1, |k| k.len() as i64);
        let body = 1
            + 1
            + vlen(o.count as i64)
            + vlen(kl)
            + kl.max(0) as usize
            + vlen(val.len() as i64)
            + val.len()
            + 1;
        if o.count > 0 && o.b.len() - o.at + body + vlen(body as i64) > limit {
            return false;
        }
        let b = &mut o.b;
        varint(b, body as i64);
        b.push(0);
        b.push(0); // timestamp delta: the batch carries one time
        varint(b, o.count as i64);
        varint(b, kl);
        if let Some(k) = key {
            b.extend_from_slice(k);
        }
        varint(b, val.len() as i64);
        b.extend_from_slice(val);
        b.push(0);
        o.count += 1;
        if stamp != 0 {
            o.stamps.push(stamp);
        }
        true
    }

    /// Compresses what stands behind `records`.
    fn compress(&mut self, b: &mut Vec<u8>, records: usize) {
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        raw.extend_from_slice(&b[records..]);
        b.truncate(records);
        match self.codec {
            1 => {
                let e = self.gz.as_mut().unwrap();
                let from = b.len();
                b.resize(from + e.gzip_compress_bound(raw.len()), 0);
                let n = e.gzip_compress(&raw, &mut b[from..]).unwrap();
                b.truncate(from + n);
            }
            2 => {
                let from = b.len();
                b.resize(from + snap::raw::max_compress_len(raw.len()), 0);
                let n = self.sn.compress(&raw, &mut b[from..]).unwrap();
                b.truncate(from + n);
            }
            3 => {
                // a frame of independent 64 KiB blocks without checksums, as
                // KafkaProducer writes it; 0x82 is the checksum of this header
                b.extend_from_slice(&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
                for block in raw.chunks(64 << 10) {
                    let from = b.len() + 4;
                    let bound = lz4::block::compress_bound(block.len()).unwrap();
                    b.resize(from + bound, 0);
                    let mut n = lz4::block::compress_to_buffer(block, None, false, &mut b[from..])
                        .unwrap() as u32;
                    b.truncate(from + n as usize);
                    if n as usize >= block.len() {
                        b.truncate(from);
                        b.extend_from_slice(block);
                        n = block.len() as u32 | 1 << 31;
                    }
                    b[from - 4..from].copy_from_slice(&n.to_le_bytes());
                }
                b.extend_from_slice(&[0; 4]);
            }
            _ => {
                let z = self.z.as_mut().unwrap();
                let from = b.len();
                b.resize(from + zstd::zstd_safe::compress_bound(raw.len()), 0);
                let n = z.compress_to_buffer(&raw, &mut b[from..]).unwrap();
                b.truncate(from + n);
            }
        }
        self.raw = raw;
    }

    /// Closes the batch and hands it to a broker with room for one more request.
    fn send(&mut self) {
        let Some(mut o) = self.open.take() else {
            return;
        };
        let i = loop {
            let n = self.brokers.len();
            let f = (0..n).map(|k| (self.turn + k) % n).find(|i| {
                let b = &self.brokers[*i];
                b.flying.len() + b.out.len() < self.a.max_in_flight
            });
            if let Some(i) = f {
                break i;
            }
            self.turn(1_000_000_000);
        };
        self.turn = i + 1;
        let b = &mut self.brokers[i];
        let part = b.parts[b.next];
        b.next = (b.next + 1) % b.parts.len();
        let at = o.at;
        if self.codec != 0 {
            self.compress(&mut o.b, at + 61);
        }
        let b = &mut self.brokers[i];
        let n = o.b.len() - at;
        self.corr += 1;
        let w = &mut o.b;
        let p32 = |w: &mut Vec<u8>, p: usize, v: i32| w[p..p + 4].copy_from_slice(&v.to_be_bytes());
        let p64 = |w: &mut Vec<u8>, p: usize, v: i64| w[p..p + 8].copy_from_slice(&v.to_be_bytes());
        p32(w, 8, self.corr);
        p32(w, at - 8, part as i32);
        p32(w, at - 4, n as i32);
        p32(w, at + 8, n as i32 - 12);
        p32(w, at + 12, -1);
        w[at + 16] = 2;
        w[at + 21..at + 23].copy_from_slice(&self.codec.to_be_bytes());
        p32(w, at + 23, o.count - 1);
        p64(w, at + 27, o.first_ms);
        p64(w, at + 35, o.last_ms);
        p64(w, at + 43, self.pid);
        let (epoch, seq) = if self.pid < 0 {
            (-1i16, -1)
        } else {
            (0, self.seq[part])
        };
        self.seq[part] = self.seq[part].wrapping_add(o.count) & i32::MAX;
        w[at + 51..at + 53].copy_from_slice(&epoch.to_be_bytes());
        p32(w, at + 53, seq);
        p32(w, at + 57, o.count);
        let crc = crc32c::crc32c(&w[at + 21..]);
        p32(w, at + 17, crc as i32);
        close(w);
        b.out.push_back((
            o.b,
            0,
            Sent {
                count: o.count as u64,
                stamps: o.stamps,
            },
        ));
        self.write(i);
    }

    /// How many records are due, at `rate` from `base` on.
    fn ready(&self, base: u64, rate: u64) -> u64 {
        ((self.now() - base) as u128 * rate as u128 / 1_000_000_000) as u64 + 1
    }

    /// Sends the open batch if it has lingered; else waits for that, for answers, or until `due`.
    fn idle(&mut self, due: u64, linger: u64) {
        let now = self.now();
        let lingered = self.open.as_ref().map(|o| o.opened + linger);
        if lingered.is_some_and(|at| at <= now) {
            return self.send();
        }
        let until = lingered.map_or(due, |at| at.min(due));
        if until > now {
            self.turn(until - now);
        }
    }

    fn run(&mut self, n: u64, vals: &[Vec<u8>], ks: &[Vec<u8>], stamped: bool, late: &mut Hist) {
        let done = self.acked + n;
        let linger = (self.a.linger_ms * 1e6) as u64;
        let mut p = 0;
        let base = self.now();
        let rate = if stamped { self.a.rate } else { 0 };
        let due = |i: u64| base + (i as u128 * 1_000_000_000 / rate as u128) as u64;
        // Records before this one are known to be due: the clock is read once for all of them.
        let mut ready = 0;
        let mut next_stamp = if stamped { 0 } else { u64::MAX };
        let mut i = 0;
        while i < n {
            while rate > 0 && i >= ready {
                ready = self.ready(base, rate);
                if i >= ready {
                    self.idle(due(i), linger);
                }
            }
            let mut stamp = 0;
            if i == next_stamp {
                next_stamp += self.stamp_every;
                stamp = self.now();
                if rate > 0 {
                    late.add(stamp.saturating_sub(due(i)));
                    stamp = due(i).max(1);
                }
            }
            let k = if self.a.key_size > 0 {
                Some(&ks[p][..])
            } else {
                None
            };
            while !self.put(k, &vals[p], stamp) {
                self.send();
                self.turn(0);
            }
            p = if p + 1 == vals.len() { 0 } else { p + 1 };
            i += 1;
        }
        self.send();
        while self.acked < done {
            self.turn(1_000_000_000);
        }
    }
}

fn brokers(leaders: &[String]) -> Vec<Broker> {
    let mut brokers: Vec<(String, Broker)> = Vec::new();
    for (p, l) in leaders.iter().enumerate() {
        if let Some(x) = brokers.iter_mut().find(|x| x.0 == *l) {
            x.1.parts.push(p);
            continue;
        }
        let s = connect(l);
        s.set_nonblocking(true).unwrap();
        brokers.push((
            l.clone(),
            Broker {
                fd: s.as_raw_fd(),
                s,
                parts: vec![p],
                next: 0,
                out: VecDeque::new(),
                flying: VecDeque::new(),
                inb: Vec::new(),
            },
        ));
    }
    brokers.into_iter().map(|x| x.1).collect()
}

fn main() {
    let a = Args::parse();
    let (vals, ks) = (values(&a), keys(&a));
    let (mut s, leaders) = metadata(&a);
    let pid = if a.idempotence {
        producer_id(&mut s)
    } else {
        -1
    };
    let brokers = brokers(&leaders);
    let codec = ["none", "gzip", "snappy", "lz4", "zstd"]
        .iter()
        .position(|c| *c == a.compression)
        .expect("--compression") as i16;
    let every = if a.rate > 0 { 1 } else { SAMPLE_MASK + 1 };
    let stamp_every = a.x("timed-every", &every.to_string());
    let stamp_every = stamp_every.parse().expect("--x-timed-every");
    let mut f = Floor {
        a: &a,
        t0: Instant::now(),
        brokers,
        turn: 0,
        seq: vec![0; leaders.len()],
        pid,
        corr: 0,
        codec,
        pool: Vec::new(),
        stamp_pool: Vec::new(),
        sn: snap::raw::Encoder::new(),
        gz: (codec == 1)
            .then(|| libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap())),
        raw: Vec::new(),
        z: (codec == 4).then(|| zstd::bulk::Compressor::new(3).unwrap()),
        open: None,
        acked: 0,
        errors: 0,
        stamp_every,
        hist: Hist::default(),
    };
    let mut late = Hist::default();
    f.run(a.warmup, &vals, &ks, false, &mut late);
    f.errors = 0;
    f.hist.clear();
    late.clear();
    let from = usage();
    f.run(a.records, &vals, &ks, true, &mut late);
    let to = usage();
    let (hist, errors) = (std::mem::take(&mut f.hist), f.errors);
    Report {
        client: "floor", version: env!("CARGO_PKG_VERSION"), records: a.records, errors, from, to,
        lat: &hist, late: &late, fnv: fnv(&vals),
        notes: "one thread; keys do not choose the partition; no retries, no memory limit but max-in-flight batches",
    }
    .print(&a);
}
