//! Writing one response, in the classic or the flexible way.

pub(crate) struct W {
    pub(crate) b: Vec<u8>,
    pub(crate) flex: bool,
}
impl W {
    /// A response: length slot, correlation id, header tags.
    pub(crate) fn new(corr: i32, flex_header: bool, flex: bool) -> W {
        let mut w = W {
            b: Vec::with_capacity(256),
            flex,
        };
        w.i32(0);
        w.i32(corr);
        if flex_header {
            w.b.push(0);
        }
        w
    }
    pub(crate) fn i8(&mut self, v: i8) {
        self.b.push(v as u8)
    }
    pub(crate) fn i16(&mut self, v: i16) {
        self.b.extend_from_slice(&v.to_be_bytes())
    }
    pub(crate) fn i32(&mut self, v: i32) {
        self.b.extend_from_slice(&v.to_be_bytes())
    }
    pub(crate) fn i64(&mut self, v: i64) {
        self.b.extend_from_slice(&v.to_be_bytes())
    }
    pub(crate) fn uvar(&mut self, mut v: u32) {
        while v >= 128 {
            self.b.push(v as u8 | 128);
            v >>= 7;
        }
        self.b.push(v as u8)
    }
    pub(crate) fn str(&mut self, s: Option<&[u8]>) {
        match (self.flex, s) {
            (true, None) => self.uvar(0),
            (false, None) => self.i16(-1),
            (true, Some(s)) => self.uvar(s.len() as u32 + 1),
            (false, Some(s)) => self.i16(s.len() as i16),
        }
        if let Some(s) = s {
            self.b.extend_from_slice(s)
        }
    }
    pub(crate) fn arr(&mut self, n: usize) {
        if self.flex {
            self.uvar(n as u32 + 1)
        } else {
            self.i32(n as i32)
        }
    }
    pub(crate) fn tags(&mut self) {
        if self.flex {
            self.b.push(0)
        }
    }
    pub(crate) fn done(mut self) -> Vec<u8> {
        let n = (self.b.len() - 4) as i32;
        self.b[..4].copy_from_slice(&n.to_be_bytes());
        self.b
    }
}
