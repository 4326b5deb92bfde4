//! What the queue's sources know of the product's domain: ids.

#[path = "../../../../src/domain/id.rs"]
pub mod id;

/// The store's error can name the status of a drift. The queue never makes that error, so here no value of it exists.
pub mod drift {
    use std::fmt;

    /// Nothing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DriftStatus {}

    impl DriftStatus {
        /// Where a drift may go from here.
        pub fn next(self) -> &'static [Self] {
            match self {}
        }
    }

    impl fmt::Display for DriftStatus {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            match *self {}
        }
    }
}
