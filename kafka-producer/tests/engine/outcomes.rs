//! What became of a record, as a test expects it.

use kafka_accumulator::Delivery;
use kafka_producer::error::{Cause, DeliveryError};
use kafka_wire::ErrorCode;

/// Asserts that a record is in the log at this offset.
#[track_caller]
pub(crate) fn delivered(delivery: &Delivery<DeliveryError>, offset: i64) {
    match delivery.try_outcome() {
        Some(Ok(delivered)) => assert_eq!(delivered.offset, offset),
        other => panic!("not delivered: {other:?}"),
    }
}

/// Asserts that a record has no outcome yet.
#[track_caller]
pub(crate) fn pending(delivery: &Delivery<DeliveryError>) {
    let outcome = delivery.try_outcome();
    assert!(outcome.is_none(), "it has an outcome: {outcome:?}");
}

/// The error that a record has ended with.
#[track_caller]
pub(crate) fn failed(delivery: &Delivery<DeliveryError>) -> DeliveryError {
    match delivery.try_outcome() {
        Some(Err(error)) => error,
        other => panic!("not failed: {other:?}"),
    }
}

/// Asserts that a record ended because its time was up.
#[track_caller]
pub(crate) fn expired(delivery: &Delivery<DeliveryError>) -> DeliveryError {
    let error = failed(delivery);
    assert!(matches!(error.cause(), Cause::Expired { .. }), "{error}");
    error
}

/// Asserts that a broker refused a record with this code.
#[track_caller]
pub(crate) fn refused(delivery: &Delivery<DeliveryError>, code: ErrorCode) -> DeliveryError {
    let error = failed(delivery);
    match error.cause() {
        Cause::Refused { code: said, .. } => assert_eq!(*said, code),
        other => panic!("{other:?}"),
    }
    error
}
