//! What the floor writes and reads by hand: request headers, Metadata 4, InitProducerId 1, varints.
use peer_contract::Args;
use std::io::{Read, Write};
use std::net::TcpStream;

pub fn be16(b: &mut Vec<u8>, v: i16) {
    b.extend_from_slice(&v.to_be_bytes())
}
pub fn be32(b: &mut Vec<u8>, v: i32) {
    b.extend_from_slice(&v.to_be_bytes())
}
pub fn str16(b: &mut Vec<u8>, s: &str) {
    be16(b, s.len() as i16);
    b.extend_from_slice(s.as_bytes())
}

pub struct R<'a>(pub &'a [u8], pub usize);
impl<'a> R<'a> {
    pub fn n(&mut self, n: usize) -> &'a [u8] {
        let r = &self.0[self.1..self.1 + n];
        self.1 += n;
        r
    }
    pub fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.n(2).try_into().unwrap())
    }
    pub fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.n(4).try_into().unwrap())
    }
    pub fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.n(8).try_into().unwrap())
    }
    pub fn str(&mut self) -> String {
        let n = self.i16();
        if n < 0 {
            String::new()
        } else {
            String::from_utf8_lossy(self.n(n as usize)).into()
        }
    }
}

pub fn header(b: &mut Vec<u8>, key: i16, ver: i16, corr: i32) {
    be32(b, 0);
    be16(b, key);
    be16(b, ver);
    be32(b, corr);
    str16(b, "floor");
}
pub fn close(b: &mut [u8]) {
    let n = b.len() as i32 - 4;
    b[..4].copy_from_slice(&n.to_be_bytes());
}
pub fn call(s: &mut TcpStream, mut b: Vec<u8>) -> Vec<u8> {
    close(&mut b);
    s.write_all(&b).unwrap();
    let mut l = [0; 4];
    s.read_exact(&mut l).unwrap();
    let mut r = vec![0; i32::from_be_bytes(l) as usize];
    s.read_exact(&mut r).unwrap();
    r
}
pub fn connect(addr: &str) -> TcpStream {
    let s = TcpStream::connect(addr).unwrap_or_else(|e| panic!("{addr}: {e}"));
    s.set_nodelay(true).unwrap();
    s
}

/// (address of the leader of each partition)
pub fn metadata(a: &Args) -> (TcpStream, Vec<String>) {
    let mut s = connect(a.bootstrap.split(',').next().unwrap());
    for _ in 0..100 {
        let mut b = Vec::new();
        header(&mut b, 3, 4, 1);
        be32(&mut b, 1);
        str16(&mut b, &a.topic);
        b.push(1);
        let r = call(&mut s, b);
        let mut r = R(&r, 8);
        let mut brokers = std::collections::HashMap::new();
        for _ in 0..r.i32() {
            let (id, host, port) = (r.i32(), r.str(), r.i32());
            r.str();
            brokers.insert(id, format!("{host}:{port}"));
        }
        r.str();
        r.i32();
        let mut parts: Vec<(i32, String)> = Vec::new();
        let mut ok = true;
        for _ in 0..r.i32() {
            ok &= r.i16() == 0;
            r.str();
            r.n(1);
            for _ in 0..r.i32() {
                r.i16();
                let (p, l) = (r.i32(), r.i32());
                let n = r.i32() as usize;
                r.n(4 * n);
                let n = r.i32() as usize;
                r.n(4 * n);
                match brokers.get(&l) {
                    Some(x) => parts.push((p, x.clone())),
                    None => ok = false,
                }
            }
        }
        if ok && !parts.is_empty() {
            parts.sort();
            return (s, parts.into_iter().map(|x| x.1).collect());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no metadata of {}", a.topic)
}

#[inline]
pub fn varint(b: &mut Vec<u8>, v: i64) {
    let mut z = ((v << 1) ^ (v >> 63)) as u64;
    while z >= 128 {
        b.push(z as u8 | 128);
        z >>= 7;
    }
    b.push(z as u8);
}
#[inline]
pub fn vlen(v: i64) -> usize {
    let z = ((v << 1) ^ (v >> 63)) as u64;
    (70 - (z | 1).leading_zeros() as usize) / 7
}

pub fn producer_id(s: &mut TcpStream) -> i64 {
    for _ in 0..100 {
        let mut b = Vec::new();
        header(&mut b, 22, 1, 2);
        be16(&mut b, -1);
        be32(&mut b, 60_000);
        let r = call(s, b);
        let mut r = R(&r, 8);
        if r.i16() == 0 {
            return r.i64();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no producer id")
}
