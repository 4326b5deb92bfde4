//! The messages of the job queue: plain data and policy. This is the wire contract between replicas and versions.
//!
//! A `KIND` is never renamed, only aliased; a field is added with a default, never removed while old rows may exist.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Unmanaged;
use crate::domain::drift::DetectedBy;
use crate::domain::id::{AlertId, DriftId, ScanId, Scope};
use crate::queue::{JobArgs, Policy};

/// Read, compare and record one shard of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanShard {
    /// The scan that it belongs to.
    pub scan_id: ScanId,
    /// What it covers.
    pub scope: Scope,
    /// Whether undeclared resources are reported.
    pub unmanaged: Unmanaged,
    /// Who made the scan happen.
    pub detected_by: DetectedBy,
}

impl JobArgs for ScanShard {
    const KIND: &'static str = "scan_shard";
    const POLICY: Policy =
        Policy { max_attempts: 5, backoff_base: Duration::from_secs(2), backoff_cap: Duration::from_mins(1) };
}

/// Send one alert through one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverAlert {
    /// The alert.
    pub alert_id: AlertId,
    /// The channel's configured name.
    pub channel: String,
}

impl JobArgs for DeliverAlert {
    const KIND: &'static str = "deliver_alert";
    const POLICY: Policy =
        Policy { max_attempts: 20, backoff_base: Duration::from_secs(5), backoff_cap: Duration::from_hours(1) };
}

/// Put an approved drift back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remediate {
    /// The drift.
    pub drift_id: DriftId,
    /// Fingerprint of the states that the approval is bound to ([`crate::domain::approval::seen_hash`]).
    pub seen: String,
    /// Whether somebody approved it once more after a failure, which lifts the limit per run.
    #[serde(default)]
    pub again: bool,
}

impl JobArgs for Remediate {
    const KIND: &'static str = "remediate";
    const POLICY: Policy =
        Policy { max_attempts: 8, backoff_base: Duration::from_secs(2), backoff_cap: Duration::from_mins(5) };
}

/// Approve a drift by a rule, if its plan holds nothing that a person should see first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoApprove {
    /// The drift.
    pub drift_id: DriftId,
    /// The rule's name.
    pub rule: String,
}

impl JobArgs for AutoApprove {
    const KIND: &'static str = "auto_approve";
    const POLICY: Policy =
        Policy { max_attempts: 5, backoff_base: Duration::from_secs(2), backoff_cap: Duration::from_mins(5) };
}
