//! Names of KMS keys: an ARN, a bare id, or an alias.
//!
//! AWS tells the ARN of the key. An id is the end of that ARN; what an alias stands for only KMS could tell, which a
//! scan does not ask: an alias beside a key is *unknown*, and no drift.

/// Why an alias cannot be compared.
pub(super) const INCOMPARABLE: &str =
    "declared by an alias, while AWS tells the key behind it: declare the key's ARN or id to have it compared";

/// Whether the declared key is the live one, or is an alias that may stand for it.
pub(super) fn may_be_same(declared: &str, live: &str) -> bool {
    let bare = declared.strip_prefix("key/").unwrap_or(declared);
    live.rsplit_once(":key/").is_some_and(|(_, id)| id == bare) || is_incomparable(declared, live)
}

/// Whether the declared text is an alias and the live one a key.
pub(super) fn is_incomparable(declared: &str, live: &str) -> bool {
    let is_alias = declared.starts_with("alias/") || (declared.starts_with("arn:") && declared.contains(":alias/"));
    is_alias && live.contains(":key/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_arn_and_an_alias_may_be_any_key() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";
        for declared in ["1234abcd", "key/1234abcd", "alias/ebs", "arn:aws:kms:us-east-1:123456789012:alias/ebs"] {
            assert!(may_be_same(declared, arn), "{declared}");
        }
        for declared in ["234abcd", "", "arn:aws:kms:us-east-1:123456789012:key/234abcd"] {
            assert!(!may_be_same(declared, arn), "{declared}");
        }
        assert!(is_incomparable("alias/ebs", arn) && !is_incomparable("1234abcd", arn));
        assert!(!may_be_same("alias/ebs", "alias/rds"), "two aliases are compared as they are written");
    }
}
