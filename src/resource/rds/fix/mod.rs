//! Putting a database back: tags and roles by calls of their own, all else by one `ModifyDBInstance`.
//!
//! Whether that call acts at once or in AWS's own maintenance window is the caller's choice. To act at once has a side
//! effect that a plan must tell: AWS then applies everything else that waits for the window, too.
//!
//! A change that AWS has accepted already and that only waits (`PendingModifiedValues`) needs no call: the plan holds
//! nothing for it. A database that AWS is still working on is busy, and no plan is made from what it looks like
//! meanwhile, tags apart. Nothing here sends a password, makes a database anew or deletes one.
//!
//! Every step may be repeated, and the plan made anew after any of them holds what is still to be done.

mod call;
mod draft;
mod insights;
mod manual;
mod modify;
mod parameters;
mod roles;
mod rules;
mod storage;
mod tags;
#[cfg(test)]
mod tests;

use aws_sdk_rds::types::DbInstance;

use super::read::{Reading, reading};
use crate::resource::aws::ErrorClass;
use crate::resource::fix::{FixError, FixPlan, FixRequest};
use crate::resource::{Aws, ReadError};
pub(super) use call::call;
use draft::Draft;

/// The IAM actions that steps take; what planning reads, scans read too.
pub(super) const ACTIONS: &[&str] = &[
    "iam:PassRole",
    "rds:AddRoleToDBInstance",
    "rds:AddTagsToResource",
    "rds:ModifyDBInstance",
    "rds:RemoveRoleFromDBInstance",
    "rds:RemoveTagsFromResource",
];

/// Statuses in which AWS takes changes. While storage is being optimised it refuses changes of storage alone, and says
/// so; full storage is what growing it is for.
const AT_REST: &[&str] = &["available", "storage-optimization", "storage-full"];

/// The plan, with the database as it is now read from AWS: its ARN, its status, what is pending.
///
/// # Errors
/// If it cannot be read; if it is not at rest and the plan has to wait for that.
pub(super) async fn plan_fix(aws: &Aws, request: FixRequest<'_>) -> Result<FixPlan, FixError> {
    if let Some(plan) = FixPlan::of_existence(request.changes) {
        return Ok(plan);
    }
    let now = reading(read_database(aws, &request.key.resource_id).await?);
    let plan = plan(request, &now);
    match plan.steps.iter().find(|step| !tags::OPERATIONS.contains(&step.operation)) {
        Some(step) if !AT_REST.contains(&now.status.as_str()) => {
            let resource = request.key.resource_id.clone();
            Err(FixError::Busy { resource, state: now.status, operation: step.operation })
        }
        _ => Ok(plan),
    }
}

/// The pure core.
fn plan(request: FixRequest<'_>, now: &Reading) -> FixPlan {
    let mut draft = Draft::new(request, now);
    tags::plan(&mut draft);
    roles::plan(&mut draft);
    modify::plan(&mut draft);
    manual::plan(&mut draft);
    draft.finish()
}

/// The database as AWS tells it.
///
/// # Errors
/// If it cannot be read, or is gone.
async fn read_database(aws: &Aws, id: &str) -> Result<DbInstance, FixError> {
    const OPERATION: &str = "DescribeDBInstances";
    let answer = aws.rds.describe_db_instances().db_instance_identifier(id).send().await;
    let answer = answer.map_err(|error| aws.fix_error("rds:DescribeDBInstances", "rds", OPERATION, &error))?;
    answer.db_instances.unwrap_or_default().into_iter().next().ok_or_else(|| {
        let (account_id, region) = (aws.account_id.clone(), aws.region.clone());
        let detail = format!(": the answer holds no {id}").into();
        let class = ErrorClass::NotFound;
        let error =
            ReadError { service: "rds", operation: OPERATION, account_id, region, class, detail, missing_action: None };
        error.into()
    })
}
