//! What people do to a role, one change at a time.

use aws_sdk_iam::types::Tag;
use driftsentry::domain::policy;
use driftsentry::domain::severity::Severity::{self, Critical, Info, Warning};
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use crate::mutation::{Act, How, Mutation};

pub const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
pub const POWER_USER: &str = "arn:aws:iam::aws:policy/PowerUserAccess";
pub const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

const ROLE: &str = "deployer";
const PATH: &str = "/team/";
pub const DESCRIPTION: &str = "Deploys the web shop";
pub const MAX_SESSION: i32 = 7200;
pub const INLINE: &str = "artefacts";

pub fn trust(principals: &Value, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principals, "Condition": condition}
    ]})
}

pub fn partners() -> Value {
    json!({"AWS": ["111111111111", "arn:aws:iam::222222222222:root"]})
}

pub fn external_id() -> Value {
    json!({"StringEquals": {"sts:ExternalId": "web-shop"}})
}

fn declared_trust() -> Value {
    trust(&partners(), &external_id())
}

pub fn allows(actions: &Value, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": resource}})
}

fn declared_inline() -> Value {
    allows(&json!(["s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::artefacts/*")
}

/// Creates a role with every attribute set, and returns its name.
pub async fn create(aws: &Aws) -> String {
    let created = aws
        .iam
        .create_role()
        .role_name(ROLE)
        .path(PATH)
        .assume_role_policy_document(declared_trust().to_string())
        .description(DESCRIPTION)
        .max_session_duration(MAX_SESSION)
        .permissions_boundary(POWER_USER)
        .tags(tag("Env", "prod"))
        .tags(tag("Owner", "web"))
        .send()
        .await
        .expect("create a role");
    let role = created.role.expect("the role").role_name;
    attach(READ_ONLY)(aws, &role).await;
    put_inline(INLINE, &declared_inline())(aws, &role).await;
    role
}

/// Every single change of every attribute.
pub fn mutations() -> Vec<Mutation> {
    [trusts(), attachments(), inlines(), boundaries(), settings(), tags()].into_iter().flatten().collect()
}

fn trusts() -> Vec<Mutation> {
    let stranger = json!({"AWS": ["111111111111", "222222222222", "999999999999"]});
    let mfa = json!({"StringEquals": {"sts:ExternalId": "web-shop"}, "Bool": {"aws:MultiFactorAuthPresent": true}});
    let cases = [
        (trust(&stranger, &external_id()), Critical),
        (trust(&json!("*"), &external_id()), Critical),
        (trust(&partners(), &json!({})), Critical),
        (trust(&json!({"AWS": "111111111111"}), &external_id()), Warning),
        (trust(&partners(), &mfa), Warning),
    ];
    let mutation = |(to, severity): (Value, Severity)| {
        let how = How::Api { apply: set_trust(&to), undo: set_trust(&declared_trust()) };
        let attribute = "AssumeRolePolicyDocument";
        mutation(attribute, "", how, Some(canonical(declared_trust())), Some(canonical(to)), severity)
    };
    cases.map(mutation).into()
}

fn attachments() -> Vec<Mutation> {
    let attached = |arn: &'static str| {
        let how = How::Api { apply: attach(arn), undo: detach(arn) };
        mutation("AttachedPolicies", arn, how, None, Some(json!({})), Critical)
    };
    let how = How::Api { apply: detach(READ_ONLY), undo: attach(READ_ONLY) };
    let detached = mutation("AttachedPolicies", READ_ONLY, how, Some(json!({})), None, Warning);
    vec![attached(ADMINISTRATOR), attached("arn:aws:iam::aws:policy/AmazonS3FullAccess"), detached]
}

fn inlines() -> Vec<Mutation> {
    let added = |name: &'static str, document: Value, severity| {
        let how = How::Api { apply: put_inline(name, &document), undo: delete_inline(name) };
        mutation("InlinePolicies", name, how, None, Some(canonical(document)), severity)
    };
    let changed = |document: Value, severity| {
        let how = How::Api { apply: put_inline(INLINE, &document), undo: put_inline(INLINE, &declared_inline()) };
        let (from, to) = (canonical(declared_inline()), canonical(document));
        mutation("InlinePolicies", INLINE, how, Some(from), Some(to), severity)
    };
    let how = How::Api { apply: delete_inline(INLINE), undo: put_inline(INLINE, &declared_inline()) };
    let removed = mutation("InlinePolicies", INLINE, how, Some(canonical(declared_inline())), None, Warning);
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}});
    vec![
        added("backdoor", allows(&json!("*"), "*"), Critical),
        added("quarantine", deny, Warning),
        changed(allows(&json!("s3:*"), "arn:aws:s3:::artefacts/*"), Critical),
        changed(allows(&json!(["s3:GetObject", "s3:PutObject"]), "*"), Critical),
        changed(allows(&json!("s3:GetObject"), "arn:aws:s3:::artefacts/*"), Warning),
        removed,
    ]
}

fn boundaries() -> Vec<Mutation> {
    let changed = |apply: Act, to: Value| {
        let how = How::Api { apply, undo: set_boundary(POWER_USER) };
        mutation("PermissionsBoundary", "", how, Some(json!(POWER_USER)), Some(to), Critical)
    };
    vec![changed(delete_boundary(), Value::Null), changed(set_boundary(ADMINISTRATOR), json!(ADMINISTRATOR))]
}

fn settings() -> Vec<Mutation> {
    let undo = || update(DESCRIPTION, MAX_SESSION);
    let session = |seconds: i32, severity| {
        let how = How::Api { apply: update(DESCRIPTION, seconds), undo: undo() };
        mutation("MaxSessionDuration", "", how, Some(json!(MAX_SESSION)), Some(json!(seconds)), severity)
    };
    let described = |text: &'static str| {
        let how = How::Api { apply: update(text, MAX_SESSION), undo: undo() };
        mutation("Description", "", how, Some(json!(DESCRIPTION)), Some(json!(text)), Info)
    };
    let rewrite = How::Rewrite {
        operation: "GetAccountAuthorizationDetails",
        from: format!("<Path>{PATH}</Path>"),
        to: "<Path>/other/</Path>".to_owned(),
    };
    let moved = mutation("Path", "", rewrite, Some(json!(PATH)), Some(json!("/other/")), Warning);
    vec![session(43_200, Warning), session(3600, Info), described("Deploys everything"), described(""), moved]
}

fn tags() -> Vec<Mutation> {
    let changed = How::Api { apply: put_tag("Env", "test"), undo: put_tag("Env", "prod") };
    let added = How::Api { apply: put_tag("Ticket", "OPS-1"), undo: delete_tag("Ticket") };
    let removed = How::Api { apply: delete_tag("Owner"), undo: put_tag("Owner", "web") };
    vec![
        mutation("Tags", "Env", changed, Some(json!("prod")), Some(json!("test")), Info),
        mutation("Tags", "Ticket", added, None, Some(json!("OPS-1")), Info),
        mutation("Tags", "Owner", removed, Some(json!("web")), None, Info),
    ]
}

/// A mutation of `attribute`, at `key` below it if that is not empty. IAM costs nothing.
fn mutation(
    attribute: &'static str,
    key: &str,
    how: How,
    from: Option<Value>,
    to: Option<Value>,
    severity: Severity,
) -> Mutation {
    let below = if key.is_empty() { String::new() } else { format!("/{}", key.replace('~', "~0").replace('/', "~1")) };
    Mutation { attribute, how, pointer: format!("/{attribute}{below}"), from, to, severity, cost: Some("0.00") }
}

fn canonical(mut document: Value) -> Value {
    policy::normalize(&mut document);
    document
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

pub fn set_trust(document: &Value) -> Act {
    let document = document.to_string();
    Box::new(move |aws, role| {
        let call = aws.iam.update_assume_role_policy().role_name(role).policy_document(&document);
        Box::pin(async { drop(call.send().await.expect("set the trust policy")) })
    })
}

pub fn attach(arn: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.attach_role_policy().role_name(role).policy_arn(arn);
        Box::pin(async { drop(call.send().await.expect("attach a policy")) })
    })
}

pub fn detach(arn: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.detach_role_policy().role_name(role).policy_arn(arn);
        Box::pin(async { drop(call.send().await.expect("detach a policy")) })
    })
}

pub fn put_inline(name: &'static str, document: &Value) -> Act {
    let document = document.to_string();
    Box::new(move |aws, role| {
        let call = aws.iam.put_role_policy().role_name(role).policy_name(name).policy_document(&document);
        Box::pin(async { drop(call.send().await.expect("embed a policy")) })
    })
}

pub fn delete_inline(name: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.delete_role_policy().role_name(role).policy_name(name);
        Box::pin(async { drop(call.send().await.expect("delete an embedded policy")) })
    })
}

pub fn set_boundary(arn: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.put_role_permissions_boundary().role_name(role).permissions_boundary(arn);
        Box::pin(async { drop(call.send().await.expect("set the boundary")) })
    })
}

pub fn delete_boundary() -> Act {
    Box::new(|aws, role| {
        let call = aws.iam.delete_role_permissions_boundary().role_name(role);
        Box::pin(async { drop(call.send().await.expect("remove the boundary")) })
    })
}

/// Both at once: what the request leaves out, the emulator clears.
pub fn update(description: &'static str, max_session: i32) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.update_role().role_name(role).description(description).max_session_duration(max_session);
        Box::pin(async { drop(call.send().await.expect("update the role")) })
    })
}

pub fn put_tag(key: &'static str, value: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.tag_role().role_name(role).tags(tag(key, value));
        Box::pin(async { drop(call.send().await.expect("tag the role")) })
    })
}

pub fn delete_tag(key: &'static str) -> Act {
    Box::new(move |aws, role| {
        let call = aws.iam.untag_role().role_name(role).tag_keys(key);
        Box::pin(async { drop(call.send().await.expect("untag the role")) })
    })
}
