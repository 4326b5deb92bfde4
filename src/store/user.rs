//! `users`: accounts. Passwords are hashed elsewhere; only the hash comes here.

use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError};
use crate::config::secret::Secret;
use crate::domain::id::UserId;
use crate::domain::user::{Role, UnknownRole, User};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Address; kept in lower case.
    pub email: String,
    /// Argon2id in PHC string form.
    pub password_hash: Secret,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// What the user may do.
    pub role: Role,
}

/// Characters of an address that its column takes.
const EMAIL_MAX: usize = 255;
/// Characters of a name that its column takes.
const NAME_MAX: usize = 100;

struct Row {
    id: Uuid,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    role: String,
    is_active: Option<bool>,
    created_at: Option<chrono::DateTime<chrono::Utc>>,
    last_login_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl TryFrom<Row> for User {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let role =
            row.role.parse().map_err(|e: UnknownRole| StoreError::unreadable(format_args!("user {}", row.id), e))?;
        Ok(Self {
            id: UserId(row.id),
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            role,
            // An account of which nothing is said is not locked out.
            is_active: row.is_active.unwrap_or(true),
            created_at: row.created_at,
            last_login_at: row.last_login_at,
        })
    }
}

/// Makes an account.
///
/// # Errors
/// If the address is taken or none, a text is too long, or the database does not answer.
pub async fn create(conn: &mut PgConnection, user: &NewUser) -> Result<User, StoreError> {
    let email = user.email.trim().to_lowercase();
    let names = [("given name", &user.first_name), ("family name", &user.last_name)];
    let texts = names.into_iter().filter_map(|(what, name)| Some((what, name.as_deref()?, NAME_MAX)));
    for (what, text, most) in texts.chain([("e-mail address", email.as_str(), EMAIL_MAX)]) {
        if text.chars().count() > most {
            return Err(StoreError::Refused(format!("the {what} is too long: at most {most} characters")));
        }
    }
    let row = sqlx::query_as!(
        Row,
        "insert into users (email, password_hash, first_name, last_name, role) values ($1, $2, $3, $4, $5)
         returning id, email, first_name, last_name, role, is_active, created_at, last_login_at",
        email,
        user.password_hash.expose(),
        user.first_name,
        user.last_name,
        user.role.as_str(),
    )
    .fetch_one(&mut *conn)
    .await
    .step("create a user")
    .map_err(|error| match error.constraint() {
        Some("users_email_key") => StoreError::Refused(format!("a user with the address {email} exists already")),
        Some("users_email_check") => StoreError::Refused(format!("`{email}` is no e-mail address")),
        _ => error,
    })?;
    row.try_into()
}

/// All accounts, by address.
///
/// # Errors
/// If the database does not answer.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<User>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, email, first_name, last_name, role, is_active, created_at, last_login_at
         from users order by email"
    )
    .fetch_all(&mut *conn)
    .await
    .step("list users")?;
    rows.into_iter().map(User::try_from).collect()
}

/// The account with an address, whatever its case.
///
/// # Errors
/// If the database does not answer.
pub async fn find_by_email(conn: &mut PgConnection, email: &str) -> Result<Option<User>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, email, first_name, last_name, role, is_active, created_at, last_login_at
         from users where email = lower($1)",
        email.trim(),
    )
    .fetch_optional(&mut *conn)
    .await
    .step("find a user")?;
    row.map(User::try_from).transpose()
}

/// Locks an account out, or lets it in again. Locked out, its sessions end as well.
///
/// # Errors
/// If nobody has the address, or the database does not answer.
pub async fn set_active(conn: &mut PgConnection, email: &str, is_active: bool) -> Result<User, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "update users set is_active = $2 where email = lower($1)
         returning id, email, first_name, last_name, role, is_active, created_at, last_login_at",
        email.trim(),
        is_active,
    )
    .fetch_optional(&mut *conn)
    .await
    .step("change a user")?;
    let user: User = row.ok_or_else(|| nobody(email))?.try_into()?;
    if !is_active {
        revoke_sessions(conn, user.id).await?;
    }
    Ok(user)
}

/// Gives an account another password and ends its sessions: whoever knew the old one is out.
///
/// # Errors
/// If nobody has the address, or the database does not answer.
pub async fn set_password(conn: &mut PgConnection, email: &str, password_hash: &Secret) -> Result<User, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "update users set password_hash = $2 where email = lower($1)
         returning id, email, first_name, last_name, role, is_active, created_at, last_login_at",
        email.trim(),
        password_hash.expose(),
    )
    .fetch_optional(&mut *conn)
    .await
    .step("change a password")?;
    let user: User = row.ok_or_else(|| nobody(email))?.try_into()?;
    revoke_sessions(conn, user.id).await?;
    Ok(user)
}

fn nobody(email: &str) -> StoreError {
    StoreError::NotFound(format!("user with the address {}", email.trim()))
}

async fn revoke_sessions(conn: &mut PgConnection, user: UserId) -> Result<(), StoreError> {
    sqlx::query!("update sessions set is_revoked = true where user_id = $1 and is_revoked is not true", user.0)
        .execute(&mut *conn)
        .await
        .step("end a user's sessions")?;
    Ok(())
}
