//! Real states, damaged: whatever is done to one, reading it ends, with problems or without, and never by a panic.
//!
//! What once was found to go wrong stands as a case of its own.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::tests::loaded_bytes;

/// A state with an instance of every type that is read, in the form of a state file.
fn whole() -> String {
    let instance: Value = serde_json::from_str(include_str!("../ec2/instance.json")).expect("the example is JSON");
    let database: Value = serde_json::from_str(include_str!("../rds/db_instance.json")).expect("the example is JSON");
    let group = json!({
        "id": "sg-0a1", "arn": "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0a1", "name": "web",
        "ingress": [{"cidr_blocks": ["10.0.0.0/8"], "description": "", "from_port": 22, "ipv6_cidr_blocks": [],
            "prefix_list_ids": [], "protocol": "tcp", "security_groups": [], "self": false, "to_port": 22}],
        "egress": [], "tags": null,
    });
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\"}]}";
    let role = json!({"name": "app", "arn": "arn:aws:iam::123456789012:role/app", "assume_role_policy": trust});
    let bucket = json!({"id": "data", "bucket": "data", "versioning": [{"enabled": true, "mfa_delete": false}]});
    let instances = [
        ("aws_instance", instance),
        ("aws_db_instance", database),
        ("aws_security_group", group),
        ("aws_iam_role", role),
        ("aws_s3_bucket", bucket),
    ];
    let resource = |(kind, attributes): (&str, Value)| {
        json!({"mode": "managed", "type": kind, "name": "x", "provider": "provider.aws",
            "instances": [{"schema_version": 1, "index_key": 0, "attributes": attributes}]})
    };
    let resources: Vec<Value> = instances.map(resource).into();
    serde_json::to_string_pretty(&json!({"version": 4, "resources": resources})).expect("JSON")
}

#[test]
fn the_whole_state_is_good() {
    let loaded = loaded_bytes(whole().as_bytes());
    assert_eq!((loaded.problems.as_slice(), loaded.len()), (&[][..], 5));
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn damaged_bytes_never_end_in_a_panic() {
    let whole = whole().into_bytes();
    let damage = prop::collection::vec((0..whole.len(), any::<u8>()), 1..6);
    let cut = prop::option::of(0..whole.len());
    let outcome = runner(300).run(&(damage, cut), |(damage, cut)| {
        let mut bytes = whole.clone();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        bytes.truncate(cut.unwrap_or(bytes.len()));
        let loaded = loaded_bytes(&bytes);
        prop_assert!(cut.is_none() || loaded.lost_any, "a state that was cut off is not whole");
        Ok(())
    });
    outcome.expect("no panic");
}

#[test]
fn values_of_another_kind_never_end_in_a_panic() {
    let whole: Value = serde_json::from_str(&whole()).expect("JSON");
    let others = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}x"),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": [{"b": null}]}),
    ];
    let pointers = pointers(&whole);
    let choice = prop::collection::vec((0..pointers.len(), 0..others.len()), 1..4);
    let outcome = runner(600).run(&choice, |choice| {
        let mut state = whole.clone();
        for (at, other) in choice {
            if let Some(place) = state.pointer_mut(&pointers[at]) {
                *place = others[other].clone();
            }
        }
        let loaded = loaded_bytes(state.to_string().as_bytes());
        for problem in &loaded.problems {
            prop_assert!(problem.place.starts_with("a.tfstate:"), "{problem}");
        }
        Ok(())
    });
    outcome.expect("no panic");
}

/// Every place in a document.
fn pointers(value: &Value) -> Vec<String> {
    let below = |key: String, value: &Value| pointers(value).into_iter().map(move |rest| format!("/{key}{rest}"));
    let mut found = match value {
        Value::Object(entries) => entries.iter().flat_map(|(key, value)| below(key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().flat_map(|(at, item)| below(at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    found.push(String::new());
    found
}

#[test]
fn junk_is_refused_in_bounded_time_and_memory() {
    let nested = [&b"{\"version\": 4, \"resources\": "[..], &b"[".repeat(1_000_000)].concat();
    for bytes in [
        vec![0; 100_000],
        vec![0xff; 100_000],
        b"[".repeat(1_000_000),
        b"{\"a\":".repeat(300_000),
        nested,
        [&b"{\"version\": 4, \"resources\": [], \"x\": \""[..], &b"x".repeat(1_000_000)].concat(),
        [&b"{\""[..], &b"k".repeat(1_000_000), b"\": 1}"].concat(),
    ] {
        let loaded = loaded_bytes(&bytes);
        assert!(loaded.lost_any && loaded.problems.len() == 1, "{:?}", loaded.problems);
    }
}
