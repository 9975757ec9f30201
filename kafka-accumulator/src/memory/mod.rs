//! The memory of the producer (Java's `BufferPool`): how much of it is reserved, who waits for some, and
//! the buffers that it is used for.

mod cost;
mod budget;
mod waiters;
mod buffer;
mod sizes;

pub(crate) use budget::{Budget, OpenShare};
pub use budget::{Reservation, Reserve};
pub(crate) use buffer::{Buffer, BufferPool};
pub(crate) use cost::{BATCH_BYTES_MAX, Cost, price_of};
pub(crate) use sizes::{BufferSizes, InitialSize};
