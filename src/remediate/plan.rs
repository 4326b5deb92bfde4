//! What would be done to put a drift back, and what speaks against it. Reads AWS, changes nothing.

use serde::Serialize;

use super::guard::{self, Objection};
use super::live::{Seen, Sight, strange};
use super::permission::Permission;
use super::{RemediateError, Remediator, kind_of};
use crate::domain::approval::seen_hash;
use crate::domain::diff::Change;
use crate::domain::drift::{Drift, DriftKind};
use crate::resource::fix::ManualFix;
use crate::resource::{Aws, FixPlan, FixRequest, FixStep};
use crate::store::{self, Store};

/// What would be done.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// The drift.
    #[serde(skip)]
    pub drift: Drift,
    /// Fingerprint of what the drift says, to be named in `drifts approve --seen`.
    pub seen: String,
    /// What differs now.
    pub changes: Vec<Change>,
    /// What of it the drift does not tell: a scan has not seen it yet.
    pub unseen: Vec<Change>,
    /// The calls, in their order.
    pub steps: Vec<PlannedStep>,
    /// What no call puts back.
    pub manual: Vec<ManualFix>,
    /// What speaks against it as a whole.
    pub objections: Vec<Objection>,
    /// The IAM actions that it needs.
    pub permissions: Vec<Permission>,
    /// What to run instead, if Terraform declares the resource.
    pub terraform: Option<String>,
}

/// One call of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// The call.
    #[serde(flatten)]
    pub step: FixStep,
    /// What speaks against it.
    pub objections: Vec<Objection>,
}

impl Planned {
    /// Whether it could be carried out, now or by waiting.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let mut all = self.objections.iter().chain(self.steps.iter().flat_map(|step| &step.objections));
        self.unseen.is_empty() && all.all(|objection| objection.waits)
    }
}

impl Remediator {
    /// Reads what is live and plans.
    ///
    /// # Errors
    /// If the resource cannot be read, or is being changed by AWS.
    pub async fn plan(&self, store: &Store, drift: Drift) -> Result<Planned, RemediateError> {
        let mut conn = store.conn().await?;
        let ignore = store::ignore::rules(&mut conn).await?;
        let switch = store::remediation::switch(&mut conn).await?;
        drop(conn);
        let aws = self.pool.aws(&drift.key.scope).await?;
        let (changes, plan, unseen) = match drift.kind {
            DriftKind::Changed => match self.look(&aws, &drift, &ignore).await? {
                Sight::Seen(seen) => {
                    let unseen = strange(&drift, &seen.changes, &[]).into_iter().cloned().collect();
                    (seen.changes.clone(), self.steps(&aws, &drift, &seen).await?, unseen)
                }
                Sight::Gone => return Err(RemediateError::Refused(format!("{} is gone: scan again", drift.key))),
                Sight::Unsettled(doing) => {
                    return Err(RemediateError::NotNow(format!("AWS is still at work on {}: {doing}", drift.key)));
                }
            },
            _ => (drift.changes.clone(), FixPlan::of_existence(&drift.changes).unwrap_or_default(), Vec::new()),
        };
        let mut objections = guard::of_drift(&self.config, &drift, &changes, &plan);
        objections.extend(guard::of_switch(&switch));
        let now = self.clock.now();
        let steps = plan
            .steps
            .iter()
            .map(|step| PlannedStep { objections: guard::of_step(&self.config, step, now), step: step.clone() });
        Ok(Planned {
            seen: seen_hash(&drift.expected_state, &drift.actual_state),
            steps: steps.collect(),
            permissions: self.permissions(&aws, &drift, &plan).await,
            manual: plan.manual,
            objections,
            terraform: drift.terraform_address.as_ref().map(|address| format!("terraform apply -target='{address}'")),
            changes,
            unseen,
            drift,
        })
    }

    /// The type's plan for what was seen.
    pub(super) async fn steps(&self, aws: &Aws, drift: &Drift, seen: &Seen) -> Result<FixPlan, RemediateError> {
        let request = FixRequest {
            key: &drift.key,
            expected: &seen.expected,
            actual: &seen.actual,
            changes: &seen.changes,
            apply_immediately: self.config.apply_immediately,
        };
        Ok(kind_of(drift)?.plan_fix(aws, request).await?)
    }
}
