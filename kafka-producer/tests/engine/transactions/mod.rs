//! Transactions, told as conversations with their coordinators in both generations of the protocol.
//!
//! The names of the tests begin with the numbers of the lines that they prove, or of several lines
//! (`t091_to_t093`, `s58_t002`); `docs/conformance.md` says which line is proved where.

mod aborting;
mod coordinator;
mod ending;
mod epochs;
mod expiring;
mod guards;
mod joining;
mod lookups;
mod offsets;
mod preparing;
mod refused;
mod requests;
mod silence;

pub(crate) use coordinator::{Coordinators, transactional, two_phase};
pub(crate) use requests::{Ask, SPOKEN};
