//! How the calls around a transaction can fail; each kind of error says what to do.
//!
//! | error | what to do |
//! |---|---|
//! | [`AbortableError`] | abort the transaction, then begin the next one |
//! | [`FatalError`] | close the producer; only a new one can go on |
//! | [`TimedOut`] | call it again: the first call goes on |
//! | [`AuthenticationError`] | correct the login or the rights, then call it again |
//! | [`NoTwoPhaseCommit`] | correct the cluster's settings, then call it again |
//! | [`Misuse`] | correct the program |

use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;

use super::authentication::AuthenticationError;
use super::fatal::FatalError;
use super::in_callback::InCallback;
use super::readable::readable_debug;
use super::send::AbortableError;
use super::wait_reason::{WaitReason, because};

/// Why a call around a transaction did not do what was asked.
///
/// ```
/// use kafka_producer::error::{Misuse, TransactionError};
///
/// let error = TransactionError::Misused(Misuse::NotInitialized);
/// assert!(error.to_string().contains("init_transactions"));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// This transaction cannot be committed; the producer can go on after an abort.
    #[error("the transaction must be aborted: {0}")]
    Abortable(AbortableError),
    /// The producer can no longer be used.
    #[error(transparent)]
    Fatal(FatalError),
    /// The coordinator, or every broker that could name it, has refused to authenticate the producer.
    /// The producer itself goes on: once it is authenticated, the call can be made again. A transaction that was
    /// to be committed is aborted, unless its coordinator was told of the end before: then it may be
    /// committed.
    #[error(transparent)]
    Authentication(AuthenticationError),
    /// Not done within `max.block.ms`; it goes on in the background.
    #[error(transparent)]
    TimedOut(TimedOut),
    /// The call is not allowed now.
    #[error(transparent)]
    Misused(Misuse),
    /// The cluster does not take part in two-phase commit, which `transaction.two.phase.commit.enable` asks for.
    #[error(transparent)]
    NoTwoPhaseCommit(NoTwoPhaseCommit),
    /// `close` was called, or the producer's thread is gone.
    #[error("the producer is closed")]
    Closed,
}

impl From<InCallback> for TransactionError {
    fn from(refused: InCallback) -> Self {
        Self::Misused(Misuse::InCallback(refused))
    }
}

/// A call took longer than `max.block.ms`. It goes on in the background: call it again to wait for its
/// result.
///
/// ```
/// use kafka_producer::{Producer, TransactionError};
///
/// # async fn example(producer: Producer<str, str>) -> Result<(), TransactionError> {
/// while let Err(error) = producer.init_transactions().await {
///     let TransactionError::TimedOut(timed_out) = &error else { return Err(error) };
///     eprintln!("{} goes on: {timed_out}", timed_out.call);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call} was not done within max.block.ms={}{}", limit.as_millis(), because(last))]
#[non_exhaustive]
pub struct TimedOut {
    /// The method that was called.
    pub call: &'static str,
    /// `max.block.ms`.
    pub limit: Duration,
    /// Why, as far as is known.
    pub last: Option<WaitReason>,
}

/// Why a cluster does not take part in two-phase commit (KIP-939). The call may be made again, once that is mended.
///
/// ```
/// use kafka_producer::error::NoTwoPhaseCommit;
///
/// let error = NoTwoPhaseCommit::FirstProtocol;
/// assert!(error.to_string().contains("transaction.two.phase.commit.enable"));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTwoPhaseCommit {
    /// The coordinator offers no version of InitProducerId that can ask for it. Apache Kafka 4 offers it if its
    /// brokers have `unstable.api.versions.enable=true`.
    #[error(
        "transaction.two.phase.commit.enable=true needs brokers with InitProducerId 6 (KIP-939), and the \
         coordinator offers it up to {latest}: Apache Kafka from 4.1 on, with unstable.api.versions.enable=true"
    )]
    #[non_exhaustive]
    NotOffered {
        /// The newest version that it offers.
        latest: i16,
    },
    /// The cluster's feature `transaction.version` is below 2: its transactions do not have an epoch each.
    #[error(
        "transaction.two.phase.commit.enable=true needs a cluster whose feature transaction.version is 2 or more \
         (KIP-890)"
    )]
    FirstProtocol,
    /// The coordinator has refused.
    #[error(
        "transaction.two.phase.commit.enable=true is refused by the coordinator (InitProducerId: {code}): its \
         brokers need transaction.two.phase.commit.enable=true, and the producer the rights WRITE and \
         TWO_PHASE_COMMIT on its transactional.id"
    )]
    #[non_exhaustive]
    Refused {
        /// Its answer.
        code: ErrorCode,
    },
}

/// A call that is not allowed in this state; it had no effect.
///
/// ```
/// use kafka_producer::TransactionError;
/// use kafka_producer::error::Misuse;
///
/// fn is_not_transactional(error: &TransactionError) -> bool {
///     matches!(error, TransactionError::Misused(Misuse::NotTransactional))
/// }
/// assert!(!is_not_transactional(&TransactionError::Closed));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// `transactional.id` is not set.
    #[error("the producer is not transactional: transactional.id is not set")]
    NotTransactional,
    /// `init_transactions` must be called before the first transaction.
    #[error("transactions are not initialized: call init_transactions first")]
    NotInitialized,
    /// `init_transactions` is called once.
    #[error("transactions are initialized already")]
    AlreadyInitialized,
    /// A name of a group or of an offset that the protocol cannot carry.
    #[error(
        "the {what} has {bytes} bytes; allowed are {}",
        kafka_wire::STRING_BYTES_MAX
    )]
    #[non_exhaustive]
    TooLong {
        /// Which: the group's id, say.
        what: &'static str,
        /// Its bytes in UTF-8.
        bytes: usize,
    },
    /// A producer has one transaction at a time.
    #[error("a transaction is open already: commit or abort it first")]
    TransactionOpen,
    /// No transaction is open.
    #[error("no transaction is open")]
    NoTransaction,
    /// `transaction.two.phase.commit.enable` is not set.
    #[error("transactions are not prepared: transaction.two.phase.commit.enable is not true")]
    NotTwoPhase,
    /// A prepared transaction ends before the next begins.
    #[error("a transaction is prepared: commit or abort it, or call complete_transaction, first")]
    TransactionPrepared,
    /// `complete_transaction` has ended what this stands for.
    #[error("the transaction is not prepared any more: complete_transaction has ended it")]
    NotPrepared,
    /// `complete_transaction` was called with something else, and that counts.
    #[error("complete_transaction was called with another stored transaction, and that one counts")]
    OtherStored,
    /// With a generation there must be a member id.
    #[error("a consumer group's generation goes with a member id; this one is empty")]
    NoMemberId,
    /// The group's id is empty.
    #[error("a consumer group has an id; this one is empty")]
    NoGroupId,
    /// An offset is negative.
    #[error("the offset {offset} for {topic}-{partition} is invalid: it must be 0 or more")]
    #[non_exhaustive]
    NegativeOffset {
        /// Of the offset.
        topic: Arc<str>,
        /// Of the offset.
        partition: i32,
        /// As given.
        offset: i64,
    },
    /// The call waits, and was made in a callback, which must not.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}

readable_debug!(
    enum TransactionError {
        Abortable(why),
        Fatal(fatal),
        Authentication(refused),
        TimedOut(timed_out),
        Misused(misuse),
        NoTwoPhaseCommit(why),
        Closed,
    }
);

readable_debug!(struct TimedOut { call, limit, last });

readable_debug!(
    enum NoTwoPhaseCommit {
        NotOffered { latest },
        FirstProtocol,
        Refused { code },
    }
);

readable_debug!(enum Misuse {
    NotTransactional,
    NotInitialized,
    AlreadyInitialized,
    TooLong { what, bytes },
    TransactionOpen,
    NoTransaction,
    NotTwoPhase,
    TransactionPrepared,
    NotPrepared,
    OtherStored,
    NoMemberId,
    NoGroupId,
    NegativeOffset { topic, partition, offset },
    InCallback(refused),
});
