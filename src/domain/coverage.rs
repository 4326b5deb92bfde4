//! What a scan knows of the estate, in figures: how much of what is declared was seen to be as declared, what is
//! missing, what nothing declares, and what is *unknown*, with the permission that is lacking.
//!
//! Unknown is a state of its own. It must never be counted as in sync, as drifted or as missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::AccountId;

/// The figures of one shard, or of a scan as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Resources that are declared where the scan looked, whether they exist or not.
    pub resources_declared: i64,
    /// Declared resources that were read whole and are as declared. Ignored differences do not count.
    pub resources_in_sync: i64,
    /// Declared resources that AWS does not have.
    pub resources_missing: i64,
    /// Resources of which something could not be read or compared. What could be may differ, so that one resource may
    /// be unknown and a drift.
    pub resources_unknown: i64,
    /// Declared resources that AWS is still changing, or will bring to what is declared.
    pub resources_converging: i64,
    /// Live resources that nothing declares, AWS's own left out; `None` where no listing told of them.
    pub resources_unmanaged: Option<i64>,
    /// Declared attributes that could not be read or compared.
    pub attributes_unknown: i64,
    /// Changes that ignore rules cover.
    pub changes_ignored: i64,
    /// What the credentials lack, by account and action.
    pub missing_actions: Vec<MissingAction>,
}

/// An IAM action that an account's credentials lack, and what it hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingAction {
    /// The account.
    pub account_id: AccountId,
    /// `s3:GetBucketPolicy`.
    pub action: String,
    /// Resources of which something is unknown because of it.
    pub resources: i64,
    /// Declared attributes that are unknown because of it.
    pub attributes: i64,
}

/// Something to know of a resource that is neither a drift nor a failed read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The resource.
    pub resource_id: String,
    /// JSON pointer of what it is about; empty for the resource as a whole.
    pub pointer: String,
    /// What it says.
    pub kind: NoteKind,
    /// The same in words.
    pub text: String,
}

/// What a note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// AWS is changing it, or will bring it to what is declared: it is not judged now.
    Converging,
    /// AWS will change it to something that is not declared. It is judged as it is.
    Scheduled,
    /// The declared and the live value cannot be compared: it is unknown.
    Incomparable,
}

/// A number of things as a figure.
#[must_use]
pub fn figure(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Coverage {
    /// Adds the figures of another part of the scan.
    pub fn add(&mut self, other: &Self) {
        self.resources_declared += other.resources_declared;
        self.resources_in_sync += other.resources_in_sync;
        self.resources_missing += other.resources_missing;
        self.resources_unknown += other.resources_unknown;
        self.resources_converging += other.resources_converging;
        self.resources_unmanaged = match (self.resources_unmanaged, other.resources_unmanaged) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
        self.attributes_unknown += other.attributes_unknown;
        self.changes_ignored += other.changes_ignored;
        let mut actions: BTreeMap<(AccountId, String), MissingAction> = BTreeMap::new();
        for missing in self.missing_actions.drain(..).chain(other.missing_actions.iter().cloned()) {
            let entry = actions.entry((missing.account_id.clone(), missing.action.clone()));
            entry
                .and_modify(|known| {
                    known.resources += missing.resources;
                    known.attributes += missing.attributes;
                })
                .or_insert(missing);
        }
        self.missing_actions = actions.into_values().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_each_missing_action_stands_once_for_an_account() {
        let part = |account: &str, unmanaged| Coverage {
            resources_declared: 2,
            resources_unmanaged: unmanaged,
            missing_actions: vec![MissingAction {
                account_id: account.into(),
                action: "s3:GetBucketPolicy".to_owned(),
                resources: 1,
                attributes: 3,
            }],
            ..Coverage::default()
        };
        let mut whole = Coverage::default();
        for (account, unmanaged) in [("222222222222", None), ("111111111111", Some(3)), ("222222222222", Some(4))] {
            whole.add(&part(account, unmanaged));
        }
        assert_eq!((whole.resources_declared, whole.resources_unmanaged), (6, Some(7)));
        let told: Vec<_> = whole.missing_actions.iter().map(|m| (m.account_id.as_str(), m.resources)).collect();
        assert_eq!(told, [("111111111111", 1), ("222222222222", 2)]);
        assert_eq!(whole.missing_actions[1].attributes, 6);
    }
}
