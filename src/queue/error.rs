//! The outcome of a job that did not complete, as a type.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use crate::store::StoreError;

type Source = Box<dyn Error + Send + Sync>;

/// Why a job did not complete and what is to become of it.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed later: try again, after the policy's backoff or after a given time.
    #[error("the attempt failed")]
    Retry {
        /// Why.
        source: Source,
        /// How long to wait; `None` leaves it to the policy.
        after: Option<Duration>,
    },
    /// It is not its time yet; the attempt does not count.
    #[error("not before {0:?} from now")]
    Snooze(Duration),
    /// It cannot succeed.
    #[error("the job was given up")]
    GiveUp {
        /// Why.
        source: Source,
    },
}

impl JobError {
    /// Try again after the policy's backoff.
    pub fn retry(source: impl Into<Source>) -> Self {
        Self::Retry { source: source.into(), after: None }
    }

    /// Try again after a time that somebody told, such as `Retry-After`.
    pub fn retry_after(source: impl Into<Source>, after: Duration) -> Self {
        Self::Retry { source: source.into(), after: Some(after) }
    }

    /// Do not try again.
    pub fn give_up(source: impl Into<Source>) -> Self {
        Self::GiveUp { source: source.into() }
    }
}

/// A failed statement may be the server's bad moment even if it does not look like one, so it is tried again; what the
/// store itself refuses will be refused again.
impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        let is_worth_it = error.is_transient() || matches!(error, StoreError::Sql { .. } | StoreError::RowCount { .. });
        if is_worth_it { Self::retry(error) } else { Self::give_up(error) }
    }
}

/// The error and all its causes in one line, as it is kept in `last_error`.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("writing to a String cannot fail");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_every_cause_once() {
        let error = JobError::retry(StoreError::Sql { step: "claim jobs", source: sqlx::Error::PoolTimedOut });
        let JobError::Retry { source, after: None } = error else { panic!("{error:?}") };
        let text = chain(&*source);
        assert!(text.starts_with("claim jobs: "), "{text}");
        assert_eq!(text.matches("claim jobs").count(), 1);
    }

    #[test]
    fn a_refusal_of_the_store_is_not_tried_again() {
        assert!(matches!(JobError::from(StoreError::NotFound("x".into())), JobError::GiveUp { .. }));
        let lost = StoreError::Sql { step: "x", source: sqlx::Error::PoolTimedOut };
        assert!(matches!(JobError::from(lost), JobError::Retry { .. }));
    }
}
