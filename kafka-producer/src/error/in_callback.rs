//! The refusal of a call that must not wait where it was made: on a producer's own thread.

use super::readable::readable_debug;

/// A call that waits was made on a producer's own thread, in a callback. It would wait for ever,
/// because only that thread does what it waits for. It was rejected and had no effect.
///
/// ```
/// use kafka_producer::Producer;
///
/// # async fn example(producer: Producer<str, str>) {
/// if let Err(refused) = producer.flush().await {
///     eprintln!("{} must not be called here: {refused}", refused.call);
/// }
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "{call} would wait for ever, because it was called on a producer's own thread, in a callback or a \
     waker: use what does not wait (try_send, try_outcome), or leave the call to another thread or task"
)]
#[non_exhaustive]
pub struct InCallback {
    /// The method that was called.
    pub call: &'static str,
}

readable_debug!(struct InCallback { call });
