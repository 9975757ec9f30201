//! The memory of the producer: what is reserved of it, and what it is reserved for.

mod cost;
mod budget;
mod waiters;
mod buffer;

pub(crate) use budget::{Budget, OpenShare};
pub use budget::{Reservation, Reserve};
pub(crate) use buffer::{Buffer, Pool, Sizes};
pub(crate) use cost::{BATCH_BYTES_MAX, Cost, price_of};
