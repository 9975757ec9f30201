//! A transaction of a producer whose calls block the thread.

use super::waiting::{append, wait};
use crate::callback::{Call, Nobody, OnOutcome};
use crate::delivery::{Delivery, SendReceipt};
use crate::error::{DeliveryError, InCallback, SendError, TransactionError};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};
use crate::record::{ProducerRecord, RecordMetadata};
use crate::send::TrySendError;
use crate::transaction;

/// See [`kafka_producer::Transaction`](crate::Transaction), which this wraps.
///
/// ```no_run
/// # use kafka_producer::{ProducerRecord, blocking::Producer};
/// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
/// let transaction = producer.begin_transaction()?;
/// drop(transaction.send(ProducerRecord::new("orders", "2 x tea"))?);
/// transaction.commit()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p, K: ?Sized, V: ?Sized> {
    pub(super) inner: transaction::Transaction<'p, K, V>,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Transaction<'_, K, V> {
    /// See [`Transaction::send`](crate::Transaction::send).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// let delivery = transaction.send(ProducerRecord::new("invoices", "42"))?;
    /// transaction.commit()?;
    /// println!("stored at {:?}", delivery.wait()?.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&self, mut record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.append(&mut record, Nobody)
    }

    /// See [`Transaction::send_and_forget`](crate::Transaction::send_and_forget).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.commit()?; // fails if the record has failed
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_and_forget(&self, mut record: ProducerRecord<'_, K, V>) -> Result<(), SendError> {
        self.append(&mut record, Nobody)
    }

    /// See [`Transaction::send_with`](crate::Transaction::send_with).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// let record = ProducerRecord::new("invoices", "42");
    /// transaction.send_with(record, |outcome| println!("{outcome:?}"))?;
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_with(
        &self,
        mut record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        self.append(&mut record, Call(callback))
    }

    /// See [`Transaction::try_send`](crate::Transaction::try_send).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// if transaction.try_send(ProducerRecord::new("invoices", "42")).is_ok() {
    ///     transaction.commit()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`TrySendError`].
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.inner.try_send(record)
    }

    fn append<R: SendReceipt>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, SendError> {
        self.inner.check_not_aborting()?;
        let appended = append(self.inner.sender(), record, on_outcome);
        appended.map_err(|why| self.inner.not_accepted(why))
    }

    /// See [`Transaction::send_offsets`](crate::Transaction::send_offsets).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit};
    ///
    /// let group = ConsumerGroupMetadata::new("billing");
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.send_offsets([OffsetToCommit::new("orders", 3, 1042)], &group)?;
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn send_offsets(
        &self,
        offsets: impl IntoIterator<Item = OffsetToCommit>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        wait("send_offsets", self.inner.send_offsets(offsets, group))
    }

    /// See [`Transaction::flush`](crate::Transaction::flush).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.flush()?; // the record is in the log, and not visible yet
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn flush(&self) -> Result<(), InCallback> {
        wait("flush", self.inner.flush())
    }

    /// See [`Transaction::commit`](crate::Transaction::commit).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.commit()?; // all of it is visible, or nothing
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn commit(self) -> Result<(), TransactionError> {
        wait("commit", self.inner.commit())
    }

    /// See [`Transaction::abort`](crate::Transaction::abort).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.abort()?; // nothing of it becomes visible
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn abort(self) -> Result<(), TransactionError> {
        wait("abort", self.inner.abort())
    }
}

impl<K: ?Sized, V: ?Sized> std::fmt::Debug for Transaction<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}
