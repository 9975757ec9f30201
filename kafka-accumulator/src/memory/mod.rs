//! The memory of the producer (Java's `BufferPool`): how much of it is reserved, for whom, who waits for
//! some, and the buffers that it is used for.

mod cost;
mod account;
mod budget;
mod waiters;
mod reservation;
mod buffer;
mod sizes;

pub use account::Account;
pub(crate) use budget::{Asks, Budget};
pub(crate) use buffer::{Buffer, BufferPool};
pub(crate) use cost::{BATCH_BYTES_MAX, Cost, price_of};
pub(crate) use reservation::OpenShare;
pub use reservation::{Reservation, Reserve};
pub(crate) use sizes::{BufferSizes, InitialSize};
pub(crate) use waiters::Place;
