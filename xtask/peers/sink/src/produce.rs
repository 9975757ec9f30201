//! The stream of requests, parsed as it comes. Of a Produce request only what frames it is read:
//! record bytes are dropped inside the kernel (MSG_TRUNC) instead of being copied out.

use std::collections::HashMap;

use crate::Sink;
use crate::connection::{At, BUF, Conn, Produce, flush};
use crate::reading::Cur;
use crate::system::{again, arm, now_ns};
use crate::writing::W;

impl Sink {
    /// True: go on; false: this connection is finished.
    pub(crate) fn readable(&mut self, id: u64) -> bool {
        let mut c = self.conns.remove(&id).unwrap();
        let ok = self.pump(id, &mut c) && flush(self.ep, id, &mut c);
        if ok {
            self.conns.insert(id, c);
        } else {
            unsafe { libc::close(c.fd) };
        }
        ok
    }

    fn pump(&mut self, id: u64, c: &mut Conn) -> bool {
        // Give way to other connections after so many reads, but only where all
        // that was read is parsed: nothing would wake us for bytes in our buffer.
        let mut reads = 64;
        loop {
            // drop record bytes
            if c.skip > 0 {
                let n = c.skip.min(c.end - c.beg);
                c.beg += n;
                c.skip -= n;
                c.left -= n;
                if c.skip > 0 {
                    if reads == 0 {
                        return true;
                    }
                    reads -= 1;
                    let r =
                        unsafe { libc::recv(c.fd, std::ptr::null_mut(), c.skip, libc::MSG_TRUNC) };
                    if r <= 0 {
                        return again(r);
                    }
                    self.t.bytes_in += r as u64;
                    c.skip -= r as usize;
                    c.left -= r as usize;
                    continue;
                }
            }
            if c.beg == c.end {
                c.beg = 0;
                c.end = 0;
            }
            // without tags nothing follows a partition: wait for no byte then
            let none_needed = c.at == At::PartitionEnd && c.pr.ver < 9;
            if c.end > c.beg || none_needed {
                match self.step(id, c) {
                    Some(true) => continue,
                    Some(false) => return false,
                    None => {}
                }
            }
            if reads == 0 {
                return true;
            }
            reads -= 1;
            // more bytes are needed; a request taken whole may exceed the buffer
            if c.beg > 0 && c.buf.len() - c.end < BUF / 2 {
                c.buf.copy_within(c.beg..c.end, 0);
                c.end -= c.beg;
                c.beg = 0;
            }
            if c.end == c.buf.len() {
                let n = c.buf.len() * 2;
                c.buf.resize(n, 0);
            }
            let r = unsafe {
                libc::recv(
                    c.fd,
                    c.buf.as_mut_ptr().add(c.end) as *mut _,
                    c.buf.len() - c.end,
                    0,
                )
            };
            if r <= 0 {
                return again(r);
            }
            self.t.bytes_in += r as u64;
            c.end += r as usize;
        }
    }

    /// One element of the stream. None: more bytes are needed.
    fn step(&mut self, id: u64, c: &mut Conn) -> Option<bool> {
        match c.at {
            At::Size => self.begin(id, c),
            At::Whole => self.whole(c),
            At::Topic => begin_topic(c),
            At::Partition => self.partition(c),
            At::PartitionEnd => {
                let flex = c.pr.ver >= 9;
                let mut k = Cur {
                    b: &c.buf[c.beg..c.end],
                    p: 0,
                };
                k.tags(flex)?;
                c.left -= k.p;
                c.beg += k.p;
                Some(self.partition_end(id, c))
            }
            At::TopicEnd => self.tags_after_topic(id, c),
        }
    }

    fn begin(&mut self, id: u64, c: &mut Conn) -> Option<bool> {
        let data = &c.buf[c.beg..c.end];
        let mut k = Cur { b: data, p: 0 };
        let n = k.i32()?;
        let key = k.i16()?;
        if n < 8 {
            return Some(false);
        }
        if key != 0 {
            c.left = n as usize;
            c.beg += 4;
            c.at = At::Whole;
            return Some(true);
        }
        let ver = k.i16()?;
        let flex = ver >= 9;
        let corr = k.i32()?;
        k.str(false)?; // the client id stays a classic string
        k.tags(flex)?;
        if ver >= 3 {
            k.str(flex)?;
        }
        let acks = k.i16()?;
        k.i32()?;
        let topics = k.arr(flex)?;
        c.pr = Produce {
            ver,
            corr,
            acks,
            topics,
            parts: 0,
            resp: Vec::with_capacity(1),
        };
        c.left = n as usize + 4 - k.p;
        c.beg += k.p;
        c.at = At::Topic;
        self.t.requests += 1;
        if acks != 0 {
            c.in_flight += 1;
            self.t.max_in_flight = self.t.max_in_flight.max(c.in_flight);
        }
        if c.pr.topics <= 0 {
            return Some(self.end_produce(id, c));
        }
        Some(true)
    }

    fn whole(&mut self, c: &mut Conn) -> Option<bool> {
        if c.end - c.beg < c.left {
            return None;
        }
        let n = c.left;
        let (b, e) = (c.beg, c.beg + n);
        let Some(resp) = self.other(&c.buf[b..e]) else {
            return Some(false);
        };
        c.beg = e;
        c.left = 0;
        c.at = At::Size;
        c.out.extend_from_slice(&resp);
        Some(true)
    }

    fn partition(&mut self, c: &mut Conn) -> Option<bool> {
        let data = &c.buf[c.beg..c.end];
        let flex = c.pr.ver >= 9;
        let mut k = Cur { b: data, p: 0 };
        let part = k.i32()?;
        let n = k.arr(flex)?.max(0) as usize;
        let body = k.p;
        let head = k.take(n.min(61))?;
        let mut count = 0;
        if head.len() == 61 && head[16] == 2 {
            count = i32::from_be_bytes(head[57..61].try_into().unwrap()) as i64;
            self.t.batches += 1;
        }
        self.t.partitions += 1;
        self.t.records += count as u64;
        self.t.record_bytes += n as u64;
        let (name, parts) = c.pr.resp.last_mut().unwrap();
        if !self.offsets.contains_key(name) {
            self.offsets.insert(name.clone(), HashMap::new());
        }
        let o = self.offsets.get_mut(name).unwrap().entry(part).or_insert(0);
        parts.push((part, *o));
        *o += count;
        c.left -= body;
        c.beg += body;
        c.skip = n;
        c.at = At::PartitionEnd;
        Some(true)
    }

    fn tags_after_topic(&mut self, id: u64, c: &mut Conn) -> Option<bool> {
        let data = &c.buf[c.beg..c.end];
        let flex = c.pr.ver >= 9;
        // topic tags, and after the last topic those of the request
        let mut k = Cur { b: data, p: 0 };
        k.tags(flex)?;
        if c.pr.topics == 1 {
            k.tags(flex)?;
        }
        c.left -= k.p;
        c.beg += k.p;
        Some(self.topic_end(id, c))
    }

    fn partition_end(&mut self, id: u64, c: &mut Conn) -> bool {
        c.pr.parts -= 1;
        if c.pr.parts > 0 {
            c.at = At::Partition;
            return true;
        }
        if c.pr.ver >= 9 {
            c.at = At::TopicEnd;
            return true;
        }
        self.topic_end(id, c)
    }
    fn topic_end(&mut self, id: u64, c: &mut Conn) -> bool {
        c.pr.topics -= 1;
        if c.pr.topics > 0 {
            c.at = At::Topic;
            return true;
        }
        self.end_produce(id, c)
    }

    fn end_produce(&mut self, id: u64, c: &mut Conn) -> bool {
        c.at = At::Size;
        let (p, ver) = (&c.pr, c.pr.ver);
        if p.acks == 0 {
            return true;
        }
        let flex = ver >= 9;
        let mut w = W::new(p.corr, flex, flex);
        w.arr(p.resp.len());
        for (name, parts) in &p.resp {
            if ver >= 13 {
                w.b.extend_from_slice(name);
            } else {
                w.str(Some(name));
            }
            w.arr(parts.len());
            for (i, off) in parts {
                w.i32(*i);
                w.i16(0);
                w.i64(*off);
                if ver >= 2 {
                    w.i64(-1);
                }
                if ver >= 5 {
                    w.i64(0);
                }
                if ver >= 8 {
                    w.arr(0);
                    w.str(None);
                }
                w.tags();
            }
            w.tags();
        }
        if ver >= 1 {
            w.i32(0);
        }
        w.tags();
        let r = w.done();
        if self.o.delay_us == 0 {
            c.in_flight -= 1;
            c.out.extend_from_slice(&r);
        } else {
            let at = now_ns() + self.o.delay_us * 1000;
            self.delayed.push_back((at, id, r));
            if self.delayed.len() == 1 {
                arm(self.timer, at);
            }
        }
        true
    }

    pub(crate) fn fire(&mut self) {
        let mut x = [0u8; 8];
        unsafe { libc::read(self.timer, x.as_mut_ptr() as *mut _, 8) };
        let now = now_ns();
        while let Some((at, _, _)) = self.delayed.front() {
            if *at > now {
                arm(self.timer, *at);
                return;
            }
            let (_, id, r) = self.delayed.pop_front().unwrap();
            if let Some(mut c) = self.conns.remove(&id) {
                c.in_flight -= 1;
                c.out.extend_from_slice(&r);
                if flush(self.ep, id, &mut c) {
                    self.conns.insert(id, c);
                } else {
                    unsafe { libc::close(c.fd) };
                }
            }
        }
    }
}

fn begin_topic(c: &mut Conn) -> Option<bool> {
    let data = &c.buf[c.beg..c.end];
    let flex = c.pr.ver >= 9;
    let mut k = Cur { b: data, p: 0 };
    let name = if c.pr.ver >= 13 {
        k.take(16)?
    } else {
        k.str(flex)??
    };
    let n = k.arr(flex)?;
    c.pr.resp
        .push((name.to_vec(), Vec::with_capacity(n.max(0) as usize)));
    c.pr.parts = n;
    c.left -= k.p;
    c.beg += k.p;
    c.at = if n > 0 { At::Partition } else { At::TopicEnd };
    Some(true)
}
