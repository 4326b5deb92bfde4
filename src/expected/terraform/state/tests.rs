use serde_json::json;

use super::*;
use crate::expected::terraform::{JOINS, TYPES};
use crate::resource::BUILTIN;

fn loaded(documents: &[(&str, &str)]) -> Loaded {
    let (mut fold, mut loaded) = (Fold::new(TYPES).joining(JOINS), Loaded::default());
    for (name, text) in documents {
        read_from(name, &mut text.as_bytes(), &mut fold, &mut loaded);
    }
    fold.finish(BUILTIN, &mut loaded);
    loaded
}

pub(super) fn loaded_bytes(mut bytes: &[u8]) -> Loaded {
    let (mut fold, mut loaded) = (Fold::new(TYPES).joining(JOINS), Loaded::default());
    read_from("a.tfstate", &mut bytes, &mut fold, &mut loaded);
    fold.finish(BUILTIN, &mut loaded);
    loaded
}

fn role(key: &Value, more: &Value) -> Value {
    let mut instance = json!({"schema_version": 0, "attributes": {
        "arn": "arn:aws:iam::123456789012:role/app", "name": "app", "managed_policy_arns": [],
    }});
    let entries = instance.as_object_mut().expect("an object");
    entries.insert("index_key".to_owned(), key.clone());
    entries.extend(more.as_object().expect("an object").clone());
    instance
}

fn state(instances: &[Value]) -> String {
    json!({"version": 4, "resources": [{
        "module": "module.web[\"a\"]", "mode": "managed", "type": "aws_iam_role", "name": "app",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]", "instances": instances,
    }]})
    .to_string()
}

#[test]
fn an_instance_becomes_a_declaration_with_its_address() {
    let loaded = loaded(&[("a.tfstate", &state(&[role(&json!("x"), &json!({}))]))]);
    assert_eq!(loaded.problems, []);
    assert_eq!(&*loaded.declarations[0].pointer, "module.web[\"a\"].aws_iam_role.app[\"x\"]");
    assert_eq!(loaded.declarations[0].account_id.as_deref(), Some("123456789012"));
    assert!(!loaded.lost_any);
}

#[test]
fn the_keys_of_a_resource_may_stand_in_any_order() {
    let keys = ["mode", "type", "name", "provider", "instances", "module"];
    for turn in 0..keys.len() {
        let state: Value = state(&[role(&json!("x"), &json!({}))]).parse().expect("JSON");
        let entry = |index: usize| {
            let key = keys[(turn + index) % keys.len()];
            format!("{key:?}: {}", state["resources"][0][key])
        };
        let resource: Vec<String> = (0..keys.len()).map(entry).collect();
        let text = format!("{{\"resources\": [{{{}}}], \"version\": 4}}", resource.join(", "));
        let loaded = loaded(&[("a.tfstate", &text)]);
        assert_eq!(loaded.problems, []);
        assert_eq!(&*loaded.declarations[0].pointer, "module.web[\"a\"].aws_iam_role.app[\"x\"]");
    }
}

#[test]
fn deposed_instances_are_passed_over_and_tainted_ones_undecided() {
    let deposed = loaded(&[("a", &state(&[role(&Value::Null, &json!({"deposed": "0a1b2c3d"}))]))]);
    assert!(deposed.is_empty() && deposed.problems.is_empty() && !deposed.lost_any);
    let tainted = loaded(&[("a", &state(&[role(&Value::Null, &json!({"status": "tainted"}))]))]);
    assert!(tainted.is_empty() && tainted.problems.is_empty());
    assert!(tainted.faulty.contains(&("IAM_ROLE".to_owned(), "app".to_owned())));
    assert_eq!(tainted.notes.len(), 1);
    let nothing = json!({"status": "tainted", "attributes": {"name": null, "arn": null}});
    let nothing = loaded(&[("a", &state(&[role(&Value::Null, &nothing)]))]);
    assert!(nothing.is_empty() && nothing.problems.is_empty() && nothing.lost_any);
}

#[test]
fn other_forms_are_refused_with_what_to_do() {
    for (text, line, words) in [
        ("", 1, "empty"),
        ("{\n \"version\": 3, \"modules\": []}", 2, "format version 3"),
        ("{\"version\": 5, \"resources\": []}", 1, "format version 5"),
        ("{\"version\": \"4\"}", 1, "`version` is a text"),
        ("{\"version\": 4}", 1, "`resources` is missing"),
        ("{\"a\": 1}", 1, "no Terraform state"),
        ("[]", 1, "no Terraform state"),
        ("\u{1f}\u{8b}", 1, "compressed"),
        ("{\"version\": 4, \"resources\": []", 1, "ends in the middle"),
        ("{\"version\": 4, \"resources\": {}}", 1, "an object where a list belongs"),
        ("{\"version\": 4,\n\"version\": 4}", 2, "`version` stands twice"),
        ("{\"version\": 4, \"resources\": []} x", 1, "behind the end"),
        ("{\"serial\": 1, \"encrypted_data\": \"x\"}", 1, "encrypted by OpenTofu"),
    ] {
        let loaded = loaded(&[("a.tfstate", text)]);
        assert_eq!(loaded.problems.len(), 1, "{text}");
        assert_eq!(loaded.problems[0].place, format!("a.tfstate:{line}"), "{text}");
        assert!(loaded.problems[0].message.contains(words), "{}", loaded.problems[0].message);
        assert!(loaded.lost_any, "{text}");
    }
}

#[test]
fn endless_nesting_ends_at_once() {
    for open in ["[", "{\"a\":", "{\"version\": 4, \"resources\": [{\"x\": ["] {
        let loaded = loaded(&[("a", &open.repeat(100_000))]);
        let message = &loaded.problems[0].message;
        assert!(message.contains("nested deeper") || message.contains("no Terraform state"), "{message}");
    }
}

#[test]
fn a_broken_state_leaves_the_others_alone_and_what_it_spoke_of_undecided() {
    let good = state(&[role(&Value::Null, &json!({}))]);
    let other = good.replace("\"app\"", "\"other\"");
    let cut = &good[..good.len() - 1];
    let loaded = loaded(&[("cut", cut), ("good", &other)]);
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
    assert_eq!(loaded.len(), 1);
    assert_eq!(&*loaded.declarations[0].resource_id, "other");
    assert!(loaded.faulty.contains(&("IAM_ROLE".to_owned(), "app".to_owned())));
}

#[test]
fn a_faulty_instance_is_told_with_its_address_and_line() {
    for (more, words) in [
        (json!({"attributes": 5}), "its `attributes` are a number"),
        (json!({"attributes": null, "attributes_flat": {"id": "x"}}), "`attributes_flat`"),
        (json!({"attributes": null}), "has no `attributes`"),
        (json!({"status": "odd"}), "its status `odd`"),
        (json!({"deposed": 1}), "its `deposed` is a number"),
        (json!({"index_key": []}), "its `index_key` is a list"),
        (json!({"schema_version": "1"}), "schema_version is a text"),
    ] {
        let loaded = loaded(&[("a", &state(&[role(&Value::Null, &more)]))]);
        assert_eq!(loaded.problems.len(), 1, "{more}");
        assert_eq!(loaded.problems[0].pointer, "module.web[\"a\"].aws_iam_role.app");
        assert!(loaded.problems[0].message.contains(words), "{}", loaded.problems[0].message);
        assert!(loaded.lost_any && loaded.is_empty());
    }
    let twice =
        state(&[role(&Value::Null, &json!({}))]).replace("\"name\":\"app\",", "\"name\":\"app\",\n\"name\":\"x\",");
    let loaded = loaded(&[("a", &twice)]);
    assert!(loaded.problems[0].message.contains("stands twice"), "{:?}", loaded.problems);
}

#[test]
fn two_owners_of_one_resource_are_both_passed_on() {
    let one = state(&[role(&Value::Null, &json!({}))]);
    let loaded = loaded(&[("one", &one), ("two", &one)]);
    let documents: Vec<_> = loaded.declarations.iter().map(|declared| &*declared.document).collect();
    assert_eq!(documents, ["one", "two"]);
}

#[test]
fn types_that_nobody_watches_are_counted() {
    let other = state(&[role(&json!(0), &json!({})), role(&json!(1), &json!({}))]).replace("aws_iam_role", "aws_vpc");
    let loaded = loaded(&[("a", &other)]);
    assert_eq!(loaded.skipped.get("aws_vpc"), Some(&2));
    assert!(loaded.problems.is_empty() && !loaded.lost_any);
}

fn shown(name: &str, address: &str, more: &Value) -> Value {
    let mut resource = json!({
        "address": address, "mode": "managed", "type": "aws_iam_role", "name": "app",
        "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0,
        "values": {"name": name, "arn": "arn:aws:iam::123456789012:role/x", "description": "d", "path": "/"},
    });
    resource.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    resource
}

fn values(resources: &[Value]) -> Value {
    json!({"root_module": {"resources": [], "child_modules": [{"address": "module.m", "resources": resources}]}})
}

fn ids(loaded: &Loaded) -> Vec<&str> {
    loaded.declarations.iter().map(|declared| &*declared.resource_id).collect()
}

#[test]
fn what_terraform_shows_of_a_state_is_read_as_the_state() {
    let resources = [
        shown("app", "module.m.aws_iam_role.app[0]", &json!({"index": 0})),
        shown("old", "module.m.aws_iam_role.app[0]", &json!({"index": 0, "deposed_key": "0a1b2c3d"})),
        shown("bad", "module.m.aws_iam_role.bad", &json!({"tainted": true})),
        shown("data", "module.m.data.aws_iam_role.x", &json!({"mode": "data"})),
    ];
    let text = json!({"format_version": "1.0", "values": values(&resources)}).to_string();
    let loaded = loaded(&[("shown.json", &text)]);
    assert_eq!((loaded.problems.as_slice(), ids(&loaded)), (&[][..], vec!["app"]));
    assert_eq!(&*loaded.declarations[0].pointer, "module.m.aws_iam_role.app[0]");
    assert!(loaded.faulty.contains(&("IAM_ROLE".to_owned(), "bad".to_owned())));
}

#[test]
fn a_state_that_holds_nothing_is_shown_as_its_format_alone() {
    let loaded = loaded(&[("a", "{\"format_version\": \"1.0\"}")]);
    assert!(loaded.is_empty() && loaded.problems.is_empty() && !loaded.lost_any);
}

#[test]
fn a_plan_declares_what_exists_and_stays() {
    let stays = |description: &str| {
        let values = json!({"name": "stays", "description": description});
        shown("", "module.m.aws_iam_role.stays", &json!({ "values": values }))
    };
    let planned = [
        stays("new"),
        shown("created", "module.m.aws_iam_role.created", &json!({})),
        shown("renamed", "module.m.aws_iam_role.replaced", &json!({})),
    ];
    let prior = [
        stays("old"),
        shown("before", "module.m.aws_iam_role.replaced", &json!({})),
        shown("destroyed", "module.m.aws_iam_role.destroyed", &json!({})),
    ];
    let plan = json!({
        "format_version": "1.2", "planned_values": values(&planned), "prior_state": {"values": values(&prior)},
    });
    let loaded = loaded(&[("plan.json", &plan.to_string())]);
    assert_eq!((loaded.problems.as_slice(), ids(&loaded)), (&[][..], vec!["stays"]));
    assert_eq!(loaded.declarations[0].state.parse().get("Description"), Some(&json!("new")));
    assert!(loaded.faulty.contains(&("IAM_ROLE".to_owned(), "before".to_owned())));
}

#[test]
fn what_the_code_ignores_is_not_declared() {
    let declared = |ignored: &Value| {
        let resources = [shown("app", "module.m.aws_iam_role.app[\"x\"]", &json!({}))];
        let plan = json!({
            "configuration": {"root_module": {"module_calls": {"m": {"module": {"resources": [
                {"address": "aws_iam_role.app", "mode": "managed", "lifecycle": {"ignore_changes": ignored}},
            ]}}}}},
            "format_version": "1.2", "planned_values": values(&resources),
            "prior_state": {"values": values(&resources)},
        });
        let loaded = loaded(&[("plan.json", &plan.to_string())]);
        assert_eq!(loaded.problems, []);
        loaded.declarations[0].state.parse().names().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = declared(&json!([]));
    assert!(all.contains(&"Description".to_owned()) && all.contains(&"Path".to_owned()));
    let fewer = declared(&json!(["description", "tags[\"Owner\"]"]));
    assert!(!fewer.contains(&"Description".to_owned()) && fewer.contains(&"Path".to_owned()));
    assert!(declared(&json!("all")).is_empty());
}
