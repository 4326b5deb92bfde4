//! What an alert can be about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertType {
    /// A scan found a drift, or a known one got worse.
    DriftDetected,
    /// Somebody has to decide.
    ApprovalNeeded,
    /// Putting it back did not work.
    RemediationFailed,
}

impl AlertType {
    /// All.
    pub const ALL: [Self; 3] = [Self::DriftDetected, Self::ApprovalNeeded, Self::RemediationFailed];

    /// The word in config, database and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DriftDetected => "drift_detected",
            Self::ApprovalNeeded => "approval_needed",
            Self::RemediationFailed => "remediation_failed",
        }
    }
}

impl fmt::Display for AlertType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AlertType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = "drift_detected, approval_needed or remediation_failed";
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no type of alert: {known}"))
    }
}
