//! Reads roles from the two listings that tell of all of them.
//!
//! `GetAccountAuthorizationDetails` has everything but `Description` and `MaxSessionDuration`; `ListRoles` has those two.
//! Neither promises an order, so the smaller one is read first into a compact table, of wanted roles only, and the other
//! is streamed past it.
//!
//! A listing that AWS cut short without saying where to go on is an error, never a shorter list.

use std::collections::HashMap;

use async_stream::try_stream;
use aws_sdk_iam::types::{EntityType, Role, RoleDetail};
use futures::stream::BoxStream;
use serde_json::{Map, Value};

use crate::domain::policy;
use crate::domain::schema::find;
use crate::domain::state::ResourceState;
use crate::resource::aws::ErrorClass;
use crate::resource::{Aws, Live, ReadError, ReadRequest, Reason, ResourceType, Undeclared};

use super::{
    ATTACHED, ATTRIBUTES, BOUNDARY, DEFAULT_SESSION, DESCRIPTION, INLINE, IamRole, MAX_SESSION, PATH, TAGS, TRUST,
    is_aws_path,
};

const DETAILS: &str = "GetAccountAuthorizationDetails";
const LIST: &str = "ListRoles";
/// The most that IAM gives at once; it may give less and say so.
const PAGE_SIZE: i32 = 1000;

/// Attributes that only `ListRoles` tells.
const LISTED: [&str; 2] = [DESCRIPTION, MAX_SESSION];

pub(super) fn read<'a>(
    kind: &'a IamRole,
    aws: &'a Aws,
    request: &'a ReadRequest,
) -> BoxStream<'a, Result<Live, ReadError>> {
    Box::pin(try_stream! {
        if !request.wants_any() {
            return;
        }
        let mut listed = Listed::read(aws, request).await;
        let mut marker = None;
        loop {
            let page = aws
                .iam
                .get_account_authorization_details()
                .filter(EntityType::Role)
                .max_items(PAGE_SIZE)
                .set_marker(marker.clone())
                .send()
                .await
                .map_err(|error| aws.read_error("iam", DETAILS, &error))?;
            marker = next_marker(aws, DETAILS, page.is_truncated, page.marker, marker.as_ref())?;
            aws.bystanders.add(0);
            for role in page.role_detail_list.unwrap_or_default() {
                let Some(name) = role.role_name.clone() else {
                    Err(bad_answer(aws, DETAILS, "a role without a name"))?;
                    continue;
                };
                if request.wants(&name) {
                    let mut live = live(name, role, &mut listed);
                    kind.normalize(&mut live.state);
                    retain_wanted(request, &mut live);
                    yield live;
                } else if !is_aws_path(role.path.as_deref().unwrap_or_default()) {
                    aws.bystanders.add(1);
                }
            }
            if marker.is_none() {
                return;
            }
        }
    })
}

/// What `ListRoles` tells of the wanted roles.
enum Listed {
    /// Nothing asks for it.
    NotWanted,
    /// By role name.
    Read(HashMap<String, ListedRole>),
    /// It could not be read, and why.
    Failed(Reason),
}

struct ListedRole {
    description: Option<Box<str>>,
    max_session: Option<i32>,
}

impl Listed {
    async fn read(aws: &Aws, request: &ReadRequest) -> Self {
        if !wants_listing(request) {
            return Self::NotWanted;
        }
        let mut roles = HashMap::new();
        match list_roles(aws, |role| {
            if request.wants(&role.role_name) {
                let max_session = role.max_session_duration;
                let description = role.description.map(String::into_boxed_str);
                roles.insert(role.role_name, ListedRole { description, max_session });
            }
        })
        .await
        {
            Ok(()) => Self::Read(roles),
            Err(error) => Self::Failed(error.into()),
        }
    }

    /// Adds what is known of the role to its state, and what is not to `unknown`.
    fn lay_over(&mut self, live: &mut Live) {
        let reason = match self {
            Self::NotWanted => return,
            Self::Failed(reason) => reason.clone(),
            Self::Read(roles) => match roles.remove(&live.resource_id) {
                Some(role) => {
                    live.state.set(DESCRIPTION, role.description.as_deref().unwrap_or_default());
                    live.state.set(MAX_SESSION, role.max_session.map_or(DEFAULT_SESSION, i64::from));
                    return;
                }
                None => format!("the role appeared after iam:{LIST} was read").into(),
            },
        };
        live.unknown.extend(LISTED.map(|attribute| (attribute.to_owned(), reason.clone())));
    }
}

fn wants_listing(request: &ReadRequest) -> bool {
    let wanted = |attribute| {
        request.undeclared != Undeclared::Skip || request.declared.values().any(|names| names.contains(attribute))
    };
    LISTED.into_iter().any(wanted)
}

async fn list_roles(aws: &Aws, mut each: impl FnMut(Role)) -> Result<(), ReadError> {
    let mut marker = None;
    loop {
        let page = aws
            .iam
            .list_roles()
            .max_items(PAGE_SIZE)
            .set_marker(marker.clone())
            .send()
            .await
            .map_err(|error| aws.read_error("iam", LIST, &error))?;
        marker = next_marker(aws, LIST, page.is_truncated, page.marker, marker.as_ref())?;
        page.roles.into_iter().for_each(&mut each);
        if marker.is_none() {
            return Ok(());
        }
    }
}

/// Where to go on; `None` if the listing is complete.
fn next_marker(
    aws: &Aws,
    operation: &'static str,
    is_truncated: bool,
    next: Option<String>,
    previous: Option<&String>,
) -> Result<Option<String>, ReadError> {
    match (is_truncated, next) {
        (false, _) => Ok(None),
        (true, Some(next)) if !next.is_empty() && Some(&next) != previous => Ok(Some(next)),
        (true, _) => Err(bad_answer(aws, operation, "a truncated page without a marker that leads on")),
    }
}

fn bad_answer(aws: &Aws, operation: &'static str, what: &str) -> ReadError {
    ReadError {
        service: "iam",
        operation,
        account_id: aws.account_id.clone(),
        region: aws.region.clone(),
        class: ErrorClass::Other,
        detail: format!(": AWS answered with {what}").into(),
        missing_action: None,
    }
}

fn live(name: String, role: RoleDetail, listed: &mut Listed) -> Live {
    let mut live = Live::new(name, ResourceState::new());
    put_document(&mut live, TRUST, role.assume_role_policy_document);
    put_inline_policies(&mut live, role.role_policy_list.unwrap_or_default());
    let arns = role.attached_managed_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn);
    live.state.set(ATTACHED, arns.map(|arn| (arn, Value::Object(Map::new()))).collect::<Map<_, _>>());
    live.state.set(BOUNDARY, role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn));
    live.state.set(PATH, role.path.unwrap_or_else(|| "/".to_owned()));
    let tags = role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, Value::String(tag.value)));
    live.state.set(TAGS, tags.collect::<Map<_, _>>());
    listed.lay_over(&mut live);
    live
}

/// What nobody asked for need not be known.
fn retain_wanted(request: &ReadRequest, live: &mut Live) {
    let id = &live.resource_id;
    live.unknown.retain(|name, _| find(ATTRIBUTES, name).is_some_and(|found| request.wants_attribute(id, found)));
}

fn put_document(live: &mut Live, attribute: &str, document: Option<String>) {
    match read_document(document) {
        Ok(document) => live.state.set(attribute, document),
        Err(reason) => drop(live.unknown.insert(attribute.to_owned(), reason.into())),
    }
}

/// One unreadable policy makes them all unknown: the attribute is compared whole.
fn put_inline_policies(live: &mut Live, policies: Vec<aws_sdk_iam::types::PolicyDetail>) {
    let read = policies.into_iter().map(|policy| {
        let name = policy.policy_name.ok_or("an embedded policy without a name")?;
        let document = read_document(policy.policy_document).map_err(|reason| format!("{name}: {reason}"))?;
        Ok((name, document))
    });
    match read.collect::<Result<Map<_, _>, String>>() {
        Ok(policies) => live.state.set(INLINE, policies),
        Err(reason) => drop(live.unknown.insert(INLINE.to_owned(), reason.into())),
    }
}

fn read_document(document: Option<String>) -> Result<Value, String> {
    let document = document.ok_or_else(|| format!("iam:{DETAILS} told no policy document"))?;
    policy::parse(&Value::String(document)).map_err(|error| error.to_string())
}
