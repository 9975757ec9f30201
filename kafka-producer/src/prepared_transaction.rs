//! Prepared transactions as a user sees them (KIP-939): prepare one, store which it is beside what another system
//! commits, then commit it; or complete it after a restart.
//!
//! A [`PreparedTransaction`] that is dropped stays prepared: only its owner says how it ends.

use crate::append::RecordAppender;
use crate::engine::{Transacted, TransactionCall};
use crate::error::TransactionError;
use crate::prepared::{CompletedTxn, PreparedTxnState};
use crate::producer::Producer;
use crate::transaction::{Transaction, ask};

/// A transaction whose records are all in the logs: it can be committed whatever happens to this producer, by whoever
/// has its [`state`](Self::state).
///
/// It never times out. Dropped, it stays prepared, and no other can begin before
/// [`Producer::complete_transaction`].
///
/// ```no_run
/// use kafka_producer::{Producer, ProducerRecord};
///
/// # fn store(state: &str) {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let producer: Producer<str, str> = Producer::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .set("transactional.id", "outbox-1")
///     .set("transaction.two.phase.commit.enable", "true")
///     .build()?;
/// // After a restart: what the database has stored.
/// let stored = None;
/// producer.complete_transaction(stored).await?;
///
/// let transaction = producer.begin_transaction().await?;
/// drop(transaction.send(ProducerRecord::new("invoices", "42").key("customer-7")).await?);
/// let prepared = transaction.prepare().await?;
/// store(&prepared.state().to_string()); // in the database's own transaction, which decides
/// prepared.commit().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is prepared stays so until it is committed or aborted"]
#[derive(Debug)]
pub struct PreparedTransaction<'p> {
    appender: &'p RecordAppender,
    state: PreparedTxnState,
}

impl PreparedTransaction<'_> {
    /// Which transaction it is: to be stored where a producer that comes later finds it.
    ///
    /// ```no_run
    /// # use kafka_producer::PreparedTransaction;
    /// # fn example(prepared: PreparedTransaction<'_>) {
    /// println!("prepared: {}", prepared.state());
    /// # }
    /// ```
    pub fn state(&self) -> PreparedTxnState {
        self.state
    }

    /// Makes all of it visible, together; offsets as well.
    ///
    /// Waits at most `max.block.ms`. Dropped before it is ready, the transaction is committed all the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{PreparedTransaction, TransactionError};
    /// # async fn example(prepared: PreparedTransaction<'_>) -> Result<(), TransactionError> {
    /// prepared.commit().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::TimedOut`]: still on its way;
    /// [`Producer::wait_for_transaction`] returns how it ends.
    /// [`Authentication`](TransactionError::Authentication): the coordinator refuses to authenticate the producer.
    /// If the commit had not reached it before, the transaction is still prepared:
    /// [`Producer::complete_transaction`] tries it again.
    /// [`Abortable`](TransactionError::Abortable): its coordinator refuses to commit it, and it is still prepared; or
    /// does not have it any more, because somebody else has aborted it. [`Producer::complete_transaction`] with its
    /// state says which: it tries the commit again, or returns [`CompletedTxn::NotOpen`].
    /// [`Fatal`](TransactionError::Fatal): this producer cannot be used any more; the next one
    /// completes it. Whoever was fenced may hear `Abortable` first, and this from the next call.
    /// [`Misused`](TransactionError::Misused): [`Producer::complete_transaction`] has
    /// ended it ([`NotPrepared`](crate::error::Misuse::NotPrepared)); nothing was done.
    ///
    /// After each of them but the last two, [`Producer::complete_transaction`] with its state is right.
    pub async fn commit(self) -> Result<(), TransactionError> {
        let call = TransactionCall::CommitPrepared(self.state);
        ask(self.appender, call).await.map(drop)
    }

    /// Makes nothing of it visible.
    ///
    /// Waits at most `max.block.ms`. Dropped before it is ready, the transaction is aborted all the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{PreparedTransaction, TransactionError};
    /// # async fn example(prepared: PreparedTransaction<'_>) -> Result<(), TransactionError> {
    /// prepared.abort().await // the database has refused its part
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Transaction::abort`]. [`Misused`](TransactionError::Misused): as for [`commit`](Self::commit).
    pub async fn abort(self) -> Result<(), TransactionError> {
        let call = TransactionCall::AbortPrepared(self.state);
        ask(self.appender, call).await.map(drop)
    }
}

impl<'p, K: ?Sized + 'static, V: ?Sized + 'static> Transaction<'p, K, V> {
    /// Sends everything, and waits until it is in the logs: then nothing is left but to tell how the transaction
    /// ends (KIP-939).
    ///
    /// Waits at most `max.block.ms`. Dropped before it is ready, or timed out, the transaction is aborted.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # fn store(state: &str) {}
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42")).await?;
    /// let prepared = transaction.prepare().await?; // fails if the record has failed
    /// store(&prepared.state().to_string());
    /// prepared.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::Abortable`]: something of the transaction has failed, as for
    /// [`commit`](Self::commit). [`TimedOut`](TransactionError::TimedOut) and
    /// [`Authentication`](TransactionError::Authentication): it is being aborted.
    /// [`Misused`](TransactionError::Misused): `transaction.two.phase.commit.enable` is not true
    /// ([`NotTwoPhase`](crate::error::Misuse::NotTwoPhase)); the transaction is aborted.
    pub async fn prepare(self) -> Result<PreparedTransaction<'p>, TransactionError> {
        let (appender, state) = self.prepared().await?;
        Ok(PreparedTransaction { appender, state })
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Completes what was prepared before: commits it if it is the transaction that was `stored`, aborts it if
    /// another was, or none. To be called in place of [`init_transactions`](Self::init_transactions) by a producer
    /// that begins, and after a [`PreparedTransaction`] was dropped, or its commit has failed. It does what Java's
    /// `initTransactions(true)` and `completeTransaction` do together.
    ///
    /// What was prepared and is being committed or aborted already, or was until now, ends as was said then: this waits
    /// for it, and returns what became of it.
    ///
    /// Other producers with the same `transactional.id` are fenced. So `stored` is read after whoever could still
    /// write it has ended.
    ///
    /// Waits at most `max.block.ms`. Cancel safe: dropped, or timed out, the engine goes on with it; called
    /// again, this waits for that. Called again with something else `stored`, that counts as long as no coordinator
    /// has answered; afterwards it is refused ([`OtherStored`](crate::error::Misuse::OtherStored)).
    ///
    /// A coordinator that keeps no transaction over its producer, as that of Apache Kafka 4.4, is told to commit the
    /// one that was stored by its id and epoch.
    ///
    /// # Errors
    /// As for [`init_transactions`](Self::init_transactions). [`NoTwoPhaseCommit`](TransactionError::NoTwoPhaseCommit):
    /// the cluster does not take part; what is to be set there. [`Misused`](TransactionError::Misused): there is
    /// nothing to complete, or `transaction.two.phase.commit.enable` is not true.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # fn stored() -> Option<String> { None }
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let stored = stored().map(|text| text.parse()).transpose()?;
    /// println!("{:?}", producer.complete_transaction(stored).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn complete_transaction(
        &self,
        stored: Option<PreparedTxnState>,
    ) -> Result<CompletedTxn, TransactionError> {
        let call = TransactionCall::Complete(stored);
        match ask(self.appender(), call).await? {
            Transacted::Completed(how) => Ok(how),
            Transacted::Done | Transacted::Prepared(_) => Ok(CompletedTxn::NotOpen),
        }
    }
}
