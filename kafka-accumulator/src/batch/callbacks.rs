//! The callbacks of a batch that is being written.
//!
//! They are kept until the batch leaves its queue, and then handed to its completion, which calls them.
//! What they take of the memory is added up here, and paid for by the batch.

use std::sync::Arc;

use crate::{
    completion::{Callback, Completion},
    memory::price_of,
};

/// The callbacks of a batch. They are handed to its completion when this is dropped, that is after the
/// queue is unlocked.
pub(super) struct Callbacks<E> {
    completion: Arc<Completion<E>>,
    /// With the index of the record, in order of records.
    kept: Vec<(u32, Callback<E>)>,
    bytes: usize,
}

impl<E> Callbacks<E> {
    pub(super) fn new(completion: Arc<Completion<E>>) -> Self {
        Self {
            completion,
            kept: Vec::new(),
            bytes: 0,
        }
    }

    /// Keeps the callback of the record at `index`, the latest one.
    pub(super) fn push(&mut self, index: u32, callback: Callback<E>) {
        self.bytes += price_of(&callback);
        self.kept.push((index, callback));
    }

    /// How much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<E> Drop for Callbacks<E> {
    fn drop(&mut self) {
        self.completion.attach(std::mem::take(&mut self.kept));
    }
}
