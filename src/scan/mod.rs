//! Scans: what is read, how it is judged, how it is recorded.

mod lifecycle;
pub mod record;
