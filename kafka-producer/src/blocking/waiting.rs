//! How a call blocks its thread: not at all where only that thread could end the wait.

use std::future::Future;

use crate::append::NotAppended;
use crate::delivery::{OutcomeCallback, SendReceipt};
use crate::error::{InCallback, SendError};
use crate::own_thread;
use crate::pending::PendingRecord;
use crate::record::ProducerRecord;
use crate::send::RecordSender;

/// Blocks the thread until `future`, which is `call`, is ready; refused on a producer's own thread.
pub(super) fn wait<T, E: From<InCallback>>(
    call: &'static str,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    own_thread::may_block(call)?;
    pollster::block_on(future)
}

/// The way of all sends here but `try_send`: blocks the thread only if the record has to wait.
#[inline(always)]
pub(super) fn append<R: SendReceipt, K: ?Sized, V: ?Sized>(
    sender: &RecordSender<K, V>,
    record: &mut ProducerRecord<'_, K, V>,
    callback: Option<OutcomeCallback>,
) -> Result<R, SendError> {
    match sender.try_append(record, callback) {
        Ok(receipt) => Ok(receipt),
        Err(not_appended) => append_blocking(sender, *not_appended),
    }
}

#[cold]
fn append_blocking<R: SendReceipt, K: ?Sized, V: ?Sized>(
    sender: &RecordSender<K, V>,
    not_appended: NotAppended<PendingRecord>,
) -> Result<R, SendError> {
    match (not_appended, own_thread::may_block("send")) {
        (NotAppended::Refused(error), _) => Err(error),
        (NotAppended::Waits(pending), Err(in_callback)) => Err(pending.refuse(in_callback.into())),
        (waits, Ok(())) => pollster::block_on(sender.append_pending(Box::new(waits))),
    }
}
