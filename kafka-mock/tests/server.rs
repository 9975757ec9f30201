//! The cluster on sockets.
