//! What went wrong with an AWS call, classified: whether to try again, what could not be read, what to do about it.
//!
//! A failed read is never an answer: what it did not tell is unknown.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::budget::OutOfTime;
use crate::domain::id::{AccountId, Region};

/// The SDK's error of an operation.
pub type SdkError<E> = aws_smithy_runtime_api::client::result::SdkError<E, HttpResponse>;

/// AWS's messages may hold a kilobyte of encoded authorisation details; this many characters are kept.
const MESSAGE_LENGTH: usize = 300;

const NOT_VALID: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "Blocked",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedOperation",
];
const THROTTLED: &[&str] =
    &["Throttl", "RequestLimitExceeded", "SlowDown", "TooManyRequests", "BandwidthLimitExceeded", "RequestThrottled"];
const NOT_FOUND: &[&str] = &["NotFound", "NoSuch", "DoesNotExist"];
const TIMED_OUT: &[&str] = &["RequestTimeout"];

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}:{operation} in {account_id}/{region} {class}{detail}")]
pub struct ReadError {
    /// IAM service prefix: `ec2`.
    pub service: &'static str,
    /// API operation: `DescribeInstances`.
    pub operation: &'static str,
    /// Account asked.
    pub account_id: AccountId,
    /// Region asked.
    pub region: Region,
    /// What went wrong.
    pub class: ErrorClass,
    /// AWS's code, message and request id as `: Code: message (request id …)`, then what to do; empty if there is none.
    pub detail: Box<str>,
    /// The IAM action that the credentials lack, if that is why.
    pub missing_action: Option<Box<str>>,
}

/// What went wrong with an AWS call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorClass {
    /// Credentials lack a permission, or are not valid at all.
    #[error("was denied")]
    Denied,
    /// AWS asked us to slow down, more often than retries could bear.
    #[error("was throttled")]
    Throttled,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// AWS failed (5xx), or the connection did.
    #[error("failed at the other end")]
    Unavailable,
    /// The asked-for thing does not exist.
    #[error("found nothing")]
    NotFound,
    /// Anything else: a request that AWS calls malformed, an answer we cannot read.
    #[error("failed")]
    Other,
}

/// What a call is made for: which of the printed policies allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read.
    Scan,
    /// To put something back.
    Remediate,
}

impl ReadError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.class, ErrorClass::Throttled | ErrorClass::TimedOut | ErrorClass::Unavailable)
    }

    /// The error that stands for an SDK error of `service:operation`. If AWS denied it, the error advises to allow
    /// `action`, which is not always the operation's name; without one it advises nothing.
    #[must_use]
    pub fn of_sdk<E>(
        service: &'static str,
        operation: &'static str,
        action: Option<&str>,
        place: (&AccountId, &Region),
        error: &SdkError<E>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        Self::of_call(Purpose::Scan, service, operation, action, place, error)
    }

    /// As [`Self::of_sdk`], for a call of any purpose.
    #[must_use]
    pub(super) fn of_call<E>(
        purpose: Purpose,
        service: &'static str,
        operation: &'static str,
        action: Option<&str>,
        (account_id, region): (&AccountId, &Region),
        error: &SdkError<E>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // Credentials are fetched on the way: their failure is told as what it is.
        if let Some(cause) = causes(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return cause.clone();
        }
        let mut missing_action = None;
        let (class, detail) = match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                missing_action = missing_action_of(action, status, context.err());
                of_answer(purpose, missing_action.as_deref(), status, context.err())
            }
            SdkError::TimeoutError(_) => (ErrorClass::TimedOut, innermost(error)),
            SdkError::DispatchFailure(_) if causes(error).any(<dyn Error>::is::<OutOfTime>) => {
                (ErrorClass::TimedOut, innermost(error))
            }
            SdkError::DispatchFailure(failure) if failure.is_timeout() => (ErrorClass::TimedOut, innermost(error)),
            SdkError::DispatchFailure(failure) if failure.is_io() => (ErrorClass::Unavailable, innermost(error)),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) if is_about_credentials(error) => {
                let why = if lacks_credentials(error) { ": there are none".to_owned() } else { innermost(error) };
                (ErrorClass::Denied, format!("{why}; {NO_CREDENTIALS}"))
            }
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => (ErrorClass::Unavailable, innermost(error)),
            _ => (ErrorClass::Other, innermost(error)),
        };
        let (account_id, region) = (account_id.clone(), region.clone());
        let missing_action = missing_action.map(Into::into);
        Self { service, operation, account_id, region, class, detail: detail.into(), missing_action }
    }
}

const NO_CREDENTIALS: &str = "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a profile \
                              (AWS_PROFILE), or by the role of the machine";

/// The action to grant if AWS denied the call for want of a permission: the one that AWS names, else `action`.
fn missing_action_of(action: Option<&str>, status: u16, error: &impl ProvideErrorMetadata) -> Option<String> {
    let code = error.code().unwrap_or_default();
    if NOT_VALID.contains(&code) || classify(code, status) != ErrorClass::Denied {
        return None;
    }
    let named = error.message().and_then(action_named_in);
    action.map(|action| named.unwrap_or(action).to_owned())
}

/// The action in "… is not authorized to perform: s3:GetBucketPolicy on resource …".
fn action_named_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-');
    let action = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
    let (service, name) = action.split_once(':')?;
    (!service.is_empty() && !name.is_empty() && !name.contains(':')).then_some(action)
}

/// Class and detail of an error that AWS itself told.
fn of_answer(
    purpose: Purpose,
    action: Option<&str>,
    status: u16,
    error: &(impl ProvideErrorMetadata + Error + 'static),
) -> (ErrorClass, String) {
    let code = error.code().unwrap_or_default();
    let class = classify(code, status);
    let told = match (code, error.message().unwrap_or_default()) {
        ("", "") if status < 300 => {
            let cause = causes(error).last().map(|cause| shorten(&cause.to_string())).unwrap_or_default();
            format!("the answer cannot be understood: {cause}")
        }
        ("", "") => format!("HTTP status {status}"),
        (code, "") => code.to_owned(),
        ("", message) => shorten(message),
        (code, message) => format!("{code}: {}", shorten(message)),
    };
    let id = error.meta().extra("aws_request_id").map_or_else(String::new, |id| format!(" (request id {id})"));
    let advice = if NOT_VALID.contains(&code) {
        "; the credentials are not valid: renew them".to_owned()
    } else if let (ErrorClass::Denied, Some(action)) = (class, action) {
        let (who, policy) = match purpose {
            Purpose::Scan => ("scans", "scan"),
            Purpose::Remediate => ("remediates", "remediate"),
        };
        format!(
            "; allow {action} to the role or user that {who}: `driftsentry iam-policy {policy}` prints the whole policy"
        )
    } else {
        String::new()
    };
    (class, format!(": {told}{id}{advice}"))
}

/// The class of an error by AWS's code, else by the HTTP status.
fn classify(code: &str, status: u16) -> ErrorClass {
    let begins = |codes: &[&str]| codes.iter().any(|known| code.starts_with(known));
    let contains = |codes: &[&str]| codes.iter().any(|known| code.contains(known));
    if NOT_VALID.contains(&code) || contains(DENIED) {
        ErrorClass::Denied
    } else if contains(THROTTLED) || status == 429 {
        ErrorClass::Throttled
    } else if begins(TIMED_OUT) || status == 408 {
        ErrorClass::TimedOut
    } else if status >= 500 {
        ErrorClass::Unavailable
    } else if contains(NOT_FOUND) || status == 404 {
        ErrorClass::NotFound
    } else if matches!(status, 401 | 403) {
        ErrorClass::Denied
    } else {
        ErrorClass::Other
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<CredentialsError>)
}

/// Whether no place that credentials are looked for in holds any.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| matches!(cause.downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_))))
}

/// The innermost cause, as the detail of an error without an answer.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, |cause| format!(": {}", shorten(&cause.to_string())))
}

fn shorten(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    match message.char_indices().nth(MESSAGE_LENGTH) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_the_class_before_the_status_does() {
        for (code, status, class) in [
            ("UnauthorizedOperation", 403, ErrorClass::Denied),
            ("AccessDenied", 403, ErrorClass::Denied),
            ("AuthFailure", 401, ErrorClass::Denied),
            ("ExpiredToken", 400, ErrorClass::Denied),
            ("", 403, ErrorClass::Denied),
            ("RequestLimitExceeded", 503, ErrorClass::Throttled),
            ("Throttling", 400, ErrorClass::Throttled),
            ("ThrottlingException", 400, ErrorClass::Throttled),
            ("SlowDown", 503, ErrorClass::Throttled),
            ("InternalError", 500, ErrorClass::Unavailable),
            ("ServiceUnavailable", 503, ErrorClass::Unavailable),
            ("RequestTimeout", 400, ErrorClass::TimedOut),
            ("NoSuchBucket", 404, ErrorClass::NotFound),
            ("InvalidInstanceID.NotFound", 400, ErrorClass::NotFound),
            ("DBInstanceNotFound", 404, ErrorClass::NotFound),
            ("InvalidParameterValue", 400, ErrorClass::Other),
        ] {
            assert_eq!(classify(code, status), class, "{code} {status}");
        }
    }

    #[test]
    fn the_action_that_aws_names_is_found() {
        let message = "User: arn:aws:sts::1:assumed-role/scan/x is not authorized to perform: s3:GetBucketPolicy on \
                       resource: \"arn:aws:s3:::b\" because no identity-based policy allows it";
        assert_eq!(action_named_in(message), Some("s3:GetBucketPolicy"));
        assert_eq!(action_named_in("not authorized to perform: kms:Decrypt"), Some("kms:Decrypt"));
        for other in ["Access Denied", "not authorized to perform: ", "not authorized to perform: this"] {
            assert_eq!(action_named_in(other), None, "{other}");
        }
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        assert_eq!(shorten("short."), "short");
        assert_eq!(shorten(&"ü".repeat(1000)).chars().count(), MESSAGE_LENGTH + 1);
    }
}
