//! Reading from bytes that may end too early: then every getter gives None.

/// A place in a slice.
pub(crate) struct Cur<'a> {
    pub(crate) b: &'a [u8],
    pub(crate) p: usize,
}
impl<'a> Cur<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let r = self.b.get(self.p..self.p.checked_add(n)?)?;
        self.p += n;
        Some(r)
    }
    pub(crate) fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().unwrap()))
    }
    pub(crate) fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().unwrap()))
    }
    pub(crate) fn uvar(&mut self) -> Option<u32> {
        let (mut v, mut s) = (0u32, 0);
        loop {
            let b = self.take(1)?[0];
            v |= ((b & 127) as u32) << s;
            if b < 128 {
                return Some(v);
            }
            s += 7;
            if s > 28 {
                return Some(v);
            }
        }
    }
    /// Nullable string; outer None: too few bytes.
    pub(crate) fn str(&mut self, flex: bool) -> Option<Option<&'a [u8]>> {
        let n = if flex {
            self.uvar()? as i64 - 1
        } else {
            self.i16()? as i64
        };
        if n < 0 {
            return Some(None);
        }
        Some(Some(self.take(n as usize)?))
    }
    pub(crate) fn arr(&mut self, flex: bool) -> Option<i64> {
        Some(if flex {
            self.uvar()? as i64 - 1
        } else {
            self.i32()? as i64
        })
    }
    pub(crate) fn tags(&mut self, flex: bool) -> Option<()> {
        if flex {
            for _ in 0..self.uvar()? {
                self.uvar()?;
                let n = self.uvar()?;
                self.take(n as usize)?;
            }
        }
        Some(())
    }
}
