//! Batches that may be in the log, and whom to ask about them.

mod describe_producers;
mod topic_id;
