//! What each operation answers.
//!
//! The trees: `EC2` has `instance` (an item of `DescribeInstances`), `volumes`, `credits` and `attributes` (by the name
//! in `DescribeInstanceAttribute`); `SECURITY_GROUP` has `group`, `RDS` has `database`; `IAM_ROLE` has `detail` (of
//! `GetAccountAuthorizationDetails`) and `listed` (of `ListRoles`); `S3` has a configuration under the name that it is
//! asked for by (`versioning`); one that is absent or null the bucket does not have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Estate, xml};
use crate::support::{Call, error_body};

/// Status and body.
type Answer = (u16, String);
type Parameters = BTreeMap<String, String>;

/// However much is asked for, AWS may give less: a page is never larger than this here.
const MOST_A_PAGE: usize = 7;

/// Configurations of buckets: the root element, and the error that says that there is none, if it is told by an error.
const CONFIGURATIONS: &[(&str, &str, Option<&str>)] = &[
    ("accelerate", "AccelerateConfiguration", None),
    ("acl", "AccessControlPolicy", None),
    ("cors", "CORSConfiguration", Some("NoSuchCORSConfiguration")),
    ("encryption", "ServerSideEncryptionConfiguration", Some("ServerSideEncryptionConfigurationNotFoundError")),
    ("lifecycle", "LifecycleConfiguration", Some("NoSuchLifecycleConfiguration")),
    ("logging", "BucketLoggingStatus", None),
    ("notification", "NotificationConfiguration", None),
    ("object-lock", "ObjectLockConfiguration", Some("ObjectLockConfigurationNotFoundError")),
    ("ownershipControls", "OwnershipControls", Some("OwnershipControlsNotFoundError")),
    ("policy", "", Some("NoSuchBucketPolicy")),
    ("publicAccessBlock", "PublicAccessBlockConfiguration", Some("NoSuchPublicAccessBlockConfiguration")),
    ("replication", "ReplicationConfiguration", Some("ReplicationConfigurationNotFoundError")),
    ("requestPayment", "RequestPaymentConfiguration", None),
    ("tagging", "Tagging", Some("NoSuchTagSet")),
    ("versioning", "VersioningConfiguration", None),
    ("website", "WebsiteConfiguration", Some("NoSuchWebsiteConfiguration")),
];

/// The answer to a call.
pub fn answer(estate: &Estate, call: &Call) -> Answer {
    let asked = call.parameters();
    match call.operation.as_str() {
        "GetCallerIdentity" => caller(&estate.account),
        "DescribeInstances" => {
            let reservation = |tree: &Value| json!({"instancesSet": {"item": tree["instance"]}});
            ec2(estate, call, &asked, "reservationSet", ("instance-id", |tree| &tree["instance"]["instanceId"]), &|t| {
                vec![reservation(t)]
            })
        }
        "DescribeVolumes" => {
            let volumes = |tree: &Value| tree["volumes"].as_array().cloned().unwrap_or_default();
            let filter: Filter = ("attachment.instance-id", |tree| &tree["instance"]["instanceId"]);
            ec2(estate, call, &asked, "volumeSet", filter, &volumes)
        }
        "DescribeInstanceCreditSpecifications" => {
            let filter: Filter = ("instance-id", |tree| &tree["instance"]["instanceId"]);
            ec2(estate, call, &asked, "instanceCreditSpecificationSet", filter, &credits_of)
        }
        "DescribeSecurityGroups" => {
            let filter: Filter = ("group-id", |tree| &tree["group"]["groupId"]);
            ec2(estate, call, &asked, "securityGroupInfo", filter, &|tree| vec![tree["group"].clone()])
        }
        "DescribeInstanceAttribute" => instance_attribute(estate, &asked),
        "DescribeDBInstances" => {
            let databases = listed(estate, "RDS", &call.region, |tree| vec![tree["database"].clone()]);
            let (items, marker) = page(databases, asked.get("Marker"));
            let result = json!({"Marker": marker, "DBInstances": {"DBInstance": items}});
            query_answer(call, "http://rds.amazonaws.com/doc/2014-10-31/", &result)
        }
        "GetAccountAuthorizationDetails" => roles(estate, call, &asked, "detail", "RoleDetailList"),
        "ListRoles" => roles(estate, call, &asked, "listed", "Roles"),
        "ListBuckets" => buckets(estate, &asked),
        _ if call.service == "s3" => configuration(estate, call),
        _ => (400, error_body(&call.service, "InvalidAction", "no such action here")),
    }
}

/// A filter's name, and where its values are in a tree.
type Filter = (&'static str, fn(&Value) -> &Value);

fn ec2(
    estate: &Estate,
    call: &Call,
    asked: &Parameters,
    set: &str,
    (filter, value): Filter,
    items: &dyn Fn(&Value) -> Vec<Value>,
) -> Answer {
    let is_filtered = asked.get("Filter.1.Name").is_some_and(|name| name == filter);
    let wanted: Vec<&String> =
        asked.iter().filter(|(name, _)| name.starts_with("Filter.1.Value.")).map(|(_, value)| value).collect();
    let resource_type = if set == "securityGroupInfo" { "SECURITY_GROUP" } else { "EC2" };
    let all = listed(estate, resource_type, &call.region, |tree| {
        let is_wanted = !is_filtered || wanted.iter().any(|wanted| value(tree).as_str() == Some(wanted));
        if is_wanted { items(tree) } else { Vec::new() }
    });
    let (items, token) = page(all, asked.get("NextToken"));
    let name = format!("{}Response", call.operation);
    let body = json!({"@xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "requestId": "r",
        set: {"item": items}, "nextToken": token});
    (200, xml::element(&name, &body))
}

fn credits_of(tree: &Value) -> Vec<Value> {
    let id = &tree["instance"]["instanceId"];
    tree["credits"].as_str().map(|credits| json!({"instanceId": id, "cpuCredits": credits})).into_iter().collect()
}

fn instance_attribute(estate: &Estate, asked: &Parameters) -> Answer {
    let empty = String::new();
    let (id, name) = (asked.get("InstanceId").unwrap_or(&empty), asked.get("Attribute").unwrap_or(&empty));
    let Some(resource) = estate.resources.get(&("EC2", id.clone())) else {
        return (400, error_body("ec2", "InvalidInstanceID.NotFound", "no such instance"));
    };
    let value = resource.tree["attributes"].get(name).cloned().unwrap_or(json!({}));
    let body = json!({"@xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "requestId": "r", "instanceId": id,
        name: value});
    (200, xml::element("DescribeInstanceAttributeResponse", &body))
}

fn roles(estate: &Estate, call: &Call, asked: &Parameters, part: &str, list: &str) -> Answer {
    let all = listed(estate, "IAM_ROLE", "", |tree| vec![tree[part].clone()]);
    let (items, marker) = page(all, asked.get("Marker"));
    let result = json!({"IsTruncated": marker.is_some(), "Marker": marker, list: {"member": items}});
    query_answer(call, "https://iam.amazonaws.com/doc/2010-05-08/", &result)
}

fn buckets(estate: &Estate, asked: &Parameters) -> Answer {
    let all = estate.resources.iter().filter(|((kind, _), _)| *kind == "S3").map(|((_, name), bucket)| {
        json!({"Name": name, "CreationDate": "2026-03-01T08:15:30.000Z", "BucketRegion": bucket.region})
    });
    let (items, token) = page(all.collect(), asked.get("continuation-token"));
    let body = json!({"@xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Buckets": {"Bucket": items},
        "ContinuationToken": token});
    (200, xml::element("ListAllMyBucketsResult", &body))
}

fn configuration(estate: &Estate, call: &Call) -> Answer {
    let Some(bucket) = estate.resources.get(&("S3", call.subject.clone())) else {
        return (404, error_body("s3", "NoSuchBucket", "no such bucket"));
    };
    let name = call.operation.trim_start_matches("GET ?");
    let Some((_, root, absent)) = CONFIGURATIONS.iter().find(|(known, ..)| *known == name) else {
        return (400, error_body("s3", "InvalidRequest", "no such operation here"));
    };
    match (bucket.tree.get(name).filter(|value| !value.is_null()), absent) {
        (None, Some(code)) => (404, error_body("s3", code, "there is none")),
        (None, None) => (200, xml::element(root, &json!({}))),
        (Some(policy), _) if name == "policy" => (200, xml::document(policy)),
        (Some(configuration), _) => (200, xml::element(root, configuration)),
    }
}

/// What each resource of a type and region yields, in the estate's order.
fn listed(estate: &Estate, resource_type: &str, region: &str, items: impl Fn(&Value) -> Vec<Value>) -> Vec<Value> {
    let here = estate.resources.iter().filter(|((kind, _), _)| *kind == resource_type);
    let here = here.filter(|(_, resource)| region.is_empty() || resource.region == region);
    let mut all: Vec<Value> = here.flat_map(|(_, resource)| items(&resource.tree)).collect();
    super::super::shuffle::Shuffle::new(estate.order).order(&mut all);
    all
}

/// The page that a token leads to, and the token of the next.
fn page(all: Vec<Value>, token: Option<&String>) -> (Vec<Value>, Option<String>) {
    let start: usize = token.and_then(|token| token.strip_prefix("from-")?.parse().ok()).unwrap_or_default();
    let next = start + MOST_A_PAGE;
    let token = (next < all.len()).then(|| format!("from-{next}"));
    (all.into_iter().skip(start).take(MOST_A_PAGE).collect(), token)
}

fn query_answer(call: &Call, namespace: &str, result: &Value) -> Answer {
    let operation = &call.operation;
    let body = json!({"@xmlns": namespace, format!("{operation}Result"): result,
        "ResponseMetadata": {"RequestId": "r"}});
    (200, xml::element(&format!("{operation}Response"), &body))
}

fn caller(account: &str) -> Answer {
    let result = json!({"Arn": format!("arn:aws:iam::{account}:user/u"), "UserId": "U", "Account": account});
    let body = json!({"@xmlns": "https://sts.amazonaws.com/doc/2011-06-15/", "GetCallerIdentityResult": result});
    (200, xml::element("GetCallerIdentityResponse", &body))
}
