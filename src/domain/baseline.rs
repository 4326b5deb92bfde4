//! The baseline: expected state that is kept in the database, in versions.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::id::{DriftId, ResourceKey, UserId};
use super::state::ResourceState;

/// The document that declarations of the baseline stand in.
pub const DOCUMENT: &str = "baseline";

/// What made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineAct {
    /// Live state was captured.
    Captured,
    /// The live state of one drift was taken over.
    Accepted,
    /// Resources were taken out by hand.
    Removed,
}

impl BaselineAct {
    /// All.
    pub const ALL: [Self; 3] = [Self::Captured, Self::Accepted, Self::Removed];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Accepted => "accepted",
            Self::Removed => "removed",
        }
    }
}

impl std::str::FromStr for BaselineAct {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|act| act.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no act that makes a version of the baseline"))
    }
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaselineVersion {
    /// Its number, from 1.
    pub version: i64,
    /// What made it.
    pub act: BaselineAct,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who; `None` if nobody was named.
    pub created_by: Option<UserId>,
    /// The user's address at the time.
    pub created_by_email: Option<String>,
    /// Why, in the user's words.
    pub note: Option<String>,
    /// The drift whose live state was accepted.
    pub drift_id: Option<DriftId>,
    /// Resources that the version before did not hold.
    pub added: i64,
    /// Resources that the version before held otherwise.
    pub changed: i64,
    /// Resources that the version before held and this one does not.
    pub removed: i64,
    /// Resources that it holds.
    pub resources: i64,
}

/// What a version says of one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaselineEntry {
    /// The resource.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// The first version that says so.
    #[serde(skip)]
    pub since_version: i64,
    /// Expected state.
    pub state: ResourceState,
}

/// Where in [`DOCUMENT`] what a version says stands: `/versions/3`.
#[must_use]
pub fn place_in_document(since_version: i64) -> String {
    format!("/versions/{since_version}")
}

/// Whether the place of a declaration, as a drift keeps it, is in the baseline.
#[must_use]
pub fn is_place_in_baseline(declared_in: &str) -> bool {
    let version = declared_in.strip_prefix(DOCUMENT).and_then(|rest| rest.strip_prefix("#/versions/"));
    version.is_some_and(|version| version.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_baseline_is_told_from_one_in_a_file_of_that_name() {
        assert!(is_place_in_baseline(&format!("{DOCUMENT}#{}", place_in_document(12))));
        for elsewhere in ["baseline#/resources/0", "baseline.json#/versions/1", "baseline#/versions/x", "baseline"] {
            assert!(!is_place_in_baseline(elsewhere), "{elsewhere}");
        }
    }
}
