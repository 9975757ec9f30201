//! The place of TLS in a build without it: no connection is ever secured.

#![expect(
    clippy::needless_pass_by_ref_mut,
    reason = "the signatures are those of tls.rs"
)]

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::socket::{Failure, Socket, Turn};
use crate::security::TlsConfig;

/// There is none.
pub(crate) enum Handshake {}

/// There is none.
pub(crate) enum Secured {}

impl Handshake {
    pub(crate) fn begin(_: Socket, _: &str, config: TlsConfig) -> Result<Self, Failure> {
        match config {}
    }

    pub(crate) fn poll(&mut self, _: &mut Context<'_>) -> Poll<Result<Secured, Failure>> {
        match *self {}
    }
}

impl Secured {
    pub(super) fn poll_read(
        &mut self,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match *self {}
    }

    pub(super) fn write(
        &mut self,
        _: &[IoSlice<'_>],
        _: &mut impl Turn,
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }

    pub(super) fn is_flushed(&self) -> bool {
        match *self {}
    }

    pub(super) fn is_foreign(&self) -> bool {
        match *self {}
    }

    pub(super) fn flush(&mut self, _: &mut impl Turn) -> Poll<io::Result<()>> {
        match *self {}
    }

    pub(super) fn explain(&mut self, _: &io::Error) -> Failure {
        match *self {}
    }
}
