//! What requests to AWS are signed with.

use std::time::{Duration, SystemTime};

use crate::security::Secret;

/// An access key, temporary or not.
#[derive(Clone, Debug)]
pub(super) struct AwsCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    /// For temporary ones.
    pub(super) session_token: Option<Secret>,
    /// When temporary ones end, if that is known.
    pub(super) expires: Option<SystemTime>,
}

impl AwsCredentials {
    /// Whether they can be used for some minutes more.
    pub(super) fn last_beyond(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| now + MARGIN < end)
    }
}

/// A token that is signed with them is valid as long, at most.
const MARGIN: Duration = Duration::from_secs(300);
