//! `[aws]` and `[[aws.accounts]]`.

use std::time::Duration;

use super::known::{Known, region, role_arn_account};
use super::{Context, refuse_duplicates};
use crate::config::env::non_empty;
use crate::config::section::{Place, Placed, Section};
use crate::config::{Account, Aws};
use crate::domain::id::{AccountId, Region};

const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const LONGEST_CALL: Duration = Duration::from_mins(10);
const OPERATION_TIMEOUT: Duration = Duration::from_mins(1);
const LONGEST_OPERATION: Duration = Duration::from_hours(1);

/// An account as far as it could be read.
struct Draft {
    name: Option<Placed<String>>,
    id: Option<Placed<AccountId>>,
    /// The id as typed, right or wrong.
    typed_id: Option<String>,
    without_role: bool,
    place: Place,
    account: Option<Account>,
}

/// Reads the section, and what others may refer to.
pub(super) fn read<'a>(mut section: Section<'_>, context: Context<'a>) -> (Aws, Known<'a>) {
    let regions = regions(&mut section, context);
    let mut drafts: Vec<Draft> =
        section.tables("accounts").into_iter().map(|account| draft(account, &regions, context)).collect();
    check_together(&drafts, context);
    let known = Known {
        context,
        account_names: drafts.iter().filter_map(|draft| Some(draft.name.as_ref()?.value.clone())).collect(),
        account_ids: drafts.iter().filter_map(|draft| draft.typed_id.clone()).collect(),
    };
    let call_timeout = section.duration("call_timeout", LONGEST_CALL, CALL_TIMEOUT);
    let aws = Aws {
        regions,
        endpoint_url: endpoint_url(&mut section, context),
        accounts: drafts.iter_mut().filter_map(|draft| draft.account.take()).collect(),
        call_timeout,
        // One attempt must have the time that it is given, however the two are configured.
        operation_timeout: section
            .duration("operation_timeout", LONGEST_OPERATION, OPERATION_TIMEOUT)
            .max(call_timeout),
        max_attempts: section.number("max_attempts", 1..=20, 5),
        max_requests_per_second: section.number("max_requests_per_second", 1..=10_000, 20),
    };
    section.finish();
    (aws, known)
}

/// The regions as configured, else the one that the environment names for every AWS tool.
fn regions(section: &mut Section<'_>, context: Context<'_>) -> Vec<Region> {
    if section.has("regions") {
        return non_empty_regions(section);
    }
    section.know("regions");
    let variable = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| non_empty(context.env, name).is_some());
    let Some((name, text)) = variable.and_then(|name| Some((name, non_empty(context.env, name)?))) else {
        return Vec::new();
    };
    match region(text) {
        Ok(region) => vec![region],
        Err(message) => {
            context.report.fault(&Place { path: name.to_owned(), line: None }, message);
            Vec::new()
        }
    }
}

fn non_empty_regions(section: &mut Section<'_>) -> Vec<Region> {
    let example = "[\"us-east-1\"]";
    let regions = section.list("regions", example, region);
    if section.is_empty_list("regions") {
        section.fault("regions", format!("no region is named: write regions = {example}, or leave the key out"));
    }
    regions.into_iter().map(|region| region.value).collect()
}

fn endpoint_url(section: &mut Section<'_>, context: Context<'_>) -> Option<String> {
    let parse = |text: &str| {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let is_url = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(' '));
        let form = "write a URL, such as \"http://127.0.0.1:5000\"";
        if is_url { Ok(text.to_owned()) } else { Err(format!("no URL of an endpoint: {form}")) }
    };
    if section.has("endpoint_url") {
        return section.parsed("endpoint_url", "a URL in quotes", parse).map(|url| url.value);
    }
    section.know("endpoint_url");
    let url = parse(non_empty(context.env, "AWS_ENDPOINT_URL")?);
    url.map_err(|message| context.report.fault(&Place { path: "AWS_ENDPOINT_URL".to_owned(), line: None }, message))
        .ok()
}

fn draft(mut section: Section<'_>, regions: &[Region], context: Context<'_>) -> Draft {
    section.require("name", "\"prod\"");
    section.require("id", "\"123456789012\"");
    let name = section.parsed("name", "a text in quotes", account_name);
    let typed_id = section.text_as_typed("id");
    let id = section.parsed("id", "an account id of twelve digits, in quotes,", account_id);
    let role = section.parsed("role_arn", "the ARN of a role, in quotes,", |text| {
        Ok::<_, String>((text.to_owned(), role_arn_account(text)?))
    });
    let remediate_role = section.parsed("remediate_role_arn", "the ARN of a role, in quotes,", |text| {
        Ok::<_, String>((text.to_owned(), role_arn_account(text)?))
    });
    let external_id = section.secret("external_id", context.env).map(|secret| secret.value);
    if section.has("external_id") && !section.has("role_arn") && !section.has("remediate_role_arn") {
        section.fault("external_id", "nothing to use it for: write role_arn beside it, or remove it");
    }
    for role in [&role, &remediate_role].into_iter().flatten() {
        if let Some(id) = id.as_ref().filter(|id| id.value != role.value.1) {
            let message = format!("the role belongs to account {}, not to {}: correct one", role.value.1, id.value);
            context.report.fault(&role.place, message);
        }
    }
    let own_regions = if section.has("regions") { non_empty_regions(&mut section) } else { regions.to_vec() };
    section.know("regions");
    let place = section.place().clone();
    let without_role = !section.has("role_arn");
    section.finish();
    let account = name.as_ref().zip(id.as_ref()).map(|(name, id)| Account {
        name: name.value.clone(),
        id: id.value.clone(),
        role_arn: role.map(|role| role.value.0),
        remediate_role_arn: remediate_role.map(|role| role.value.0),
        external_id,
        regions: own_regions,
    });
    Draft { name, id, typed_id, without_role, place, account }
}

fn account_name(text: &str) -> Result<String, String> {
    if AccountId::from(text).is_valid() {
        return Err(format!("`{text}` would be taken for an account id: write a name, such as \"prod\""));
    }
    Ok(text.to_owned())
}

fn account_id(text: &str) -> Result<AccountId, String> {
    let id = AccountId::from(text);
    if id.is_valid() { Ok(id) } else { Err(format!("`{text}` is no account id: write its twelve digits in quotes")) }
}

/// Names and ids must tell accounts apart, and the default credentials belong to one account only.
fn check_together(drafts: &[Draft], context: Context<'_>) {
    refuse_duplicates(context.report, "name", drafts.iter().filter_map(|draft| draft.name.as_ref()));
    let ids: Vec<Placed<String>> = drafts
        .iter()
        .filter_map(|draft| draft.id.as_ref())
        .map(|id| Placed { value: id.value.to_string(), place: id.place.clone() })
        .collect();
    refuse_duplicates(context.report, "id", &ids);
    for draft in drafts.iter().filter(|draft| draft.without_role).skip(1) {
        let place = Place { path: format!("{}.role_arn", draft.place.path), line: draft.place.line };
        let message = "missing: another account without a role has the default credentials already, and they belong \
                       to one account; write role_arn = \"arn:aws:iam::ACCOUNT:role/NAME\"";
        context.report.fault(&place, message);
    }
}
