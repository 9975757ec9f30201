//! One connection: where in the stream it stands, and what is still to be written to it.

use crate::system::{again, ctl};

/// Where in a Produce request the stream stands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum At {
    Size,
    Whole,
    Topic,
    Partition,
    PartitionEnd,
    TopicEnd,
}

pub(crate) struct Produce {
    pub(crate) ver: i16,
    pub(crate) corr: i32,
    pub(crate) acks: i16,
    pub(crate) topics: i64,
    pub(crate) parts: i64,
    /// (name or id, [(partition, offset)])
    pub(crate) resp: Vec<(Vec<u8>, Vec<(i32, i64)>)>,
}

pub(crate) struct Conn {
    pub(crate) fd: i32,
    pub(crate) buf: Vec<u8>,
    pub(crate) beg: usize,
    pub(crate) end: usize,
    /// bytes of the current request that are not parsed yet
    pub(crate) left: usize,
    /// of these, record bytes to drop
    pub(crate) skip: usize,
    pub(crate) at: At,
    pub(crate) pr: Produce,
    pub(crate) out: Vec<u8>,
    pub(crate) out_pos: usize,
    pub(crate) want_write: bool,
    pub(crate) in_flight: u64,
}

impl Conn {
    pub(crate) fn new(fd: i32) -> Conn {
        Conn {
            fd,
            buf: vec![0; BUF],
            beg: 0,
            end: 0,
            left: 0,
            skip: 0,
            at: At::Size,
            pr: Produce {
                ver: 0,
                corr: 0,
                acks: 0,
                topics: 0,
                parts: 0,
                resp: Vec::new(),
            },
            out: Vec::new(),
            out_pos: 0,
            want_write: false,
            in_flight: 0,
        }
    }
}

pub(crate) const BUF: usize = 8 << 10;

pub(crate) fn flush(ep: i32, id: u64, c: &mut Conn) -> bool {
    while c.out_pos < c.out.len() {
        let b = &c.out[c.out_pos..];
        let r = unsafe { libc::send(c.fd, b.as_ptr() as *const _, b.len(), libc::MSG_NOSIGNAL) };
        if r < 0 {
            if !again(r) {
                return false;
            }
            break;
        }
        c.out_pos += r as usize;
    }
    let pending = c.out_pos < c.out.len();
    if !pending {
        c.out.clear();
        c.out_pos = 0;
    }
    if pending != c.want_write {
        c.want_write = pending;
        let ev = libc::EPOLLIN | if pending { libc::EPOLLOUT } else { 0 };
        ctl(ep, libc::EPOLL_CTL_MOD, c.fd, ev as u32, id);
    }
    true
}
