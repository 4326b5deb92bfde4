//! A drift and its life: what a scan found, what is stored, which moves are legal.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cost::{self, CostImpact};
use super::diff::Change;
use super::id::{DriftId, ResourceKey};
use super::severity::Severity;

/// How a resource departs from its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftKind {
    /// It is there and differs.
    Changed,
    /// It is declared and gone.
    Missing,
    /// It is there and nothing declares it.
    Unmanaged,
}

impl DriftKind {
    /// The kind that two stored states tell: JSON `null` stands for "not declared" and for "gone".
    #[must_use]
    pub fn of(expected: &Value, actual: &Value) -> Self {
        match (expected, actual) {
            (_, Value::Null) => Self::Missing,
            (Value::Null, _) => Self::Unmanaged,
            _ => Self::Changed,
        }
    }
}

/// What a scan found out about one resource that is not as declared. As JSON it has the names of a stored [`Drift`], so
/// that a dry run reads like a scan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The resource.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// How it departs.
    pub kind: DriftKind,
    /// The declared state, canonical; `null` if nothing declares it.
    #[serde(rename = "expected_state")]
    pub expected: Value,
    /// The live state of the declared attributes, canonical; `null` if it is gone.
    #[serde(rename = "actual_state")]
    pub actual: Value,
    /// RFC 6902 patch from `expected` to `actual`.
    pub difference: Value,
    /// The same for people: the worst first, as [`super::story::worst_first`] sorts them; one entry with an empty
    /// pointer if missing or unmanaged.
    pub changes: Vec<Change>,
    /// The worst change's rating.
    pub severity: Severity,
    /// What it costs a month.
    #[serde(flatten)]
    pub cost: CostImpact,
    /// Where the declaration stands, for people: `expected/web.json#/resources/3`; `None` if unmanaged.
    pub declared_in: Option<String>,
    /// Its Terraform address, if Terraform declares it: `module.web.aws_instance.app[0]`.
    pub terraform_address: Option<String>,
}

/// Where a drift is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftStatus {
    /// Found by a scan.
    Detected,
    /// Looked at by someone.
    Triaged,
    /// To be put back.
    Approved,
    /// To stay as it is.
    Rejected,
    /// Over.
    Resolved,
}

impl DriftStatus {
    /// All, in the order of a drift's life.
    pub const ALL: [Self; 5] = [Self::Detected, Self::Triaged, Self::Approved, Self::Rejected, Self::Resolved];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Triaged => "triaged",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Resolved => "resolved",
        }
    }

    /// The legal moves, the same that the database enforces.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Detected => &[Self::Triaged, Self::Rejected],
            Self::Triaged => &[Self::Approved, Self::Rejected],
            Self::Approved | Self::Rejected => &[Self::Resolved],
            Self::Resolved => &[],
        }
    }

    /// Whether it is open: detected, triaged or approved.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Detected | Self::Triaged | Self::Approved)
    }
}

impl fmt::Display for DriftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is no status: detected, triaged, approved, rejected or resolved")]
pub struct UnknownStatus(pub String);

impl FromStr for DriftStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// Who made a scan happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetectedBy {
    /// A schedule's tick.
    Scheduler,
    /// The `scan` command.
    Manual,
    /// The HTTP API.
    Api,
}

impl DetectedBy {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Manual => "manual",
            Self::Api => "api",
        }
    }
}

impl FromStr for DetectedBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Scheduler, Self::Manual, Self::Api]
            .into_iter()
            .find(|d| d.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no origin of a scan: scheduler, manual or api"))
    }
}

/// How a drift came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedHow {
    /// DriftSentry put the resource back.
    AutoRemediate,
    /// Somebody made live and expected state equal again.
    ManualFix,
    /// It is no longer of interest: superseded, or nothing declares the resource any more.
    Acknowledged,
}

impl ResolvedHow {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AutoRemediate => "auto-remediate",
            Self::ManualFix => "manual-fix",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// A stored drift, as people and programs read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Its id.
    pub id: DriftId,
    /// The resource.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// The account's configured name when it was found.
    pub account_name: Option<String>,
    /// How it departs.
    pub kind: DriftKind,
    /// The declared state; `null` if nothing declares it.
    pub expected_state: Value,
    /// The live state of the declared attributes; `null` if it is gone.
    pub actual_state: Value,
    /// RFC 6902 patch from expected to actual.
    pub difference: Value,
    /// The same for people, the worst first.
    pub changes: Vec<Change>,
    /// How bad.
    pub severity: Severity,
    /// US dollars a month; `null` if unknown.
    #[serde(serialize_with = "cost::cents")]
    pub cost_impact_monthly: Option<rust_decimal::Decimal>,
    /// Why the cost is unknown; `null` if it is known.
    pub cost_unknown_reason: Option<String>,
    /// Where it is declared, for people.
    pub declared_in: Option<String>,
    /// Its Terraform address, if Terraform declares it: `module.web.aws_instance.app[0]`.
    pub terraform_address: Option<String>,
    /// The drift that was put back within a day before this one and changed the same: something undoes what
    /// remediation does.
    pub recurs_after: Option<DriftId>,
    /// Where it is in its life.
    pub status: DriftStatus,
    /// When the difference was first seen.
    pub detected_at: DateTime<Utc>,
    /// Who made the scan happen.
    pub detected_by: DetectedBy,
    /// When it was approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// Why it was approved.
    pub approval_reason: Option<String>,
    /// When it was rejected.
    pub rejected_at: Option<DateTime<Utc>>,
    /// Why it was rejected.
    pub rejection_reason: Option<String>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// `auto-remediate`, `manual-fix` or `acknowledged`.
    pub resolved_how: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::id::Scope;

    #[test]
    fn a_finding_reads_like_a_stored_drift() {
        let scope =
            Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: "EC2".to_owned() };
        let finding = |cost| Finding {
            key: ResourceKey { scope: scope.clone(), resource_id: "i-1".to_owned() },
            kind: DriftKind::Missing,
            expected: json!({}),
            actual: Value::Null,
            difference: json!([]),
            changes: Vec::new(),
            severity: Severity::Warning,
            cost,
            declared_in: None,
            terraform_address: None,
        };
        let known = json!(finding(CostImpact::Known(cost::Money("-70.08".parse().expect("a number")))));
        assert_eq!(known["cost_impact_monthly"], json!("-70.08"));
        assert_eq!(json!(finding(CostImpact::Known(cost::Money::ZERO)))["cost_impact_monthly"], json!("0.00"));
        let unknown = json!(finding(CostImpact::Unknown("no price".to_owned())));
        assert_eq!(
            (&unknown["cost_impact_monthly"], &unknown["cost_unknown_reason"]),
            (&Value::Null, &json!("no price"))
        );
        for name in ["account_id", "resource_id", "expected_state", "actual_state", "difference", "declared_in"] {
            assert!(known.get(name).is_some(), "{name}");
        }
    }
}
