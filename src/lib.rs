//! DriftSentry: what in our AWS accounts no longer matches what we declared, how bad is it, what does it cost, who must know.

pub mod clock;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod embedded;
pub mod expected;
pub mod jobs;
pub mod notify;
pub mod prices;
pub mod queue;
pub mod resource;
pub mod scan;
pub mod shutdown;
pub mod store;
