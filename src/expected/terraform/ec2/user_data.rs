//! User data, of which only a hash is ever declared.
//!
//! Providers before 6 keep the SHA-1 of the decoded data, provider 6 the clear text, all of them `user_data_base64` as it
//! was given. A SHA-256 cannot be told from a SHA-1, so that is declared as such (`sha1:…`), and read as such from AWS.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::expected::terraform::instance::Instance;
use crate::expected::terraform::mapping::{Mapping, Rank};

pub(super) const INSTANCE: Mapping = Mapping {
    aws: "UserDataSha256",
    from: &[("user_data", ""), ("user_data_base64", "")],
    note: "by hash: of the SHA-1 that providers before 6 keep, else of the clear text",
    rank: Rank::Inline,
    read,
};

/// As Terraform's provider decodes: bits behind the last byte do not matter.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

fn read(instance: &Instance) -> Option<Value> {
    if let Some(coded) = instance.attributes.text("user_data_base64") {
        return Some(sha256(&decoded(coded)?));
    }
    let text = instance.attributes.text("user_data")?;
    if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(format!("sha1:{}", text.to_ascii_lowercase()).into());
    }
    // The provider passes on as it is what is Base64 already.
    Some(sha256(&decoded(text).unwrap_or_else(|| text.as_bytes().to_owned())))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    LENIENT.decode(text).ok()
}

fn sha256(bytes: &[u8]) -> Value {
    hex::encode(Sha256::digest(bytes)).into()
}
