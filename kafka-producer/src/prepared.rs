//! What is stored of a prepared transaction, and what became of it (KIP-939).
//!
//! Plain data: what a database keeps beside its own transaction, and what a producer that comes later says about it.

use std::fmt;
use std::str::FromStr;

/// Which transaction was prepared: the producer id and epoch of its producer. Stored as text,
/// `producerId:epoch`, as Java's `PreparedTxnState` writes it.
///
/// ```
/// use kafka_producer::PreparedTxnState;
///
/// let stored = "4711:3";
/// let state: PreparedTxnState = stored.parse()?;
/// assert_eq!((state.producer_id(), state.epoch()), (4711, 3));
/// assert_eq!(state.to_string(), stored);
/// # Ok::<(), kafka_producer::error::InvalidPreparedTxnState>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreparedTxnState {
    producer_id: i64,
    epoch: i16,
}

impl PreparedTxnState {
    pub(crate) fn new(producer_id: i64, epoch: i16) -> Self {
        Self { producer_id, epoch }
    }

    /// The producer id.
    ///
    /// ```
    /// # use kafka_producer::PreparedTxnState;
    /// let state: PreparedTxnState = "4711:3".parse()?;
    /// assert_eq!(state.producer_id(), 4711);
    /// # Ok::<(), kafka_producer::error::InvalidPreparedTxnState>(())
    /// ```
    pub fn producer_id(&self) -> i64 {
        self.producer_id
    }

    /// The epoch of the producer.
    ///
    /// ```
    /// # use kafka_producer::PreparedTxnState;
    /// let state: PreparedTxnState = "4711:3".parse()?;
    /// assert_eq!(state.epoch(), 3);
    /// # Ok::<(), kafka_producer::error::InvalidPreparedTxnState>(())
    /// ```
    pub fn epoch(&self) -> i16 {
        self.epoch
    }
}

impl fmt::Display for PreparedTxnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.producer_id, self.epoch)
    }
}

impl FromStr for PreparedTxnState {
    type Err = InvalidPreparedTxnState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once(':').and_then(|(producer_id, epoch)| {
            let producer_id = producer_id.parse().ok().filter(|id: &i64| *id >= 0)?;
            let epoch = epoch.parse().ok().filter(|epoch: &i16| *epoch >= 0)?;
            Some(Self { producer_id, epoch })
        });
        numbers.ok_or_else(|| InvalidPreparedTxnState { text: text.into() })
    }
}

/// A text that is not the state of a prepared transaction.
///
/// ```
/// use kafka_producer::PreparedTxnState;
///
/// let error = "4711".parse::<PreparedTxnState>().unwrap_err();
/// assert!(error.to_string().contains("producerId:epoch"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not the state of a prepared transaction: that is producerId:epoch, two numbers that are not negative"
)]
pub struct InvalidPreparedTxnState {
    text: Box<str>,
}

/// What became of the transaction that was prepared before.
///
/// ```
/// use kafka_producer::CompletedTxn;
///
/// fn log(completed: CompletedTxn) {
///     match completed {
///         CompletedTxn::Committed => println!("its records are visible"),
///         CompletedTxn::NotOpen => println!("it had ended before, or none was stored"),
///         _ => {}
///     }
/// }
/// # log(CompletedTxn::Committed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompletedTxn {
    /// It is committed.
    Committed,
    /// It is not open: it had ended before, as its owner decided then, or none was stored. A transaction that
    /// was open and not stored is aborted.
    NotOpen,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for (producer_id, epoch) in [(0, 0), (4711, 3), (i64::MAX, i16::MAX)] {
            let state = PreparedTxnState { producer_id, epoch };
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }

    #[test]
    fn what_is_not_two_numbers_from_nought_on_is_refused_and_quoted() {
        let too_large = format!("{}:0", u64::MAX);
        for text in [
            "", ":", "1", "1:", ":1", "1:2:3", "-1:-1", "-1:0", "0:-1", "a:1", "1:32768", "1 :2",
            &too_large,
        ] {
            let error = text.parse::<PreparedTxnState>().unwrap_err();
            assert!(
                error.to_string().contains(&format!("\"{text}\"")),
                "{error}"
            );
        }
    }
}
