//! How a scan, or a shard of it, stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a scan or shard is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanStatus {
    /// Asked for.
    Queued,
    /// At work.
    Running,
    /// Everything was read.
    Succeeded,
    /// Something could not be read; the rest was compared.
    Partial,
    /// Nothing could be read.
    Failed,
}

impl ScanStatus {
    /// All.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Partial, Self::Failed];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Whether it is still to be finished.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

impl fmt::Display for ScanStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ScanStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| format!("`{text}` is no status of a scan"))
    }
}

impl ScanStatus {
    /// How a scan ended whose shards ended so: failed if all failed, partial if anything was not read, else succeeded.
    #[must_use]
    pub fn of_shards(shards: impl IntoIterator<Item = Self>) -> Self {
        let shards: Vec<Self> = shards.into_iter().collect();
        match shards.iter().filter(|status| **status == Self::Succeeded).count() {
            succeeded if succeeded == shards.len() => Self::Succeeded,
            _ if shards.iter().all(|status| *status == Self::Failed) => Self::Failed,
            _ => Self::Partial,
        }
    }
}
