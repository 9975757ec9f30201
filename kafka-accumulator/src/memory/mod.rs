//! The memory of the producer: what is reserved of it, and what it is reserved for.

mod budget;
mod buffer;
mod cost;
mod waiters;

pub(crate) use budget::{Budget, OpenShare};
pub use budget::{Reservation, Reserve, ReserveError};
pub(crate) use buffer::{Buffer, Pool, Sizes};
pub(crate) use cost::{BATCH_BYTES_MAX, Cost, price_of};
