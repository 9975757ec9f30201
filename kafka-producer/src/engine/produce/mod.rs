//! Batches on their way: from their queue into a request, and what becomes of them.
//!
//! Each module stands below those that it uses.

pub(crate) mod lane_key;
pub(crate) mod stand;

pub(crate) mod batch_records;
pub(crate) mod row;

pub(crate) mod accounts;
pub(crate) mod expiration;
pub(crate) mod lane;
pub(crate) mod verdict;

pub(crate) mod lanes;
pub(crate) mod partitions;

pub(crate) mod admission;
pub(crate) mod coalesce;
pub(crate) mod request;
pub(crate) mod traffic;

pub(crate) mod sender;
