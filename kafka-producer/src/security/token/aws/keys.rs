//! What requests to AWS are signed with.

use std::time::SystemTime;

use crate::security::Secret;
use crate::security::token::Refused;
use crate::security::token::cache::Credential;

/// An access key, temporary or not.
#[derive(Clone, Debug)]
pub(super) struct AwsCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    /// For temporary ones.
    pub(super) session_token: Option<Secret>,
    /// When temporary ones end, if that is known.
    pub(super) expires: Option<SystemTime>,
    /// Whether a broker has refused a token that was signed with them.
    pub(super) refused: Refused,
}

impl Credential for AwsCredentials {
    fn is_refused(&self) -> bool {
        self.refused.is_set()
    }
}
