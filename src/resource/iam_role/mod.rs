//! IAM roles: who may become the role, what it may do, and what bounds it.
//!
//! Both listings that tell of roles are read in bulk, never a call per role: an account of 5,000 roles is read in about
//! ten calls. Policy documents are compared by meaning, see [`crate::domain::policy`].

mod fix;
mod rate;
mod read;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::{Value, json};

use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::id::{Region, ResourceKey};
use crate::domain::schema::{self, Attribute, Fill, INFO, Rate, Shape, StateProblem, WARNING};
use crate::domain::state::{ResourceState, escape};

use super::{Aws, FixError, FixPlan, FixRequest, FixStep, Live, ReadError, ReadRequest, Receipt, ResourceType};

/// The type `IAM_ROLE`.
#[derive(Debug)]
pub(super) struct IamRole;

const TRUST: &str = "AssumeRolePolicyDocument";
const ATTACHED: &str = "AttachedPolicies";
const INLINE: &str = "InlinePolicies";
const BOUNDARY: &str = "PermissionsBoundary";
const MAX_SESSION: &str = "MaxSessionDuration";
const DESCRIPTION: &str = "Description";
const PATH: &str = "Path";
const TAGS: &str = "Tags";

/// How long a session lasts at most, in seconds, where nobody said otherwise.
const DEFAULT_SESSION: i64 = 3600;
/// The longest session that IAM takes, in seconds.
const LONGEST_SESSION: i64 = 43_200;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        TRUST,
        Shape::Policy,
        Fill::Undefined,
        Rate::By(rate::trust),
        "Trust policy: who may assume the role; compared by meaning.",
    ),
    Attribute::new(
        ATTACHED,
        Shape::Set,
        Fill::Empty,
        Rate::By(rate::attached),
        "Managed policies attached to the role, by ARN.",
    ),
    Attribute::new(
        INLINE,
        Shape::Map(&Shape::Policy),
        Fill::Empty,
        Rate::By(rate::inline),
        "Policies embedded in the role, by name; compared by meaning.",
    ),
    Attribute::new(
        BOUNDARY,
        Shape::Text,
        Fill::Null,
        Rate::By(rate::boundary),
        "ARN of the managed policy that bounds what the role may do; null if nothing does.",
    ),
    Attribute::new(
        MAX_SESSION,
        Shape::Integer,
        Fill::Integer(DEFAULT_SESSION),
        Rate::By(rate::max_session),
        "Longest session in seconds, 3600 to 43200.",
    ),
    Attribute::new(
        DESCRIPTION,
        Shape::Text,
        Fill::Text(""),
        INFO,
        "What the role is for, in the words of whoever made it.",
    ),
    Attribute::new(PATH, Shape::Text, Fill::Text("/"), WARNING, "Path, such as /team/; AWS cannot change it in place."),
    Attribute::new(TAGS, Shape::Tags, Fill::Empty, INFO, "Tags."),
];

/// Paths under which AWS itself makes roles: for its services, and for single sign-on.
const AWS_PATHS: [&str; 2] = ["/aws-service-role/", "/aws-reserved/"];

impl ResourceType for IamRole {
    fn name(&self) -> &'static str {
        "IAM_ROLE"
    }

    fn is_global(&self) -> bool {
        true
    }

    fn id_form(&self) -> &'static str {
        "role name (deployer)"
    }

    fn scan_actions(&self) -> &'static [&'static str] {
        &["iam:GetAccountAuthorizationDetails", "iam:ListRoles"]
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
        read::read(self, aws, request)
    }

    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        let mut state = state.clone();
        respell(&mut state);
        let mut problems = schema::check(ATTRIBUTES, &state);
        problems.extend(check_values(&state));
        problems
    }

    fn normalize(&self, state: &mut ResourceState) {
        respell(state);
        schema::normalize(ATTRIBUTES, state);
    }

    fn monthly_cost(&self, _: &ResourceState, _: &Region, _: &Prices) -> MonthlyCost {
        // IAM is free of charge: no parts, so known to cost nothing.
        MonthlyCost::default()
    }

    fn is_aws_owned(&self, _: &str, state: &ResourceState) -> bool {
        is_aws_path(state.get(PATH).and_then(Value::as_str).unwrap_or_default())
    }

    fn fix_actions(&self) -> &'static [&'static str] {
        fix::ACTIONS
    }

    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        Box::pin(fix::plan_fix(aws, request))
    }

    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        _key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        Box::pin(fix::call(aws, step))
    }

    fn example(&self) -> ResourceState {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com"]}}
        ]});
        let inline = json!({"read": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::web/*"]}
        ]}});
        ResourceState::new()
            .with(TRUST, trust)
            .with(ATTACHED, json!({"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore": {}}))
            .with(INLINE, inline)
            .with(BOUNDARY, "arn:aws:iam::123456789012:policy/boundary")
            .with(MAX_SESSION, DEFAULT_SESSION)
            .with(DESCRIPTION, "Web servers")
            .with(PATH, "/")
            .with(TAGS, json!({"Env": "prod"}))
    }
}

/// Whether AWS makes the roles at this path.
fn is_aws_path(path: &str) -> bool {
    AWS_PATHS.iter().any(|prefix| path.starts_with(prefix))
}

/// AWS's own JSON form of an attribute becomes ours.
fn respell(state: &mut ResourceState) {
    for (name, value) in state.iter_mut() {
        match name {
            BOUNDARY => {
                if let Some(arn) = value.get_mut("PermissionsBoundaryArn").map(Value::take) {
                    *value = arn;
                }
                // Tools that keep "none" as an empty text mean what AWS tells by telling nothing.
                if value.as_str() == Some("") {
                    *value = Value::Null;
                }
            }
            INLINE => {
                let policy = |item: &Value| {
                    Some((item.get("PolicyName")?.as_str()?.to_owned(), item.get("PolicyDocument")?.clone()))
                };
                if let Some(policies) = value.as_array().and_then(|items| items.iter().map(policy).collect()) {
                    *value = Value::Object(policies);
                }
            }
            _ => {}
        }
    }
}

/// Faults that the attribute table cannot tell: values that AWS would never give back, so that they would be drift for
/// ever.
fn check_values(state: &ResourceState) -> Vec<StateProblem> {
    let mut problems = Vec::new();
    let mut fault = |pointer: String, message: String| problems.push(StateProblem { pointer, message });
    if let Some(seconds) = state.get(MAX_SESSION).and_then(Value::as_i64)
        && !(DEFAULT_SESSION..=LONGEST_SESSION).contains(&seconds)
    {
        let message = format!("{seconds} seconds: IAM takes {DEFAULT_SESSION} (an hour) to {LONGEST_SESSION} (twelve)");
        fault(format!("/{MAX_SESSION}"), message);
    }
    if let Some(path) = state.get(PATH).and_then(Value::as_str)
        && !(path.starts_with('/') && path.ends_with('/'))
    {
        fault(format!("/{PATH}"), format!("`{path}` is no path: it begins and ends with a slash, such as `/team/`"));
    }
    if let Some(arn) = state.get(BOUNDARY).and_then(Value::as_str)
        && !arn.is_empty()
        && !arn.starts_with("arn:")
    {
        fault(format!("/{BOUNDARY}"), not_an_arn(arn));
    }
    let attached: Vec<(String, &str)> = match state.get(ATTACHED) {
        Some(Value::Object(arns)) => arns.keys().map(|arn| (escape(arn), arn.as_str())).collect(),
        Some(Value::Array(arns)) => {
            arns.iter().enumerate().filter_map(|(index, arn)| Some((index.to_string(), arn.as_str()?))).collect()
        }
        _ => Vec::new(),
    };
    for (key, arn) in attached.into_iter().filter(|(_, arn)| !arn.starts_with("arn:")) {
        fault(format!("/{ATTACHED}/{key}"), not_an_arn(arn));
    }
    problems
}

fn not_an_arn(text: &str) -> String {
    format!("`{text}` is no policy ARN: write it whole, such as `arn:aws:iam::aws:policy/ReadOnlyAccess`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_aws_never_gives_back_are_refused_with_their_place() {
        let state = ResourceState::new()
            .with(MAX_SESSION, 60)
            .with(PATH, "team")
            .with(BOUNDARY, "boundary")
            .with(ATTACHED, json!(["ReadOnlyAccess"]))
            .with(TRUST, json!({"Statement": {"Effect": "Permit", "Action": "sts:AssumeRole"}}))
            .with(INLINE, json!({"read": null}));
        let problems = IamRole.check(&state);
        let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/AssumeRolePolicyDocument/Statement/Effect",
                "/InlinePolicies/read",
                "/MaxSessionDuration",
                "/Path",
                "/PermissionsBoundary",
                "/AttachedPolicies/0",
            ]
        );
    }

    #[test]
    fn what_aws_writes_is_taken_too() {
        let policy = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}});
        let mut state = ResourceState::new()
            .with(
                BOUNDARY,
                json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/x"}),
            )
            .with(INLINE, json!([{"PolicyName": "all", "PolicyDocument": policy}]))
            .with(ATTACHED, json!([{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/x"}]))
            .with(TAGS, json!([{"Key": "Env", "Value": "prod"}]));
        assert_eq!(IamRole.check(&state), []);
        IamRole.normalize(&mut state);
        assert_eq!(state.get(BOUNDARY), Some(&json!("arn:aws:iam::aws:policy/x")));
        assert_eq!(state.get(ATTACHED), Some(&json!({"arn:aws:iam::aws:policy/x": {}})));
        assert_eq!(state.get(TAGS), Some(&json!({"Env": "prod"})));
        assert!(state.get(INLINE).is_some_and(|inline| inline["all"]["Statement"].is_array()));
    }

    #[test]
    fn no_boundary_is_the_same_however_it_is_said() {
        for none in [json!(""), Value::Null] {
            let mut state = ResourceState::new().with(BOUNDARY, none);
            IamRole.normalize(&mut state);
            assert_eq!(state.get(BOUNDARY), Some(&Value::Null));
        }
    }

    #[test]
    fn roles_that_aws_makes_are_told_by_their_path() {
        let at = |path: &str| IamRole.is_aws_owned("x", &ResourceState::new().with(PATH, path));
        assert!(at("/aws-service-role/ecs.amazonaws.com/"));
        assert!(at("/aws-reserved/sso.amazonaws.com/eu-west-1/"));
        assert!(!at("/"));
    }
}
