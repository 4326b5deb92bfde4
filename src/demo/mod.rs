//! The demo's world: a small estate made through the AWS API, and the mistakes that people then make in it.
//!
//! Everything happens in the AWS emulator that the demo has started. It must never be pointed at a real account.

mod databases;
mod estate;
mod instances;
mod mistakes;
mod network;
mod storage;

pub use estate::{Estate, REGIONS, build};
pub use mistakes::make_mistakes;
