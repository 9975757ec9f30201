//! What a lane is called by whatever refers to it: timers, requests on their way, its queue.

/// Index of a lane in the engine, echoed by its queue.
pub(crate) type LaneKey = u32;
