//! The rule for a partition that the caller names itself.
//!
//! No partitioner is asked then, whatever the key. The partition may be without a leader: its
//! records wait for one. Only numbers are checked here. A partition that is too high may have been
//! added just now: the caller decides whether to ask for the topic's metadata again.

use core::error::Error;
use core::fmt;

/// Accepts a partition named by the caller if the topic has it.
///
/// ```
/// use kafka_partition::{ExplicitError, explicit};
///
/// assert_eq!(explicit(2, 3), Ok(2));
/// assert_eq!(explicit(-1, 3), Err(ExplicitError::Negative { partition: -1 }));
/// assert_eq!(
///     explicit(3, 3).unwrap_err().to_string(),
///     "partition 3 does not exist: the topic has 3 partitions, numbered from 0",
/// );
/// ```
pub fn explicit(partition: i32, partitions: u32) -> Result<i32, ExplicitError> {
    let index = u32::try_from(partition).map_err(|_| ExplicitError::Negative { partition })?;
    if index < partitions {
        Ok(partition)
    } else {
        Err(ExplicitError::Beyond {
            partition,
            partitions,
        })
    }
}

/// Why a named partition cannot be used.
///
/// ```
/// let error = kafka_partition::ExplicitError::Negative { partition: -7 };
/// assert_eq!(error.to_string(), "partition -7 is negative: partitions are numbered from 0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExplicitError {
    /// Never valid, whatever the topic: the record is refused at once.
    Negative {
        /// What was asked for.
        partition: i32,
    },
    /// Not valid now; becomes valid if partitions are added to the topic.
    Beyond {
        /// What was asked for.
        partition: i32,
        /// How many the topic has.
        partitions: u32,
    },
}

impl fmt::Display for ExplicitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative { partition } => {
                write!(
                    f,
                    "partition {partition} is negative: partitions are numbered from 0"
                )
            }
            Self::Beyond {
                partition,
                partitions,
            } => write!(
                f,
                "partition {partition} does not exist: \
                 the topic has {partitions} partitions, numbered from 0"
            ),
        }
    }
}

impl Error for ExplicitError {}
