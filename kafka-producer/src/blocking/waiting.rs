//! How a call blocks its thread: not at all where only that thread could end the wait.

use std::future::Future;

use crate::append::NotAppended;
use crate::callback::OnOutcome;
use crate::delivery::SendReceipt;
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
    on_outcome: impl OnOutcome,
) -> Result<R, SendError> {
    match sender.try_append(record, on_outcome) {
        Ok(receipt) => Ok(receipt),
        Err(not_appended) => append_blocking(sender, not_appended),
    }
}

#[cold]
fn append_blocking<R: SendReceipt, K: ?Sized, V: ?Sized>(
    sender: &RecordSender<K, V>,
    not_appended: Box<NotAppended<PendingRecord>>,
) -> Result<R, SendError> {
    match own_thread::may_block("send") {
        Ok(()) => pollster::block_on(sender.append_pending(not_appended)),
        Err(in_callback) => Err(sender.refuse_to_wait(*not_appended, in_callback)),
    }
}
