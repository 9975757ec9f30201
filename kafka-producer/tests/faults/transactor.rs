//! A sender that sends in transactions and commits, or aborts every fifth on purpose; it does what
//! each error tells it to, and ends only when it is told to or for good.
//!
//! To the ledger the records of a committed transaction are acknowledged and those of an aborted one
//! are not in the log; of a transaction in doubt the log may have all or nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use kafka_producer::error::TransactionError;
use kafka_producer::{Delivery, Persistence, Producer, ProducerRecord, Transaction};

use crate::cluster::{TIME_LIMIT, producer};
use crate::ledger::{Fate, Ledger, now};
use crate::load::{KEYS, Settings};

/// Records in a transaction.
const RECORDS: u64 = 10;
/// Which of so many transactions are aborted.
const ABORTED: u64 = 5;

/// Records that were handed over, each with its number.
type Sent = Vec<(u64, Delivery)>;

/// Sends in transactions until it is stopped, or until the producer is of no use any more.
pub(crate) async fn transact(
    topic: &str,
    settings: Settings<'_>,
    ledger: &Ledger,
    stopped: &AtomicBool,
) {
    let producer = producer(settings);
    if let Err(error) = transact_until(&producer, topic, ledger, stopped).await {
        ledger.end(error);
    }
    producer.close(TIME_LIMIT).await.unwrap();
}

async fn transact_until(
    producer: &Producer<str, str>,
    topic: &str,
    ledger: &Ledger,
    stopped: &AtomicBool,
) -> Result<(), TransactionError> {
    while let Err(error) = producer.init_transactions().await {
        go_on_if_late(error)?;
    }
    let mut first = 0;
    while !stopped.load(Ordering::Acquire) {
        let transaction = match producer.begin_transaction().await {
            Ok(transaction) => transaction,
            Err(error) => {
                go_on_if_late(error)?;
                continue;
            }
        };
        let sent = fill(&transaction, topic, first, ledger).await;
        let commits = sent.len() as u64 == RECORDS && first / RECORDS % ABORTED != ABORTED - 1;
        ledger.set_ending(true);
        let outcome = match commits {
            true => transaction.commit().await,
            false => transaction.abort().await,
        };
        let outcome = settled(producer, outcome).await;
        ledger.set_ending(false);
        tell(ledger, first, commits, &sent, &outcome);
        match outcome {
            Ok(()) | Err(TransactionError::Abortable(_)) => first += RECORDS,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A call that was too late goes on and may be made again.
fn go_on_if_late(error: TransactionError) -> Result<(), TransactionError> {
    match error {
        TransactionError::TimedOut(_) => Ok(()),
        error => Err(error),
    }
}

/// Sends the records from `first` on, as far as the transaction takes them.
async fn fill(
    transaction: &Transaction<'_, str, str>,
    topic: &str,
    first: u64,
    ledger: &Ledger,
) -> Sent {
    let mut sent = Vec::new();
    ledger.set_sent(first + RECORDS);
    for number in first..first + RECORDS {
        let (key, value) = ((number % KEYS).to_string(), number.to_string());
        let record = ProducerRecord::new(topic, &*value).key(&*key);
        match transaction.send(record).await {
            Ok(delivery) => sent.push((number, delivery)),
            Err(_) => break,
        }
    }
    sent
}

/// Waits on while the end of the transaction is not known.
async fn settled(
    producer: &Producer<str, str>,
    mut outcome: Result<(), TransactionError>,
) -> Result<(), TransactionError> {
    while let Err(TransactionError::TimedOut(_)) = outcome {
        outcome = producer.wait_for_transaction().await;
    }
    outcome
}

fn tell(
    ledger: &Ledger,
    first: u64,
    commits: bool,
    sent: &Sent,
    outcome: &Result<(), TransactionError>,
) {
    let at = now();
    match outcome {
        // What is committed has been acknowledged; else it is left without an outcome.
        Ok(()) if commits => {
            for (number, delivery) in sent {
                if let Some(Ok(metadata)) = delivery.try_outcome() {
                    let (partition, offset) = (metadata.partition, metadata.offset);
                    ledger.tell(*number, at, Fate::Acked { partition, offset });
                }
            }
        }
        outcome => {
            let aborted = !commits || matches!(outcome, Err(TransactionError::Abortable(_)));
            let persistence = match aborted {
                true => Persistence::NotPersisted,
                false => Persistence::PossiblyPersisted,
            };
            let why = match outcome {
                Ok(()) => "aborted on purpose".to_owned(),
                Err(error) => error.to_string(),
            };
            for number in first..first + RECORDS {
                let why = why.clone();
                ledger.tell(number, at, Fate::Failed { why, persistence });
            }
            if !aborted {
                ledger.doubt(first..first + RECORDS);
            }
        }
    }
}
