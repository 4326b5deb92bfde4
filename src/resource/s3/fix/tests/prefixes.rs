//! The law of the order: whatever is live and whatever is declared, AWS takes every step, and after no step is the bucket
//! more open than it was or is declared.

use serde_json::{Value, json};

use super::*;

/// Flags of the public access block: refusing ACLs and policies, disarming ACLs and policies.
const BLOCKS: &[[bool; 4]] = &[
    [false, false, false, false],
    [true, true, true, true],
    [true, true, false, false],
    [false, false, true, true],
    [true, false, false, true],
    [false, true, true, false],
];

fn block(on: [bool; 4]) -> Value {
    json!({
        "BlockPublicAcls": on[0], "BlockPublicPolicy": on[1], "IgnorePublicAcls": on[2], "RestrictPublicBuckets": on[3],
    })
}

fn policies() -> [Value; 3] {
    let public = |action: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "arn:aws:s3:::assets/*" },
        ] })
    };
    [Value::Null, public("s3:GetObject"), public("s3:*")]
}

/// Every combination that AWS lets a bucket be in.
fn states() -> Vec<Value> {
    let mut states = Vec::new();
    for on in BLOCKS {
        for policy in policies() {
            for (ownership, acl) in
                [("BucketOwnerEnforced", "private"), ("ObjectWriter", "private"), ("ObjectWriter", "public-read")]
            {
                let state = json!({
                    "PublicAccessBlock": block(*on), "Policy": policy, "OwnershipControls": ownership, "Acl": acl,
                });
                states.push(canonical_of(&state).to_value());
            }
        }
    }
    states
}

fn is_on(state: &Value, flag: &str) -> bool {
    state["PublicAccessBlock"][flag] == true
}

fn is_open_acl(state: &Value) -> bool {
    state["Acl"].as_object().expect("grants").contains_key("AllUsers:READ")
}

fn is_enforced(state: &Value) -> bool {
    state["OwnershipControls"]["ObjectOwnership"] == "BucketOwnerEnforced"
}

/// How much strangers may do by the policy, and by the ACL.
fn openness(state: &Value) -> (u8, u8) {
    let by_policy = match state.pointer("/Policy/Statement/0/Action/0").and_then(Value::as_str) {
        _ if is_on(state, "RestrictPublicBuckets") => 0,
        None => 0,
        Some("s3:GetObject") => 1,
        Some(_) => 2,
    };
    let by_acl = is_open_acl(state) && !is_on(state, "IgnorePublicAcls") && !is_enforced(state);
    (by_policy, u8::from(by_acl))
}

/// The state after a step, as AWS carries it out; panics if AWS would refuse it.
fn after(state: &Value, step: &FixStep) -> Value {
    let (attribute, answer) = super::echo::answer(step);
    let mut next = state.clone();
    next[attribute] = canonical_of(&json!({ attribute: answer })).to_value()[attribute].clone();
    match attribute {
        "Policy" => assert!(next["Policy"].is_null() || !is_on(state, "BlockPublicPolicy"), "public policy refused"),
        "Acl" if is_open_acl(&next) => {
            assert!(!is_on(state, "BlockPublicAcls"), "public ACL refused");
            assert!(!is_enforced(state), "ACLs are off");
        }
        "OwnershipControls" if is_enforced(&next) => assert!(!is_open_acl(state), "the ACL grants to others"),
        _ => {}
    }
    next
}

#[test]
fn no_prefix_of_a_plan_is_more_open_than_live_or_declared_and_aws_takes_every_step() {
    let states = states();
    for declared in &states {
        for live in &states {
            let plan = plan_for(declared, live);
            let (wanted, was) = (openness(declared), openness(live));
            let limit = (wanted.0.max(was.0), wanted.1.max(was.1));
            let mut state = live.clone();
            for (done, step) in plan.steps.iter().enumerate() {
                let before = openness(&state);
                state = after(&state, step);
                let now = openness(&state);
                let shown = || format!("{declared}\n from {live}\n by {:?} at {done}", operations(&plan));
                assert!(now.0 <= limit.0 && now.1 <= limit.1, "{now:?} is more than {limit:?}: {}", shown());
                let opened = now.0 > before.0 || now.1 > before.1;
                assert!(!opened || step.loosens, "it opens and does not say so: {}", shown());
            }
            if plan.manual.is_empty() {
                assert_eq!(changes_of(&S3, &canonical_of(declared), &aligned(declared, &state)), [], "{declared}");
            }
        }
    }
}

fn aligned(declared: &Value, state: &Value) -> ResourceState {
    let mut state = canonical_of(state);
    S3.align(&canonical_of(declared), &mut state);
    state
}
