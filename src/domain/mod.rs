//! The rules of drift, free of I/O: what a state is, how two are compared, how bad and how dear a difference is.
//!
//! Nothing here is async, reads a clock, opens a file or knows SQL, so that every rule can be tested by itself.
//! It must never hold a float: money is decimal, and a rounding error in an alert is a wrong alert.

pub mod alert;
pub mod approval;
pub mod baseline;
pub mod cost;
pub mod coverage;
pub mod diff;
pub mod drift;
pub mod id;
pub mod policy;
pub mod route;
pub mod rule;
pub mod scan;
pub mod schema;
pub mod severity;
pub mod state;
pub mod story;
pub mod user;
pub mod words;
