//! Transactions as a user sees them: begin one, send through it, commit or abort it.
//!
//! A [`Transaction`] borrows its producer, is consumed by its end, and aborted when it is dropped. So a second
//! commit and a send after the commit do not compile; a record outside of a transaction is refused
//! ([`SendError::NoTransaction`]). Records go through `send.rs`; all other calls are handed to the engine, which
//! decides, and waited for here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_channel::oneshot;

use crate::append::RecordAppender;
use crate::callback::{Call, Nobody, OnOutcome};
use crate::delivery::{Delivery, SendReceipt};
use crate::engine::{Command, EngineHandle, EngineState, Transacted, TransactionCall};
use crate::error::{DeliveryError, InCallback, Misuse, SendError, TransactionError};
use crate::group::{self, ConsumerGroupMetadata, OffsetToCommit};
use crate::own_thread;
use crate::prepared::PreparedTxnState;
use crate::producer::Producer;
use crate::record::{ProducerRecord, RecordMetadata};
use crate::send::{RecordSender, TrySendError};
use crate::timed::Timed;

/// An open transaction: its records become visible to `read_committed` consumers together, by
/// [`commit`](Self::commit), or not at all.
///
/// Dropped, it is aborted in the background; the next one begins when that is done.
///
/// ```no_run
/// use kafka_producer::{Producer, ProducerRecord};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let producer: Producer<str, str> = Producer::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .set("transactional.id", "billing-1")
///     .build()?;
/// producer.init_transactions().await?; // fences a predecessor that may still run
///
/// let transaction = producer.begin_transaction().await?;
/// drop(transaction.send(ProducerRecord::new("invoices", "42").key("customer-7")).await?);
/// drop(transaction.send(ProducerRecord::new("ledger", "-42").key("customer-7")).await?);
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p, K: ?Sized, V: ?Sized> {
    producer: &'p Producer<K, V>,
    claim: Claim<'p>,
}

/// The right to be the one open transaction of a producer.
#[derive(Debug)]
struct Claim<'p> {
    handle: &'p EngineHandle,
    open: &'p AtomicBool,
    /// What the engine is told if it is dropped.
    at_drop: TransactionCall,
}

impl<'p> Claim<'p> {
    fn new(handle: &'p EngineHandle, open: &'p AtomicBool) -> Result<Self, TransactionError> {
        if open.swap(true, Ordering::Acquire) {
            return Err(TransactionError::Misused(Misuse::TransactionOpen));
        }
        Ok(Self {
            handle,
            open,
            at_drop: TransactionCall::Abandon,
        })
    }

    /// The transaction has ended: it need not be aborted.
    fn release(self) {
        self.open.store(false, Ordering::Release);
        std::mem::forget(self);
    }
}

impl Drop for Claim<'_> {
    /// In this order: the next transaction begins after this one is aborted.
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        let call = self.at_drop.clone();
        let deadline = Instant::now();
        self.handle.ask(Command::Transact {
            call,
            deadline,
            reply,
        });
        self.open.store(false, Ordering::Release);
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Gets the producer ready for transactions: fences every earlier producer with the same
    /// `transactional.id`, ends what it left open, and gets an id. To be called once, before the
    /// first transaction.
    ///
    /// Waits at most `max.block.ms`. Cancel safe: dropped, or timed out, the engine goes on with it; called
    /// again, this waits for that.
    ///
    /// # Errors
    /// [`TransactionError::TimedOut`]: call it again.
    /// [`Authentication`](TransactionError::Authentication): the coordinator has refused to authenticate the
    /// producer; it may be called again.
    /// [`Abortable`](TransactionError::Abortable): the cluster does not let this producer write
    /// now; it may be called again. [`Misused`](TransactionError::Misused): the producer is not
    /// transactional, or this was done already.
    ///
    /// ```no_run
    /// # async fn example(producer: kafka_producer::Producer<str, str>) {
    /// use kafka_producer::TransactionError;
    ///
    /// while let Err(error) = producer.init_transactions().await {
    ///     assert!(matches!(error, TransactionError::TimedOut(_)), "{error}");
    ///     eprintln!("waiting on: {error}");
    /// }
    /// # }
    /// ```
    pub async fn init_transactions(&self) -> Result<(), TransactionError> {
        let done = ask(self.appender(), TransactionCall::Init).await;
        done.map(drop)
    }

    /// Begins a transaction. Waits until the one before has ended, at most `max.block.ms`.
    ///
    /// Cancel safe: dropped, nothing was begun.
    ///
    /// # Errors
    /// [`TransactionError::Misused`]: before [`init_transactions`](Self::init_transactions), or
    /// while there is another [`Transaction`] of this producer. [`TimedOut`](TransactionError::TimedOut): the
    /// one before has not ended yet; call it again. [`Fatal`](TransactionError::Fatal): the producer cannot be
    /// used any more.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// drop(transaction.send(ProducerRecord::new("orders", "2 x tea")).await?);
    /// transaction.abort().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin_transaction(&self) -> Result<Transaction<'_, K, V>, TransactionError> {
        let claim = Claim::new(self.appender().handle(), self.transaction_open())?;
        ask(self.appender(), TransactionCall::Begin).await?;
        Ok(Transaction {
            producer: self,
            claim,
        })
    }

    /// Waits until the transaction that was last ended has done so, at most `max.block.ms`: the way
    /// to go on after a commit or an abort that has timed out.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// [`TransactionError::Abortable`]: it was aborted, for this reason, whatever was asked for. If
    /// it is `Ok`, the transaction was ended as asked.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, Transaction, TransactionError};
    /// async fn commit(
    ///     producer: &Producer<str, str>,
    ///     transaction: Transaction<'_, str, str>,
    /// ) -> Result<(), TransactionError> {
    ///     let mut outcome = transaction.commit().await;
    ///     while let Err(TransactionError::TimedOut(_)) = outcome {
    ///         outcome = producer.wait_for_transaction().await;
    ///     }
    ///     outcome
    /// }
    /// ```
    pub async fn wait_for_transaction(&self) -> Result<(), TransactionError> {
        let done = ask(self.appender(), TransactionCall::Wait).await;
        done.map(drop)
    }
}

impl<'p, K: ?Sized + 'static, V: ?Sized + 'static> Transaction<'p, K, V> {
    /// See [`Producer::send`]; the record belongs to this transaction.
    ///
    /// Cancel safe: dropped before it is ready, the record is not part of the transaction, which
    /// goes on without it.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// let delivery = transaction.send(ProducerRecord::new("invoices", "42")).await?;
    /// transaction.commit().await?;
    /// println!("stored at {:?}", delivery.await?.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`]. The transaction can then only be aborted: [`commit`](Self::commit) fails
    /// and reports the first error. [`SendError::Abortable`] when something of it has failed already.
    pub async fn send(&self, record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.append(record, Nobody).await
    }

    /// See [`Producer::send_and_forget`]: the commit fails if the record does.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42")).await?;
    /// transaction.commit().await?; // fails if the record has failed
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_and_forget(&self, record: ProducerRecord<'_, K, V>) -> Result<(), SendError> {
        self.append(record, Nobody).await
    }

    /// See [`Producer::send_with`].
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// let record = ProducerRecord::new("invoices", "42");
    /// transaction.send_with(record, |outcome| println!("{outcome:?}")).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_with(
        &self,
        record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        self.append(record, Call(callback)).await
    }

    /// See [`Producer::try_send`].
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// if transaction.try_send(ProducerRecord::new("invoices", "42")).is_ok() {
    ///     transaction.commit().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Producer::try_send`], and [`SendError::Abortable`]. A record that would have to wait
    /// leaves the transaction as it is; one that is rejected does not, as for [`send`](Self::send).
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.check_not_aborting().map_err(TrySendError::Refused)?;
        let sent = self.producer.sender().append_now(record);
        sent.map_err(|error| match error {
            TrySendError::Refused(why) => TrySendError::Refused(self.not_accepted(why)),
            waits @ TrySendError::WouldWait(..) => waits,
        })
    }

    /// Commits offsets of a consumer group with the transaction: the group continues after them if,
    /// and only if, the transaction is committed (KIP-447).
    ///
    /// Waits at most `max.block.ms`. Cancel safe: dropped, or timed out, the offsets go on to be
    /// sent, and [`commit`](Self::commit) waits for them. No offsets are nothing to do.
    ///
    /// # Errors
    /// [`TransactionError::Abortable`] when the group does not know the member any more, or refuses
    /// the offsets; when it is called again for a group that did not answer an earlier call at once
    /// ([`OffsetsInDoubt`](crate::error::AbortableError::OffsetsInDoubt)): called once per group, with
    /// all offsets, that does not happen. [`Misused`](TransactionError::Misused) when an offset is
    /// negative, or the group has no id, or a generation and no member id: nothing was sent.
    ///
    /// ```no_run
    /// # use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit, Transaction, TransactionError};
    /// # async fn example(transaction: Transaction<'_, str, str>) -> Result<(), TransactionError> {
    /// let group = ConsumerGroupMetadata::new("billing").member("consumer-1-6f1c", 7);
    /// let consumed = OffsetToCommit::new("orders", 3, 1042);
    /// transaction.send_offsets([consumed], &group).await?;
    /// transaction.commit().await
    /// # }
    /// ```
    pub async fn send_offsets(
        &self,
        offsets: impl IntoIterator<Item = OffsetToCommit>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        let offsets: Vec<_> = offsets.into_iter().collect();
        group::check(&offsets, group).map_err(TransactionError::Misused)?;
        let group = group.clone();
        self.ask(TransactionCall::SendOffsets { offsets, group })
            .await
    }

    /// See [`Producer::flush`]. Not needed before a [`commit`](Self::commit), which does the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42")).await?;
    /// transaction.flush().await?; // the record is in the log, and not visible yet
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub async fn flush(&self) -> Result<(), InCallback> {
        self.producer.flush().await
    }

    /// Sends everything and makes it visible, together; offsets as well.
    ///
    /// Waits at most `max.block.ms`. Dropped before it is ready, the transaction is committed all the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42")).await?;
    /// transaction.commit().await?; // all of it is visible, or nothing
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::Abortable`]: something of the transaction has failed, so nothing of it
    /// will be visible; it is being aborted, and the next one begins after that.
    /// [`TimedOut`](TransactionError::TimedOut): still on its way;
    /// [`Producer::wait_for_transaction`] returns how it ends.
    /// [`Authentication`](TransactionError::Authentication): the coordinator refuses to authenticate the producer;
    /// the transaction is aborted once it no longer does, unless the commit may have reached it before.
    /// [`Fatal`](TransactionError::Fatal): the producer cannot be used any more; all of the
    /// transaction may be visible, or nothing. In a callback, which must not wait, it is refused
    /// ([`Misuse::InCallback`]), and being dropped the transaction is aborted.
    pub async fn commit(self) -> Result<(), TransactionError> {
        self.end(TransactionCall::Commit).await
    }

    /// Makes nothing visible: what was not sent yet is not sent, and its deliveries fail with
    /// [`Cause::Aborted`](crate::error::Cause::Aborted).
    ///
    /// Waits at most `max.block.ms`. Dropped before it is ready, the transaction is aborted all the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42")).await?;
    /// transaction.abort().await?; // nothing of it becomes visible
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::TimedOut`]: still on its way; the next transaction waits for it.
    /// [`Authentication`](TransactionError::Authentication): the same, because the coordinator does not let
    /// this producer in.
    pub async fn abort(self) -> Result<(), TransactionError> {
        self.end(TransactionCall::Abort).await
    }

    async fn end(self, call: TransactionCall) -> Result<(), TransactionError> {
        self.ask(call).await?;
        self.claim.release();
        Ok(())
    }

    /// The way of all sends of this transaction but `try_send`.
    async fn append<R: SendReceipt>(
        &self,
        record: ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, SendError> {
        self.check_not_aborting()?;
        let appended = self.producer.sender().append(record, on_outcome).await;
        appended.map_err(|why| self.not_accepted(why))
    }

    async fn ask(&self, call: TransactionCall) -> Result<(), TransactionError> {
        ask(self.producer.appender(), call).await.map(drop)
    }

    /// Prepares it (`prepared_transaction.rs`): from then on nobody holds it.
    pub(crate) async fn prepared(
        mut self,
    ) -> Result<(&'p RecordAppender, PreparedTxnState), TransactionError> {
        let appender = self.producer.appender();
        self.claim.at_drop = TransactionCall::AbandonPrepare;
        match ask(appender, TransactionCall::Prepare).await? {
            Transacted::Prepared(state) => {
                self.claim.release();
                Ok((appender, state))
            }
            Transacted::Done | Transacted::Completed(_) => {
                Err(TransactionError::Misused(Misuse::NoTransaction))
            }
        }
    }

    /// What records are sent through, after [`check_not_aborting`](Self::check_not_aborting).
    pub(crate) fn sender(&self) -> &RecordSender<K, V> {
        self.producer.sender()
    }

    /// A record that was not accepted is missing in the transaction, which must not be committed without
    /// it. Whatever is asked of the engine later, a commit for one, comes after this.
    #[cold]
    pub(crate) fn not_accepted(&self, why: SendError) -> SendError {
        let handle = self.claim.handle;
        handle.ask(Command::NotAccepted(why.clone()));
        why
    }

    /// A transaction that can only be aborted accepts no records.
    pub(crate) fn check_not_aborting(&self) -> Result<(), SendError> {
        match self.claim.handle.abort_reason() {
            None => Ok(()),
            Some(why) => Err(SendError::Abortable(why)),
        }
    }
}

/// Asks the engine, and waits until it is done.
pub(crate) async fn ask(
    appender: &RecordAppender,
    call: TransactionCall,
) -> Result<Transacted, TransactionError> {
    own_thread::may_await(call.name())?;
    let _timed = Timed::transaction(appender.handle(), &call);
    let (reply, outcome) = oneshot::channel();
    let deadline = Instant::now() + appender.max_block();
    appender.handle().ask(Command::Transact {
        call,
        deadline,
        reply,
    });
    outcome.await.unwrap_or_else(|_| {
        Err(match appender.handle().state() {
            EngineState::Failed(fatal) => TransactionError::Fatal(fatal),
            EngineState::Open | EngineState::Closed => TransactionError::Closed,
        })
    })
}

impl<K: ?Sized, V: ?Sized> std::fmt::Debug for Transaction<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// What is shared among threads stays so, or this does not compile.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Transaction<'_, str, str>>();
};
