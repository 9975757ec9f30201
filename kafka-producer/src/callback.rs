//! What is left with a record in its batch, to be called with the outcome.
//!
//! It is made when the record is serialized, because it tells what is known only then: the record's time, and how
//! many bytes it takes. It never says whether a record is appended.

use crate::append::SerializedRecord;
use crate::delivery::{OutcomeCallback, metadata};
use crate::error::DeliveryError;
use crate::own_thread;
use crate::record::RecordMetadata;

/// Who is to be told the outcome of one record, beside its [`Delivery`](crate::Delivery).
pub(crate) trait OnOutcome {
    /// What is left with the record, which has all of its headers.
    fn callback_of(self, record: &SerializedRecord<'_>) -> Option<OutcomeCallback>;
}

/// Nobody is told.
pub(crate) struct Nobody;

impl OnOutcome for Nobody {
    #[inline(always)]
    fn callback_of(self, _: &SerializedRecord<'_>) -> Option<OutcomeCallback> {
        None
    }
}

/// The caller's function is called.
pub(crate) struct Call<F>(pub(crate) F);

impl<F> OnOutcome for Call<F>
where
    F: FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
{
    fn callback_of(self, record: &SerializedRecord<'_>) -> Option<OutcomeCallback> {
        let (Self(function), facts) = (self, record.facts());
        Some(Box::new(move |completion, outcome| {
            let _in_callback = own_thread::enter_callback();
            function(outcome.map(|delivered| metadata(completion, delivered, facts)));
        }))
    }
}
