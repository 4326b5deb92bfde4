//! Reads security groups: one call for each page of a thousand, one in all where few are declared.

use async_stream::try_stream;
use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use futures::stream::{BoxStream, StreamExt};
use serde_json::{Map, Value, json};

use super::rule::{Owner, RuleKey};
use super::{DEFAULT_NAME, EGRESS, INGRESS, is_as_made};
use crate::domain::state::ResourceState;
use crate::resource::ec2_query::{PAGE, declared_filter, next_page, tags};
use crate::resource::{Aws, Live, ReadError, ReadRequest};

/// The groups of the request's scope.
pub(super) fn read<'a>(aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
    try_stream! {
        let mut token = None;
        while request.wants_any() {
            let call = aws.ec2.describe_security_groups().max_results(PAGE).set_next_token(token);
            let filter = declared_filter(request, "group-id");
            let lists_all = filter.is_none();
            let page = call.set_filters(filter).send().await;
            let page = page.map_err(|error| aws.read_error("ec2", "DescribeSecurityGroups", &error))?;
            token = next_page(page.next_token);
            let mut bystanders = 0;
            for group in page.security_groups.unwrap_or_default() {
                let id = group.group_id.clone().unwrap_or_default();
                if request.wants(&id) {
                    let state = state_of(group, aws.account_id.as_str());
                    yield Live::new(id, state);
                } else if group.group_name.as_deref() != Some(DEFAULT_NAME)
                    || !is_as_made(&state_of(group, aws.account_id.as_str()))
                {
                    bystanders += 1;
                }
            }
            if lists_all {
                aws.bystanders.add(bystanders);
            }
            if token.is_none() {
                break;
            }
        }
    }
    .boxed()
}

/// The canonical state of a group as AWS tells it.
fn state_of(group: SecurityGroup, account_id: &str) -> ResourceState {
    let account_id = group.owner_id.as_deref().unwrap_or(account_id);
    let owner = Owner { group_id: group.group_id.as_deref(), account_id: Some(account_id) };
    let ingress = rules(group.ip_permissions.unwrap_or_default(), owner);
    let egress = rules(group.ip_permissions_egress.unwrap_or_default(), owner);
    let mut state = ResourceState::new()
        .with("Description", group.description)
        .with("GroupName", group.group_name)
        .with("VpcId", group.vpc_id)
        .with("Tags", tags(group.tags))
        .with(INGRESS, ingress)
        .with(EGRESS, egress);
    super::normalize(&mut state, Owner::default());
    state
}

/// One entry for each source of each permission.
fn rules(permissions: Vec<IpPermission>, owner: Owner<'_>) -> Map<String, Value> {
    let mut rules = Map::new();
    for permission in permissions {
        let protocol = permission.ip_protocol.unwrap_or_default();
        let (from, to) = (permission.from_port, permission.to_port);
        let mut add = |source: Option<String>, description: Option<String>| {
            let source = source.unwrap_or_default();
            // What cannot be read as a rule is kept as AWS writes it: a rule must never be lost from sight.
            let key = RuleKey::of_aws(&protocol, from, to, &source, owner)
                .map_or_else(|_| format!("{protocol}:{}-{}:{source}", shown(from), shown(to)), |key| key.to_string());
            rules.insert(key, json!({"Description": description.unwrap_or_default()}));
        };
        for range in permission.ip_ranges.unwrap_or_default() {
            add(range.cidr_ip, range.description);
        }
        for range in permission.ipv6_ranges.unwrap_or_default() {
            add(range.cidr_ipv6, range.description);
        }
        for list in permission.prefix_list_ids.unwrap_or_default() {
            add(list.prefix_list_id, list.description);
        }
        for pair in permission.user_id_group_pairs.unwrap_or_default() {
            let group = pair.group_id.or(pair.group_name);
            let source = match (pair.user_id, group) {
                (Some(account), Some(group)) => Some(format!("{account}/{group}")),
                (_, group) => group,
            };
            add(source, pair.description);
        }
    }
    rules
}

fn shown(port: Option<i32>) -> String {
    port.map_or_else(|| "all".to_owned(), |port| port.to_string())
}
