//! What is to go wrong, as a file: faults that requests meet, and acts that happen at a time (feature `script`).
//!
//! ```toml
//! [[fault]]
//! api = "Produce"                  # any, if it is left out; as are broker, topic and partition
//! topic = "orders"
//! partition = 0
//! after = 2                        # lets two pass
//! times = 3                        # or "always"; once, if it is left out
//! refuse = "NOT_ENOUGH_REPLICAS"   # one of the effects
//!
//! [[act]]
//! at_ms = 1500                     # since the cluster has started
//! do = "kill"
//! broker = 2
//! ```
//!
//! | effect of a fault | what happens |
//! |---|---|
//! | `refuse = "CODE"` | the code is answered instead of doing what was asked; for Produce, unless `api` says otherwise |
//! | `misreport = "CODE"` | what was asked is done, and the code is answered; for Produce, unless `api` says otherwise |
//! | `disconnect = "before"` or `"after"` | the connection is closed, before or after it is done |
//! | `silence = "before"` or `"after"` | nothing is ever answered on the connection again |
//! | `delay_ms = 200`, with `when = "after"` or `"before"` | it takes longer; `after`, if it is left out |
//! | `throttle_ms = 500` | the client is asked to pause |
//! | `cut_after_bytes = 6` | the answer ends there, and the connection with it |
//! | `rebootstrap = true` | Metadata is answered with `REBOOTSTRAP_REQUIRED` |
//!
//! | act | of | what happens |
//! |---|---|---|
//! | `kill`, `restart`, `restart_empty` | `broker` | it is gone; it is back, with its data or on an empty disk |
//! | `freeze`, `thaw` | `broker` | it takes requests and answers nothing; it goes on |
//! | `rolling_restart` | | each broker is killed and restarted, one after the other |
//! | `move_leader` | `topic`, `partition`, `to` | that broker leads |
//! | `create_topic`, `grow_topic` | `topic`, `partitions` | there are so many partitions |
//! | `delete_topic`, `recreate_topic` | `topic` | it is gone; it is made anew, with as many partitions, and another id |
//! | `forget_producers` | `topic`, `partition` | what the partition knows of producers' sequence numbers is gone |
//! | `set_quota` | `user`, `client_id` or both; `producer_byte_rate`, `consumer_byte_rate` | these clients may write and read so many bytes per second, or any; `"<default>"` is each who has no quota by name |

mod act;
mod form;

pub use act::{Act, TimedAct};

use crate::{MockCluster, MockError, cluster::Fault};

/// A script that was read.
///
/// ```
/// use kafka_mock::{MockCluster, script::Script};
///
/// let script: Script = r#"
///     [[fault]]
///     refuse = "NOT_ENOUGH_REPLICAS"
///     times = 2
///
///     [[act]]
///     at_ms = 1500
///     do = "kill"
///     broker = 1
/// "#.parse()?;
/// let kafka = MockCluster::builder().start_blocking()?;
/// script.inject_into(&kafka);
/// assert_eq!(script.faults_that_never_struck(&kafka), [1]);
/// for timed in script.acts() {
///     kafka.perform(&timed.act)?; // a test does it when it likes
/// }
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    faults: Vec<Fault>,
    acts: Vec<TimedAct>,
}

impl std::str::FromStr for Script {
    type Err = MockError;

    /// Reads a script.
    ///
    /// # Errors
    /// [`MockError::Script`] with the line, and what is allowed there.
    fn from_str(text: &str) -> Result<Self, MockError> {
        let (faults, acts) = form::parse(text)?;
        Ok(Self { faults, acts })
    }
}

impl Script {
    /// The faults, in the order of the file. The first has the tag 1.
    ///
    /// ```
    /// assert!(kafka_mock::script::Script::default().faults().is_empty());
    /// ```
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is to be done, in the order of time.
    ///
    /// ```
    /// assert!(kafka_mock::script::Script::default().acts().is_empty());
    /// ```
    #[must_use]
    pub fn acts(&self) -> &[TimedAct] {
        &self.acts
    }

    /// Has all its faults wait for requests.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// kafka_mock::script::Script::default().inject_into(&kafka);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn inject_into(&self, kafka: &MockCluster) {
        for fault in &self.faults {
            kafka.inject(fault.clone());
        }
    }

    /// The numbers of those faults that no request has met, counted from 1: a test that they were written for has
    /// tested nothing.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// assert!(kafka_mock::script::Script::default().faults_that_never_struck(&kafka).is_empty());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn faults_that_never_struck(&self, kafka: &MockCluster) -> Vec<u32> {
        let tags = (1..).take(self.faults.len());
        kafka.with_cluster(|cluster| tags.filter(|tag| cluster.strikes(*tag) == 0).collect())
    }
}
