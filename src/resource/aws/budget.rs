//! How long the attempts of one AWS operation may take together.
//!
//! A call that hangs is tried again and hangs again; the time-out of a single attempt alone would let it hold a shard
//! for minutes. The SDK marks all attempts of one operation with the same id, by which the time that the failed ones took
//! is added up here. Waiting for a token or between attempts is not counted: it is ours, not AWS's. An operation that
//! succeeds leaves nothing behind.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The time that attempts of operations under way have used up.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<HashMap<String, Duration>>);

/// An operation that has no time left.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?} in several attempts")]
pub(super) struct OutOfTime(pub(super) Duration);

/// One attempt of an operation, as the SDK's headers tell it.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The operation; `None` if the request does not tell, as nothing but the SDK sends such headers.
    operation: Option<String>,
    /// Whether no other attempt follows this one if it fails.
    is_last: bool,
}

impl Attempt {
    /// The attempt that a request is.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = |name: &str| request.headers().get(name);
        let number = |name: &str| {
            let parts = header("amz-sdk-request")?.split(';');
            parts.filter_map(|part| part.trim().split_once('=')).find(|(key, _)| *key == name)?.1.parse::<u32>().ok()
        };
        let is_last = number("attempt").zip(number("max")).is_none_or(|(attempt, max)| attempt >= max);
        Self { operation: header("amz-sdk-invocation-id").map(str::to_owned), is_last }
    }
}

impl Budgets {
    /// What is left for the attempt of the `whole` that its operation has.
    pub(super) fn left(&self, attempt: &Attempt, whole: Duration) -> Duration {
        let spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = attempt.operation.as_ref().and_then(|operation| spent.get(operation));
        whole.saturating_sub(spent.copied().unwrap_or_default())
    }

    /// Notes how the attempt ended and what it took.
    pub(super) fn note(&self, attempt: Attempt, failed: bool, took: Duration) {
        let Some(operation) = attempt.operation else { return };
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed && !attempt.is_last {
            *spent.entry(operation).or_default() += took;
        } else {
            spent.remove(&operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(operation: &str, number: u32) -> Attempt {
        let mut request = HttpRequest::empty();
        request.headers_mut().insert("amz-sdk-invocation-id", operation.to_owned());
        request.headers_mut().insert("amz-sdk-request", format!("ttl=20261123T000000Z; attempt={number}; max=3"));
        Attempt::of(&request)
    }

    #[test]
    fn failed_attempts_of_an_operation_share_its_time_and_a_success_forgets_them() {
        let (budgets, minute) = (Budgets::default(), Duration::from_mins(1));
        let left = |operation: &str, number| budgets.left(&attempt(operation, number), minute).as_secs();
        assert_eq!(left("a", 1), 60);
        budgets.note(attempt("a", 1), true, Duration::from_secs(20));
        assert_eq!((left("a", 2), left("b", 1)), (40, 60), "each operation has its own");
        budgets.note(attempt("a", 2), true, Duration::from_secs(50));
        assert_eq!(left("a", 3), 0);
        budgets.note(attempt("a", 3), true, Duration::ZERO);
        budgets.note(attempt("b", 1), true, Duration::from_secs(1));
        budgets.note(attempt("b", 2), false, Duration::from_secs(1));
        assert!(budgets.0.lock().unwrap().is_empty(), "nothing is kept of operations that are over");
    }
}
