//! Passwords: argon2id with the OWASP parameters, off the async threads, a few at a time.
//!
//! A password is never stored, logged or put into an error.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use tokio::sync::Semaphore;

use crate::config::secret::Secret;

/// Characters of a password at least (NIST SP 800-63B asks for 8 at least; longer is better than stranger).
pub const MIN_CHARS: usize = 12;
/// Bytes of a password at most, so that hashing cannot be used to keep us busy.
pub const MAX_BYTES: usize = 1024;

/// Hashes at a time: each takes 19 MiB.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);

/// Why a password cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("the password is too short: at least {MIN_CHARS} characters")]
    TooShort,
    /// Too long.
    #[error("the password is too long: at most {MAX_BYTES} bytes")]
    TooLong,
    /// Hashing failed: no memory, no randomness, or the program is stopping.
    #[error("hash the password: {0}")]
    Hash(String),
}

/// The argon2id hash of a password as a PHC string.
///
/// # Errors
/// If it is too short or too long, or hashing fails.
pub async fn hash(password: Secret) -> Result<String, PasswordError> {
    if password.expose().chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.expose().len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let failed = |error: &dyn std::fmt::Display| PasswordError::Hash(error.to_string());
    let _permit = AT_A_TIME.acquire().await.map_err(|error| failed(&error))?;
    let hashing = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string())
    });
    hashing.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_password_and_no_other() {
        use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
        let hash = hash(Secret::new("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse battery", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct horse batterz", &parsed).is_err());
    }

    #[tokio::test]
    async fn short_and_huge_passwords_are_refused_without_being_told() {
        let error = hash(Secret::new("hunter42")).await.unwrap_err();
        assert!(!error.to_string().contains("hunter42"));
        assert!(matches!(error, PasswordError::TooShort));
        assert!(matches!(hash(Secret::new("x".repeat(2000))).await, Err(PasswordError::TooLong)));
    }
}
