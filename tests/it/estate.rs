//! The merge of all sources: accounts, regions, and resources that are declared more than once.

use std::fs;

use driftsentry::domain::id::{AccountId, Region, ScannedAccount};
use driftsentry::expected::{Estate, Expected};
use driftsentry::resource::BUILTIN;
use serde_json::{Value, json};

use crate::expected::{account, configured, document, group, load_at, scope};

fn other_account() -> ScannedAccount {
    ScannedAccount {
        name: Some("staging".to_owned()),
        id: AccountId::from("210987654321"),
        regions: vec![Region::from("us-east-1")],
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it stands for a literal")]
fn resource(resource_type: &str, id: &str, extra: Value) -> Value {
    let mut resource = json!({ "resource_type": resource_type, "resource_id": id, "state": {} });
    let entries = resource.as_object_mut().expect("an object");
    entries.extend(extra.as_object().expect("an object").clone());
    resource
}

async fn load(resources: &[Value], accounts: &[ScannedAccount]) -> std::sync::Arc<Estate> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    fs::write(&file, document(resources)).expect("it is written");
    load_at(&file, accounts).await
}

#[tokio::test]
async fn the_only_account_and_the_only_region_need_not_be_written() {
    let resources = [resource("RDS", "db", json!({})), resource("S3", "assets", json!({ "region": null }))];
    let estate = load(&resources, &[account(&["eu-west-1"])]).await;
    assert!(estate.problems.is_empty(), "{:#?}", estate.problems);
    assert!(estate.scope(&scope("RDS", "eu-west-1")).get("db").is_some());
    let buckets = estate.scope(&scope("S3", "eu-west-1"));
    assert!(buckets.get("assets").is_some() && buckets.region_open().is_empty());
}

#[tokio::test]
async fn with_several_regions_only_a_bucket_may_leave_its_own_open() {
    let resources = [resource("RDS", "db", json!({})), resource("S3", "assets", json!({}))];
    let estate = load(&resources, &[account(&["us-east-1", "eu-west-1"])]).await;
    assert_eq!(estate.problems.len(), 1);
    assert!(estate.problems[0].message.contains("RDS db names no region, and us-east-1, eu-west-1 are scanned"));
    for region in ["us-east-1", "eu-west-1"] {
        let buckets = estate.scope(&scope("S3", region));
        assert!(buckets.get("assets").is_some(), "it is offered in {region}");
        assert!(buckets.region_open().contains("assets"));
        let databases = estate.scope(&scope("RDS", region));
        assert!(databases.get("db").is_none() && databases.is_undecided("db"));
    }
}

#[tokio::test]
async fn with_several_accounts_one_must_be_named_by_the_resource_or_its_source() {
    let accounts = [account(&["us-east-1"]), other_account()];
    let named = resource("RDS", "named", json!({ "account_id": "210987654321" }));
    let estate = load(&[resource("RDS", "db", json!({})), named.clone()], &accounts).await;
    assert_eq!(estate.problems.len(), 1);
    assert!(estate.problems[0].message.contains("RDS db names no account"), "{:#?}", estate.problems);

    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.json"), document(&[resource("RDS", "db", json!({})), named])).expect("written");
    let toml = format!(
        "[[aws.accounts]]\nname = \"prod\"\nid = \"123456789012\"\n\
         [[expected]]\nkind = \"json\"\npath = {:?}\naccount = \"prod\"\n",
        folder.path().display().to_string()
    );
    let expected = Expected::build(&configured(&toml).expect("it is good"), BUILTIN).expect("it is good");
    let estate = expected.estate(&accounts).await;
    assert!(estate.problems.is_empty(), "{:#?}", estate.problems);
    let mut theirs = scope("RDS", "us-east-1");
    assert!(estate.scope(&theirs).get("db").is_some(), "the source's account");
    theirs.account_id = AccountId::from("210987654321");
    assert!(estate.scope(&theirs).get("named").is_some(), "its own account");
}

#[tokio::test]
async fn a_global_type_takes_no_region_and_others_take_not_global() {
    let resources = [
        resource("IAM_ROLE", "plain", json!({})),
        resource("IAM_ROLE", "explicit", json!({ "region": "global" })),
        resource("IAM_ROLE", "regional", json!({ "region": "us-east-1" })),
        resource("RDS", "db", json!({ "region": "global" })),
    ];
    let estate = load(&resources, &[account(&["us-east-1", "eu-west-1"])]).await;
    let roles = estate.scope(&scope("IAM_ROLE", "global"));
    assert!(roles.get("plain").is_some() && roles.get("explicit").is_some());
    assert!(roles.is_undecided("regional"));
    let messages: Vec<&str> = estate.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].contains("IAM_ROLE regional belongs to no region"), "{messages:?}");
    assert!(messages[1].contains("RDS db belongs to a region"), "{messages:?}");
}

#[tokio::test]
async fn what_lies_where_nothing_is_scanned_is_a_note_and_no_fault() {
    let resources = [
        resource("RDS", "a", json!({ "region": "eu-west-3" })),
        resource("RDS", "b", json!({ "region": "eu-west-3" })),
        resource("RDS", "c", json!({ "account_id": "999999999999" })),
    ];
    let estate = load(&resources, &[account(&["us-east-1"])]).await;
    assert!(estate.problems.is_empty() && estate.is_empty() && estate.is_complete());
    assert_eq!(
        estate.sources[0].notes,
        [
            "1 resource is declared in account 999999999999, which is not scanned",
            "2 resources are declared in eu-west-3 of account 123456789012, which is not scanned",
        ]
    );
}

#[tokio::test]
async fn declared_twice_alike_is_fine_and_otherwise_is_undecided() {
    let resources = [
        group("sg-same", json!({ "Tags": { "Env": "prod" }, "Description": "web" })),
        group("sg-same", json!({ "Description": "web", "Tags": { "Env": "prod" } })),
        group("sg-diff", json!({ "Tags": { "Env": "prod" } })),
        group("sg-diff", json!({ "Tags": { "Env": "test" } })),
    ];
    let estate = load(&resources, &[account(&["us-east-1"])]).await;
    let scope = estate.scope(&scope("SECURITY_GROUP", "us-east-1"));
    assert!(scope.get("sg-same").is_some() && !scope.is_undecided("sg-same"));
    assert!(scope.get("sg-diff").is_none() && scope.is_undecided("sg-diff"));
    let [problem] = estate.problems.as_slice() else { panic!("{:#?}", estate.problems) };
    assert_eq!(problem.pointer, "/resources/3");
    assert!(problem.message.contains("web.json:1 (#/resources/2)"), "both places: {problem}");
}

#[tokio::test]
async fn a_bucket_is_one_bucket_whatever_region_its_declarations_name() {
    let at = |id, region| resource("S3", id, json!({ "region": region }));
    let resources = [
        at("once-open", Value::Null),
        at("once-open", json!("eu-west-1")),
        at("two-regions", json!("us-east-1")),
        at("two-regions", json!("eu-west-1")),
    ];
    let estate = load(&resources, &[account(&["us-east-1", "eu-west-1"])]).await;
    assert_eq!(estate.problems.len(), 1);
    assert!(estate.problems[0].message.contains("declared in us-east-1"), "{:#?}", estate.problems);
    let (east, west) = (estate.scope(&scope("S3", "us-east-1")), estate.scope(&scope("S3", "eu-west-1")));
    assert!(east.get("once-open").is_none() && west.get("once-open").is_some());
    assert!(west.region_open().is_empty(), "one of the two names the region");
    assert!(east.is_undecided("two-regions") && west.is_undecided("two-regions"));
}

#[tokio::test]
async fn without_accounts_documents_are_still_checked_against_one_another() {
    let resources = [
        resource("RDS", "db", json!({})),
        resource("IAM_ROLE", "role", json!({})),
        resource("IAM_ROLE", "role", json!({ "region": "global" })),
        group("sg-1", json!({ "Tags": {} })),
        group("sg-1", json!({ "Tags": { "a": "b" } })),
    ];
    let estate = load(&resources, &[]).await;
    let [problem] = estate.problems.as_slice() else { panic!("{:#?}", estate.problems) };
    assert!(problem.message.contains("SECURITY_GROUP sg-1 is declared otherwise"));
}

#[tokio::test]
async fn a_declaration_is_canonical_and_names_its_place() {
    let policy = json!({ "Statement": { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" } });
    let plain = resource("S3", "assets", json!({ "state": { "Policy": policy } }));
    let text = resource("S3", "texts", json!({ "state": { "Policy": policy.to_string() } }));
    let estate = load(&[plain, text], &[account(&["us-east-1"])]).await;
    assert!(estate.problems.is_empty(), "{:#?}", estate.problems);
    let scope = estate.scope(&scope("S3", "us-east-1"));
    let (plain, text) = (scope.get("assets").expect("declared"), scope.get("texts").expect("declared"));
    assert_eq!(plain.state, text.state, "equal meaning is equal JSON");
    assert!(text.declared_in.ends_with("web.json#/resources/1"));
    assert_eq!(scope.attribute_names()["assets"].iter().collect::<Vec<_>>(), ["Policy"]);
}

#[tokio::test]
async fn a_group_that_names_itself_as_a_source_means_self() {
    let rules = json!({ "IngressRules": { "tcp:22:sg-1": {}, "tcp:80:sg-2": {} } });
    let estate = load(&[group("sg-1", rules)], &[account(&["us-east-1"])]).await;
    let declared = estate.scope(&scope("SECURITY_GROUP", "us-east-1")).get("sg-1").expect("it is declared");
    let rules = declared.state.get("IngressRules").and_then(Value::as_object).expect("rules");
    assert_eq!(rules.keys().collect::<Vec<_>>(), ["tcp:22-22:self", "tcp:80-80:sg-2"]);
}
