//! One producer's transactions, one after the other: what is done about each way a call can end.
//!
//! | a call says | then |
//! |---|---|
//! | timed out | the same is waited for again, until `--operation-timeout-ms` is over |
//! | to be aborted | it is, and the next transaction begins |
//! | refused by a broker, or anything else | nothing further is begun |

use std::time::Duration;

use kafka_producer::error::Cause;
use kafka_producer::{
    AbortableError, Producer, ProducerRecord, SendError, Transaction, TransactionError,
};
use tokio::sync::watch;

use crate::exception;
use crate::flags::Work;

/// Does the work with one producer, until it is done or a signal has come.
pub(crate) struct Session<'a> {
    pub(crate) work: &'a Work,
    pub(crate) producer: &'a Producer<str, str>,
    /// Whether a signal came.
    pub(crate) stop: watch::Receiver<bool>,
}

/// What became of a transaction.
#[derive(Debug)]
pub(crate) enum Outcome {
    Committed,
    /// On purpose, or because of this.
    Aborted(Option<Failure>),
    /// Nobody knows, and nothing more can be done.
    Error(Failure),
}

/// What went wrong, as Java would name it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exception: String,
    pub(crate) message: String,
}

/// The program is to end.
#[derive(Debug)]
pub(crate) struct Stopped;

/// What a transaction of which all records were sent is to come to.
enum Plan {
    Commit,
    Abort(Option<Failure>),
    GiveUp(Failure),
}

impl Failure {
    fn of_send(error: &SendError) -> Self {
        Self {
            exception: exception::of_send(error),
            message: error.to_string(),
        }
    }

    fn of(error: &TransactionError) -> Self {
        Self {
            exception: exception::of_transaction(error),
            message: error.to_string(),
        }
    }

    fn timed_out(limit: Duration, last: Option<TransactionError>) -> Self {
        let last = last.map_or_else(String::new, |last| format!(": {last}"));
        Self {
            exception: exception::of_timeout(),
            message: format!("no result within {} ms{last}", limit.as_millis()),
        }
    }
}

impl Session<'_> {
    /// Gets ready for transactions.
    pub(crate) async fn initialize(&self) -> Result<Result<(), Failure>, Stopped> {
        let told = self.told(
            async || self.producer.init_transactions().await,
            async || self.producer.init_transactions().await,
        );
        let told = self.unless_stopped(told).await?;
        Ok(told.and_then(|told| told.map_err(|error| Failure::of(&error))))
    }

    /// Begins transaction `id`, sends its records, and ends it.
    pub(crate) async fn transaction(&self, id: u64) -> Result<Outcome, Stopped> {
        let begin = async || self.producer.begin_transaction().await;
        let begun = match self.unless_stopped(self.told(begin, begin)).await? {
            Ok(begun) => begun.map_err(|error| Failure::of(&error)),
            Err(failure) => Err(failure),
        };
        let transaction = match begun {
            Ok(transaction) => transaction,
            Err(failure) => return Ok(Outcome::Error(failure)),
        };
        let sent = self.unless_stopped(self.send_all(&transaction, id)).await;
        Ok(match sent.unwrap_or(Plan::Abort(None)) {
            Plan::Commit => self.commit(transaction).await,
            Plan::Abort(why) => self.abort(transaction, why).await,
            Plan::GiveUp(failure) => Outcome::Error(failure),
        })
    }

    async fn send_all(&self, transaction: &Transaction<'_, str, str>, id: u64) -> Plan {
        for value in self.work.values(id) {
            let text = value.to_string();
            let record = ProducerRecord::new(&self.work.topic, text.as_str());
            match transaction.send(record).await {
                // The commit tells of all deliveries.
                Ok(delivery) => drop(delivery),
                Err(error) if is_the_end(&error) => return Plan::GiveUp(Failure::of_send(&error)),
                Err(error) => return Plan::Abort(Some(Failure::of_send(&error))),
            }
            if value == self.work.middle(id) {
                tokio::time::sleep(self.work.pause).await;
            }
        }
        match self.work.is_to_be_aborted(id) {
            true => Plan::Abort(None),
            false => Plan::Commit,
        }
    }

    async fn commit(&self, transaction: Transaction<'_, str, str>) -> Outcome {
        match self.ended(transaction.commit()).await {
            Ok(Ok(())) => Outcome::Committed,
            Ok(Err(TransactionError::Abortable(why))) if is_kept_out(&why) => {
                Outcome::Error(Failure::of(&TransactionError::Abortable(why)))
            }
            Ok(Err(error @ TransactionError::Abortable(_))) => {
                // It is being aborted; that can fail as well.
                let wait = async { self.producer.wait_for_transaction().await };
                aborted(self.ended(wait).await, Some(Failure::of(&error)))
            }
            Ok(Err(error)) => Outcome::Error(Failure::of(&error)),
            Err(failure) => Outcome::Error(failure),
        }
    }

    async fn abort(&self, transaction: Transaction<'_, str, str>, why: Option<Failure>) -> Outcome {
        aborted(self.ended(transaction.abort()).await, why)
    }

    /// How a transaction has ended.
    async fn ended(
        &self,
        first: impl Future<Output = Result<(), TransactionError>>,
    ) -> Result<Result<(), TransactionError>, Failure> {
        self.told(
            async || first.await,
            async || self.producer.wait_for_transaction().await,
        )
        .await
    }

    /// The outcome of a call that is repeated as long as it times out. The calls are cancel safe:
    /// given up here, they lose nothing.
    async fn told<T>(
        &self,
        first: impl AsyncFnOnce() -> Result<T, TransactionError>,
        again: impl AsyncFn() -> Result<T, TransactionError>,
    ) -> Result<Result<T, TransactionError>, Failure> {
        let mut last = None;
        let repeated = async {
            let mut outcome = first().await;
            while let Err(error @ TransactionError::TimedOut(_)) = outcome {
                last = Some(error);
                outcome = again().await;
            }
            outcome
        };
        let limit = self.work.patience;
        match tokio::time::timeout(limit, repeated).await {
            Ok(outcome) => Ok(outcome),
            Err(_) => Err(Failure::timed_out(limit, last)),
        }
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(Stopped),
            done = work => Ok(done),
        }
    }
}

/// Whether nothing can be sent until somebody has changed something.
fn is_the_end(error: &SendError) -> bool {
    match error {
        SendError::Fatal(_) | SendError::Authentication(_) => true,
        SendError::Abortable(why) => is_kept_out(why),
        _ => false,
    }
}

/// Whether a broker did not let the producer in.
fn is_kept_out(why: &AbortableError) -> bool {
    match why {
        AbortableError::Authentication(_) => true,
        AbortableError::Send(error) => is_the_end(error),
        AbortableError::Delivery(error) => matches!(error.cause(), Cause::Authentication(_)),
        _ => false,
    }
}

/// What an abort has come to. Told why it was to be aborted, it has been.
fn aborted(told: Result<Result<(), TransactionError>, Failure>, why: Option<Failure>) -> Outcome {
    match told {
        Ok(Ok(())) => Outcome::Aborted(why),
        Ok(Err(error @ TransactionError::Abortable(_))) => {
            Outcome::Aborted(why.or_else(|| Some(Failure::of(&error))))
        }
        Ok(Err(error)) => Outcome::Error(Failure::of(&error)),
        Err(failure) => Outcome::Error(failure),
    }
}
