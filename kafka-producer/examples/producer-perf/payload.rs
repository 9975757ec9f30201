//! The bytes that are sent: pools of values and keys, the same in every program that measures.

use std::fmt::Write as _;

/// What values are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Payload {
    /// Bytes that do not compress.
    Random,
    /// Lines of a log, as JSON.
    Text,
}

/// Values and keys, cycled.
pub(crate) struct Pools {
    values: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
}

impl Pools {
    pub(crate) fn new(payload: Payload, size: usize, key_size: usize) -> Self {
        let mut random = SplitMix64(42);
        let mut value = |index| {
            let mut value = match payload {
                Payload::Random => random.bytes(size),
                Payload::Text => log_line(&mut random, index, size),
            };
            // What growing it left over would be counted as the producer's.
            value.shrink_to_fit();
            value
        };
        let count = POOL.min(POOL_BYTES / size.max(1) as u64).max(1);
        let values = (0..count).map(&mut value).collect();
        let mut random = SplitMix64(7);
        let keys = match key_size {
            0 => Vec::new(),
            _ => (0..count).map(|_| random.hex(key_size)).collect(),
        };
        Self { values, keys }
    }

    /// Keys and values, one after the other and for ever, as if `index` had been sent before.
    pub(crate) fn from(&self, index: u64) -> Cycle<'_> {
        let count = self.values.len() as u64;
        Cycle {
            pools: self,
            place: (index % count) as usize,
        }
    }

    /// FNV-1a over the first hundred values: equal wherever the same is sent.
    pub(crate) fn fnv(&self) -> u64 {
        let bytes = self.values.iter().take(100).flatten();
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        })
    }
}

/// A place in the pools.
pub(crate) struct Cycle<'a> {
    pools: &'a Pools,
    place: usize,
}

impl<'a> Cycle<'a> {
    /// Key and value of the next record. Nothing is divided: this is part of what is measured.
    pub(crate) fn record(&mut self) -> (Option<&'a [u8]>, &'a [u8]) {
        let place = self.place;
        self.place = if place + 1 == self.pools.values.len() {
            0
        } else {
            place + 1
        };
        let key = self.pools.keys.get(place).map(Vec::as_slice);
        (key, &self.pools.values[place])
    }
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size + 8);
        while bytes.len() < size {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(size);
        bytes
    }

    fn hex(&mut self, size: usize) -> Vec<u8> {
        let mut text = String::new();
        while text.len() < size {
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(size);
        text.into_bytes()
    }
}

/// A line as services log them; the order of the draws is part of the contract.
fn log_line(random: &mut SplitMix64, index: u64, size: usize) -> Vec<u8> {
    let n = random.next();
    let trace = random.next();
    let user = random.next() % 100_000;
    let latency = random.next() % 50_000;
    let pick = |shift: u32, count: u64| ((n >> shift) % count) as usize;
    let mut line = format!(
        "{{\"ts\":{},\"level\":\"{}\",\"service\":\"{}\",\"host\":\"node-{}\",\
         \"trace\":\"{trace:016x}\",\"user\":{user},\"latency_us\":{latency},\"path\":\"{}\",\
         \"status\":{},\"msg\":\"",
        1_760_000_000_000 + index * 37 + n % 37,
        LEVELS[pick(8, 4)],
        SERVICES[pick(16, 8)],
        pick(24, 64),
        PATHS[pick(32, 8)],
        STATUS[pick(40, 4)],
    );
    let body = size.saturating_sub(2);
    while line.len() < body {
        line.push_str(WORDS[(random.next() % 32) as usize]);
        line.push(' ');
    }
    line.truncate(body);
    line.push_str("\"}");
    line.truncate(size);
    line.into_bytes()
}

const POOL: u64 = 10_000;
/// Large values are fewer, so that the pool does not dwarf what is measured.
const POOL_BYTES: u64 = 100_000_000;
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
const STATUS: [u16; 4] = [200, 200, 200, 404];
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
