//! Names of things: ids of our rows and the keys of AWS resources.
//!
//! Newtypes, so that an alert's id cannot be passed where a drift's is meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines a newtype over a time-ordered UUID.
macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id, ordered by time of creation (UUID version 7).
            #[must_use]
            #[allow(clippy::new_without_default, reason = "each call gives another value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// A row of `drifts`.
    DriftId;
    /// A row of `scans`.
    ScanId;
    /// A row of `alerts`.
    AlertId;
    /// A row of `jobs`.
    JobId;
    /// A row of `users`.
    UserId;
    /// A row of `ignore_rules`.
    IgnoreRuleId;
}

/// Defines a newtype over text.
macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

text_id! {
    /// An AWS account: twelve digits.
    AccountId;
    /// An AWS region (`us-east-1`), or [`GLOBAL`] for resources that have none.
    Region;
}

/// The region of resources that belong to an account as a whole, such as IAM roles.
pub const GLOBAL: &str = "global";

impl AccountId {
    /// Whether this is twelve digits, as AWS writes account ids.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.len() == 12 && self.0.bytes().all(|b| b.is_ascii_digit())
    }
}

impl Region {
    /// The region of account-wide resources.
    #[must_use]
    pub fn global() -> Self {
        Self::from(GLOBAL)
    }

    /// Whether this is shaped as AWS writes regions: words in small letters, then a number (`us-east-1`,
    /// `us-gov-west-1`, `eusc-de-east-1`). [`GLOBAL`] is not.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let parts: Vec<&str> = self.0.split('-').collect();
        let Some((number, words)) = parts.split_last() else { return false };
        let is_word = |word: &&str| word.len() >= 2 && word.bytes().all(|b| b.is_ascii_lowercase());
        let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        (2..=4).contains(&words.len()) && words.iter().all(is_word) && is_number
    }
}

/// What one shard of a scan covers: the resources of one type in one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// The account that owns the resources.
    pub account_id: AccountId,
    /// The region that holds them; [`GLOBAL`] for account-wide types.
    pub region: Region,
    /// The type's name (`EC2`), as in config and database.
    pub resource_type: String,
}

impl Scope {
    /// The key of the resource `id` in this scope.
    #[must_use]
    pub fn key(&self, id: &str) -> ResourceKey {
        ResourceKey { scope: self.clone(), resource_id: id.to_owned() }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}/{}", self.resource_type, self.account_id, self.region)
    }
}

/// The identity of one AWS resource: at most one open drift exists per key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceKey {
    /// Account, region and type.
    #[serde(flatten)]
    pub scope: Scope,
    /// Instance id, DB instance identifier, bucket name, role name or group id.
    pub resource_id: String,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { account_id, region, resource_type } = &self.scope;
        write!(f, "{resource_type} {} ({account_id}/{region})", self.resource_id)
    }
}

/// An account that is scanned, its id known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedAccount {
    /// Its name in the configuration; `None` for the account of the default credentials.
    pub name: Option<String>,
    /// Its id.
    pub id: AccountId,
    /// The regions that are scanned; never empty. The first one answers for what lies in no scanned region.
    pub regions: Vec<Region>,
}

impl ScannedAccount {
    /// Whether `text` names it, by configured name or by id.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        self.name.as_deref() == Some(text) || self.id.as_str() == text
    }
}
