//! The integration tests: one binary, real parts.
#![allow(missing_docs, reason = "tests are their own documentation")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aws_pool;
mod mutation;
