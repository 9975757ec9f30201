//! Every answer but that of Produce: who is there, what is spoken, a producer id.

use crate::Sink;
use crate::reading::Cur;
use crate::writing::W;

fn topic_id(name: &[u8]) -> [u8; 16] {
    let mut id = [0u8; 16];
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for b in name {
        h = (h ^ *b as u64).wrapping_mul(0x100_0000_01b3);
    }
    id[..8].copy_from_slice(&h.to_be_bytes());
    id[8..].copy_from_slice(&h.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id
}

const APIS: [(i16, i16, i16); 7] = [
    (0, 0, 13),
    (1, 0, 17),
    (2, 0, 10),
    (3, 0, 12),
    (10, 0, 2),
    (18, 0, 4),
    (22, 0, 4),
];

impl Sink {
    /// Any request but Produce; None: cut short, or not spoken here.
    pub(crate) fn other(&mut self, b: &[u8]) -> Option<Vec<u8>> {
        let mut k = Cur { b, p: 0 };
        let (key, ver, corr) = (k.i16()?, k.i16()?, k.i32()?);
        k.str(false)?;
        match key {
            18 => Some(self.api_versions(ver, corr)),
            3 => self.metadata(ver, corr, k),
            22 => Some(self.init_producer_id(ver, corr)),
            10 => Some(self.find_coordinator(ver, corr)),
            _ => {
                eprintln!("sink: request key {key} version {ver} is not spoken here");
                None
            }
        }
    }

    fn api_versions(&self, ver: i16, corr: i32) -> Vec<u8> {
        // the header of an ApiVersions response is always version 0,
        // and a version that is too new is answered in version 0
        let bad = ver > 4;
        let flex = ver >= 3 && !bad;
        let mut w = W::new(corr, false, flex);
        w.i16(if bad { 35 } else { 0 });
        w.arr(APIS.len());
        for (a, lo, hi) in APIS {
            w.i16(a);
            w.i16(lo);
            w.i16(if a == 0 {
                hi.min(self.o.produce_max)
            } else {
                hi
            });
            w.tags();
        }
        if ver >= 1 && !bad {
            w.i32(0);
        }
        w.tags();
        w.done()
    }

    fn metadata(&mut self, ver: i16, corr: i32, mut k: Cur<'_>) -> Option<Vec<u8>> {
        let flex = ver >= 9;
        k.tags(flex)?;
        let n = k.arr(flex)?;
        let mut ask: Vec<Vec<u8>> = Vec::new();
        for _ in 0..n.max(0) {
            let mut id = [0u8; 16];
            if ver >= 10 {
                id.copy_from_slice(k.take(16)?);
            }
            match k.str(flex)? {
                Some(s) => ask.push(s.to_vec()),
                None => {
                    if let Some(s) = self.names.get(&id) {
                        ask.push(s.clone())
                    }
                }
            }
            k.tags(flex)?;
        }
        let all = if ver == 0 { n <= 0 } else { n < 0 };
        if all {
            ask = self.names.values().cloned().collect();
        }
        Some(self.cluster(ver, corr, ask))
    }

    fn cluster(&mut self, ver: i16, corr: i32, ask: Vec<Vec<u8>>) -> Vec<u8> {
        let flex = ver >= 9;
        let mut w = W::new(corr, flex, flex);
        if ver >= 3 {
            w.i32(0);
        }
        w.arr(self.o.brokers as usize);
        for i in 0..self.o.brokers {
            w.i32(i + 1);
            let h = self.o.host.clone();
            w.str(Some(h.as_bytes()));
            w.i32(self.o.port as i32 + i);
            if ver >= 1 {
                w.str(None);
            }
            w.tags();
        }
        if ver >= 2 {
            w.str(Some(b"sink"));
        }
        if ver >= 1 {
            w.i32(1);
        }
        w.arr(ask.len());
        for name in &ask {
            self.topic(&mut w, ver, name);
        }
        if (8..=10).contains(&ver) {
            w.i32(i32::MIN);
        }
        w.tags();
        w.done()
    }

    fn topic(&mut self, w: &mut W, ver: i16, name: &[u8]) {
        let id = topic_id(name);
        self.names.insert(id, name.to_vec());
        w.i16(0);
        w.str(Some(name));
        if ver >= 10 {
            w.b.extend_from_slice(&id);
        }
        if ver >= 1 {
            w.i8(0);
        }
        w.arr(self.o.partitions as usize);
        for p in 0..self.o.partitions {
            let leader = p % self.o.brokers + 1;
            w.i16(0);
            w.i32(p);
            w.i32(leader);
            if ver >= 7 {
                w.i32(0);
            }
            w.arr(1);
            w.i32(leader);
            w.arr(1);
            w.i32(leader);
            if ver >= 5 {
                w.arr(0);
            }
            w.tags();
        }
        if ver >= 8 {
            w.i32(i32::MIN);
        }
        w.tags();
    }

    fn init_producer_id(&mut self, ver: i16, corr: i32) -> Vec<u8> {
        let flex = ver >= 2;
        let mut w = W::new(corr, flex, flex);
        w.i32(0);
        w.i16(0);
        self.next_pid += 1;
        w.i64(self.next_pid);
        w.i16(0);
        w.tags();
        w.done()
    }

    fn find_coordinator(&self, ver: i16, corr: i32) -> Vec<u8> {
        let mut w = W::new(corr, false, false);
        if ver >= 1 {
            w.i32(0);
        }
        w.i16(0);
        if ver >= 1 {
            w.str(None);
        }
        w.i32(1);
        let h = self.o.host.clone();
        w.str(Some(h.as_bytes()));
        w.i32(self.o.port as i32);
        w.done()
    }
}
