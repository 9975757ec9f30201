//! A prepared transaction of a producer whose calls block the thread.

use super::transaction::Transaction;
use super::waiting::wait;
use crate::error::TransactionError;
use crate::prepared::PreparedTxnState;
use crate::prepared_transaction;

/// See [`kafka_producer::PreparedTransaction`](crate::PreparedTransaction), which this wraps.
///
/// ```no_run
/// # use kafka_producer::{ProducerRecord, blocking::Producer};
/// # fn store(state: &str) {}
/// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
/// let transaction = producer.begin_transaction()?;
/// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
/// let prepared = transaction.prepare()?;
/// store(&prepared.state().to_string()); // in the database's own transaction, which decides
/// prepared.commit()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is prepared stays so until it is committed or aborted"]
#[derive(Debug)]
pub struct PreparedTransaction<'p> {
    inner: prepared_transaction::PreparedTransaction<'p>,
}

impl PreparedTransaction<'_> {
    /// See [`PreparedTransaction::state`](crate::PreparedTransaction::state).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::PreparedTransaction;
    /// # fn example(prepared: PreparedTransaction<'_>) {
    /// println!("prepared: {}", prepared.state());
    /// # }
    /// ```
    pub fn state(&self) -> PreparedTxnState {
        self.inner.state()
    }

    /// See [`PreparedTransaction::commit`](crate::PreparedTransaction::commit).
    ///
    /// ```no_run
    /// # use kafka_producer::{TransactionError, blocking::PreparedTransaction};
    /// # fn example(prepared: PreparedTransaction<'_>) -> Result<(), TransactionError> {
    /// prepared.commit()
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn commit(self) -> Result<(), TransactionError> {
        wait("commit", self.inner.commit())
    }

    /// See [`PreparedTransaction::abort`](crate::PreparedTransaction::abort).
    ///
    /// ```no_run
    /// # use kafka_producer::{TransactionError, blocking::PreparedTransaction};
    /// # fn example(prepared: PreparedTransaction<'_>) -> Result<(), TransactionError> {
    /// prepared.abort()
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn abort(self) -> Result<(), TransactionError> {
        wait("abort", self.inner.abort())
    }
}

impl<'p, K: ?Sized + 'static, V: ?Sized + 'static> Transaction<'p, K, V> {
    /// See [`Transaction::prepare`](crate::Transaction::prepare).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// let prepared = transaction.prepare()?; // fails if the record has failed
    /// prepared.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn prepare(self) -> Result<PreparedTransaction<'p>, TransactionError> {
        let inner = wait("prepare", self.inner.prepare())?;
        Ok(PreparedTransaction { inner })
    }
}
