//! What other sections may refer to: accounts, regions, resource types; and the shapes of AWS's names.

use super::Context;
use crate::config::suggest;
use crate::domain::id::{AccountId, GLOBAL, Region};

/// The names that exist. Names of faulty accounts are among them, so that one mistake is reported once.
pub(super) struct Known<'a> {
    /// What the sections are checked with.
    pub(super) context: Context<'a>,
    /// Configured names.
    pub(super) account_names: Vec<String>,
    /// Configured ids.
    pub(super) account_ids: Vec<String>,
}

impl Known<'_> {
    /// An account by configured name or by id.
    pub(super) fn account(&self, text: &str) -> Result<String, String> {
        let is_configured = self.account_names.iter().chain(&self.account_ids).any(|known| known == text);
        let may_be_default = self.account_names.is_empty() && AccountId::from(text).is_valid();
        if is_configured || may_be_default {
            return Ok(text.to_owned());
        }
        if self.account_names.is_empty() {
            let how = "write an id of twelve digits, or configure it under [[aws.accounts]]";
            return Err(format!("no account is called `{text}`: {how}"));
        }
        let names: Vec<&str> = self.account_names.iter().map(String::as_str).collect();
        Err(format!("no account is called `{text}`: {}", suggest::instead(text, &names)))
    }

    /// A resource type.
    pub(super) fn resource_type(&self, text: &str) -> Result<String, String> {
        let types = &self.context.vocabulary.resource_types;
        if types.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(format!("no resource type is called `{text}`: {}", suggest::instead(text, types)))
    }
}

/// A region that can be scanned.
pub(super) fn region(text: &str) -> Result<Region, String> {
    if text == GLOBAL {
        return Err("`global` is no region to scan: account-wide types are scanned whatever the regions".to_owned());
    }
    let region = Region::from(text);
    if !region.is_valid() {
        return Err(format!("`{text}` is not shaped like a region: write it as AWS does, such as \"us-east-1\""));
    }
    Ok(region)
}

/// A region in which resources are: `global` is that of account-wide types.
pub(super) fn region_or_global(text: &str) -> Result<Region, String> {
    if text == GLOBAL { Ok(Region::global()) } else { region(text) }
}

/// The account in `arn:aws:iam::123456789012:role/driftsentry-scan`.
pub(super) fn role_arn_account(arn: &str) -> Result<AccountId, String> {
    let form = "write arn:aws:iam::ACCOUNT:role/NAME";
    let no_arn = || format!("`{arn}` is no ARN of an IAM role: {form}");
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, resource] = parts[..] else { return Err(no_arn()) };
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let is_role = scheme == "arn" && partition.starts_with("aws") && service == "iam" && region.is_empty();
    let account = AccountId::from(account);
    if !is_role || !account.is_valid() || name.is_empty() || name.contains(char::is_whitespace) {
        return Err(no_arn());
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_every_partition_have_the_shape() {
        for text in ["us-east-1", "ap-southeast-4", "us-gov-west-1", "us-isob-east-1", "cn-north-1", "eusc-de-east-1"] {
            assert!(region(text).is_ok(), "{text}");
        }
        for text in ["", "us-east", "us-east-1a", "US-EAST-1", "us_east_1", "us-east1", "global", "*", "useast-1", "-1"]
        {
            assert!(region(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_arn_tells_its_account() {
        let account = role_arn_account("arn:aws-us-gov:iam::123456789012:role/path/scan").expect("a role");
        assert_eq!(account.as_str(), "123456789012");
        for text in [
            "driftsentry",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::12:role/x",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert!(role_arn_account(text).is_err(), "{text}");
        }
    }
}
