//! The credentials of one account: the role that is assumed, or the default chain, and the proof that they belong to the
//! account that the configuration means.
//!
//! Drifts of one account written down under another's id would be worse than no scan, so nothing is read before the
//! account is proven. For an assumed role the answer of `sts:AssumeRole` proves it and costs no call of its own.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::sync::Mutex;

use super::error::{ErrorClass, ReadError, SdkError};
use crate::config::secret::Secret;
use crate::domain::id::{AccountId, Region};

/// The session's name in the audit trail of AWS.
const SESSION_NAME: &str = "driftsentry";

/// Credentials are renewed when they have less than this to live: longer than any call with its retries.
const RENEW_BEFORE: Duration = Duration::from_mins(10);

/// A role that is assumed, and its present credentials.
#[derive(Debug)]
pub(super) struct AssumedRole {
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) role_arn: String,
    pub(super) external_id: Option<Secret>,
    pub(super) account_id: AccountId,
    pub(super) region: Region,
    pub(super) current: Mutex<Option<Credentials>>,
}

impl AssumedRole {
    /// Present credentials; the role is assumed if there are none or they end soon. Concurrent callers share one call.
    pub(super) async fn credentials(&self) -> Result<Credentials, ReadError> {
        let mut current = self.current.lock().await;
        if let Some(credentials) = current.as_ref().filter(|credentials| is_fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let credentials = self.assume().await?;
        *current = Some(credentials.clone());
        Ok(credentials)
    }

    async fn assume(&self) -> Result<Credentials, ReadError> {
        let request = self.sts.assume_role().role_arn(&self.role_arn).role_session_name(SESSION_NAME);
        let external_id = self.external_id.as_ref().map(|id| id.expose().to_owned());
        let answer = request.set_external_id(external_id).send().await.map_err(|error| self.refused(&error))?;
        let arn = answer.assumed_role_user().map(aws_sdk_sts::types::AssumedRoleUser::arn).unwrap_or_default();
        match account_of(arn) {
            Some(id) if id == self.account_id.as_str() => {}
            _ => return Err(self.other_account(arn)),
        }
        let Some(credentials) = answer.credentials else {
            return Err(self.error(ErrorClass::Other, ": the answer holds no credentials".to_owned()));
        };
        let expiry = SystemTime::try_from(*credentials.expiration()).ok();
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            expiry,
            "driftsentry",
        ))
    }

    fn refused(&self, error: &SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError>) -> ReadError {
        let mut refused = ReadError::of_sdk("sts", "AssumeRole", None, (&self.account_id, &self.region), error);
        if refused.class == ErrorClass::Denied {
            refused.missing_action = Some("sts:AssumeRole".into());
            let (detail, role) = (&refused.detail, &self.role_arn);
            let advice = "must name the caller, and the external id must be the configured one";
            refused.detail = format!("{detail}; the trust policy of {role} {advice}").into();
        }
        refused
    }

    fn other_account(&self, arn: &str) -> ReadError {
        let detail = format!(
            ": {} gave {arn}, which is not in account {}: correct the account's id or role_arn",
            self.role_arn, self.account_id
        );
        self.error(ErrorClass::Other, detail)
    }

    fn error(&self, class: ErrorClass, detail: String) -> ReadError {
        let (account_id, region) = (self.account_id.clone(), self.region.clone());
        let detail = detail.into();
        ReadError { service: "sts", operation: "AssumeRole", account_id, region, class, detail, missing_action: None }
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.credentials().await.map_err(CredentialsError::provider_error) })
    }
}

/// The account of the credentials behind `sts`.
pub(super) async fn caller_account(
    sts: &aws_sdk_sts::Client,
    expected: Option<&AccountId>,
    region: &Region,
) -> Result<AccountId, ReadError> {
    let unknown = AccountId::from("(default credentials)");
    let asked = expected.unwrap_or(&unknown);
    let answer = sts.get_caller_identity().send().await;
    let answer =
        answer.map_err(|error| ReadError::of_sdk("sts", "GetCallerIdentity", None, (asked, region), &error))?;
    let found = AccountId::from(answer.account().unwrap_or_default());
    let fault = match expected {
        _ if !found.is_valid() => format!(": the answer names no account: `{found}`"),
        Some(expected) if *expected != found => format!(
            ": the default credentials belong to account {found}, not {expected}: correct the account's id, or give it a role_arn"
        ),
        _ => return Ok(found),
    };
    Err(ReadError {
        service: "sts",
        operation: "GetCallerIdentity",
        account_id: asked.clone(),
        region: region.clone(),
        class: ErrorClass::Other,
        detail: fault.into(),
        missing_action: None,
    })
}

fn is_fresh(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + RENEW_BEFORE)
}

/// The account in an ARN.
fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_account() {
        assert_eq!(account_of("arn:aws:sts::123456789012:assumed-role/scan/driftsentry"), Some("123456789012"));
        assert_eq!(account_of("arn:aws:s3:::bucket"), None);
        assert_eq!(account_of(""), None);
    }

    #[test]
    fn credentials_that_end_soon_are_not_fresh() {
        let ending = |left| Credentials::new("a", "b", None, Some(SystemTime::now() + left), "test");
        assert!(is_fresh(&ending(RENEW_BEFORE * 2)));
        assert!(!is_fresh(&ending(RENEW_BEFORE / 2)));
        assert!(is_fresh(&Credentials::new("a", "b", None, None, "test")));
    }
}
