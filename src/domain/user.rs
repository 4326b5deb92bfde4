//! People: accounts, what they may do, and in whose name something is done.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::UserId;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also acts on drifts.
    Engineer,
    /// Also manages users.
    Admin,
}

impl Role {
    /// All, the least powerful first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Engineer, Self::Admin];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is no role: viewer, engineer or admin")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// A user's account, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Address, lower case; unique.
    pub email: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// False locks the account out.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When the user last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
}

/// In whose name something is done: a user's, or DriftSentry's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// The user; `None` for DriftSentry itself.
    pub id: Option<UserId>,
    /// The user's address at the time.
    pub email: Option<String>,
}

impl Actor {
    /// DriftSentry itself.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        Self { id: Some(user.id), email: Some(user.email.clone()) }
    }
}
