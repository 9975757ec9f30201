//! Each way in which TLS fails, and what is said of it.
