//! Why there is nobody to ask: brokers that can be reached, and are of no use.

use crate::error::{AuthenticationError, Cause, SendError, Unsupported};

/// Why a broker that can be reached is of no use, whatever is sent to it.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It lacks what is needed.
    Unsupported(Unsupported),
    /// It refuses our credentials, or its certificate is not trusted.
    Authentication(AuthenticationError),
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unsupported(unsupported) => Self::Unsupported(unsupported),
            Refusal::Authentication(refused) => Self::Authentication(refused),
        }
    }
}

impl From<Refusal> for SendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unsupported(unsupported) => Self::Unsupported(unsupported),
            Refusal::Authentication(refused) => Self::Authentication(refused),
        }
    }
}
