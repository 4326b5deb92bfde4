//! The integration tests: one binary, real parts.
#![allow(missing_docs, reason = "tests are their own documentation")]

mod mutation;
