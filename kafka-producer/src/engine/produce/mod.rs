//! Batches on their way: from their queue into a request, and what becomes of them.

pub(crate) mod acknowledgement;
pub(crate) mod admission;
pub(crate) mod coalesce;
pub(crate) mod codec;
pub(crate) mod drain;
pub(crate) mod expiration;
pub(crate) mod lane;
pub(crate) mod lanes;
pub(crate) mod partitions;
pub(crate) mod remembered;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retire;
pub(crate) mod row;
pub(crate) mod split;
pub(crate) mod unresolved;
pub(crate) mod verdict;
