//! Which records are committed together: each file, so many, or none at all.
//!
//! ```text
//!          send                      file_ends, or as many as are wanted
//! Idle ──────────▶ Open, with a count ──────────────────────────────────▶ Idle
//! ```
//!
//! A transaction begins with its first record, so that an empty file makes none.

use kafka_producer::blocking::{Producer, Transaction};
use kafka_producer::{Delivery, SendError, TransactionError};

use crate::arguments::TransactionSize;
use crate::entry::Entry;

/// Sends records, in transactions or without.
pub(crate) struct Grouping<'p> {
    producer: &'p Producer<[u8], [u8]>,
    size: Option<TransactionSize>,
    open: Option<Open<'p>>,
}

struct Open<'p> {
    transaction: Transaction<'p, [u8], [u8]>,
    records: u64,
}

/// Why a record was not accepted.
pub(crate) enum NotSent {
    Refused(SendError),
    NoTransaction(TransactionError),
}

impl<'p> Grouping<'p> {
    /// Prepares for transactions, if any are wanted.
    pub(crate) fn begin(
        producer: &'p Producer<[u8], [u8]>,
        size: Option<TransactionSize>,
    ) -> Result<Self, TransactionError> {
        if size.is_some() {
            producer.init_transactions()?;
        }
        let open = None;
        Ok(Self {
            producer,
            size,
            open,
        })
    }

    /// Hands a record to the producer.
    pub(crate) fn send(&mut self, entry: &mut Entry) -> Result<Delivery, NotSent> {
        if self.size.is_none() {
            let sent = self.producer.send(entry.record());
            return sent.map_err(NotSent::Refused);
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let begun = self.producer.begin_transaction();
                let transaction = begun.map_err(NotSent::NoTransaction)?;
                none.insert(Open {
                    transaction,
                    records: 0,
                })
            }
        };
        let sent = open.transaction.send(entry.record());
        let delivery = sent.map_err(NotSent::Refused)?;
        open.records += 1;
        Ok(delivery)
    }

    /// Whether the open transaction has as many records as are wanted.
    pub(crate) fn is_full(&self) -> bool {
        match (&self.open, self.size) {
            (Some(open), Some(TransactionSize::Records(count))) => open.records >= count.get(),
            _ => false,
        }
    }

    /// Whether a transaction ends with its file.
    pub(crate) fn ends_with_file(&self) -> bool {
        self.size == Some(TransactionSize::File)
    }

    /// The records of the open transaction, if one is.
    pub(crate) fn records(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.records)
    }

    /// Commits what is open.
    pub(crate) fn commit(&mut self) -> Result<(), TransactionError> {
        match self.open.take() {
            Some(open) => open.transaction.commit(),
            None => Ok(()),
        }
    }

    /// Aborts what is open; gives how many records that were, and how it went.
    pub(crate) fn abort(&mut self) -> Option<(u64, Result<(), TransactionError>)> {
        let open = self.open.take()?;
        Some((open.records, open.transaction.abort()))
    }

    /// Whether records are sent in transactions.
    pub(crate) fn is_transactional(&self) -> bool {
        self.size.is_some()
    }
}
