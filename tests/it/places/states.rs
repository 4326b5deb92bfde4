//! Terraform's states end to end: what a broken one costs, and that people see the address that they look for.

use std::path::Path;

use driftsentry::domain::drift::DriftKind;
use serde_json::{Value, json};

use crate::support::{Effect, Place, Rule, SECURITY_GROUP, Setup, TestApp, TestDatabase, World};

/// A state that declares a group with its tags alone.
fn state_of(id: &str, name: &str, owner: &str) -> String {
    let attributes = json!({ "id": id, "tags": { "Owner": owner }, "tags_all": { "Owner": owner } });
    let group = json!({
        "mode": "managed", "type": "aws_security_group", "name": name, "module": "module.web",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{ "index_key": 0, "schema_version": 1, "attributes": attributes }],
    });
    let zone = json!({
        "mode": "managed", "type": "aws_route53_zone", "name": "z", "instances": [{ "attributes": { "id": "Z1" } }],
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
    });
    let data = json!({
        "mode": "data", "type": "aws_ami", "name": "a", "instances": [{ "attributes": { "id": "ami-1" } }],
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
    });
    json!({ "version": 4, "terraform_version": "1.9.2", "serial": 7, "lineage": "x", "resources": [group, zone, data] })
        .to_string()
}

fn terraform_at(path: &Path) -> String {
    format!("[[expected]]\nkind = \"terraform\"\npath = {:?}\n", path.display().to_string())
}

#[tokio::test]
async fn a_truncated_state_leaves_its_resources_as_they_were_and_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup::of(SECURITY_GROUP.types).toml(terraform_at(folder.path())).reporting_unmanaged();
    let app = TestApp::start(setup).await;
    let aws = app.aws().await;
    let (one, two) = ((SECURITY_GROUP.create)(&aws, "one").await, (SECURITY_GROUP.create)(&aws, "two").await);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a state");
    write("one.tfstate", &state_of(&one, "one", "ops"));
    write("two.tfstate", &state_of(&two, "two", "ops"));
    app.scan_later().await;
    let open = app.open_drifts().await;
    assert_eq!(open.len(), 2, "neither has the tag: {open:#?}");
    let address = open[0].terraform_address.clone().expect("an address");
    assert!(address.starts_with("module.web.aws_security_group."), "{address}");
    assert!(open[0].declared_in.as_ref().is_some_and(|place| place.ends_with(&format!(".tfstate#{address}"))));

    // The first one is put right, and the second one's state is cut: only what is known changes.
    let whole = state_of(&two, "two", "ops");
    write("two.tfstate", &whole[..whole.len() / 2]);
    (SECURITY_GROUP.give_to)(&aws, &one, "ops").await;
    (SECURITY_GROUP.give_to)(&aws, &two, "ops").await;
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    let error = scan.error.clone().unwrap_or_default();
    assert_eq!(scan.status.as_str(), "partial", "{scan:?}");
    assert_eq!(error.matches("two.tfstate").count(), 1, "said once: {error}");
    let open: Vec<_> = app.open_drifts().await.into_iter().map(|drift| (drift.key.resource_id, drift.kind)).collect();
    assert_eq!(open, [(two.clone(), DriftKind::Changed)], "neither missing nor resolved nor unmanaged");

    // A drift of the other one is found meanwhile.
    (SECURITY_GROUP.give_to)(&aws, &one, "nobody").await;
    app.clock.advance(chrono::TimeDelta::minutes(15));
    app.scan().await;
    assert_eq!(app.open_drifts().await.len(), 2);
    write("two.tfstate", &whole);
    (SECURITY_GROUP.give_to)(&aws, &one, "ops").await;
    app.scan_later().await;
    assert_eq!(app.open_drifts().await.len(), 0, "all is told again");
}

#[tokio::test]
async fn a_scan_of_many_parts_asks_for_a_state_in_s3_once_and_the_next_one_again() {
    let bucket = format!("states-{}", std::process::id());
    let setup =
        Setup::default().toml(format!("[[expected]]\nkind = \"terraform\"\npath = \"s3://{bucket}/web.tfstate\"\n"));
    let app = TestApp::start(setup).await;
    let aws = app.aws().await;
    aws.s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
    let group = (SECURITY_GROUP.create)(&aws, "one").await;
    let body = state_of(&group, "one", "ops").into_bytes().into();
    aws.s3.put_object().bucket(&bucket).key("web.tfstate").body(body).send().await.expect("a state");
    let asked = || app.proxy.counts().get("GET object").copied().unwrap_or_default();
    app.scan_later().await;
    assert_eq!((app.open_drifts().await.len(), asked()), (1, 1), "five parts, one look");
    app.scan_later().await;
    assert_eq!(asked(), 2);
    app.proxy.add(Rule::on("GET object", Effect::Denied));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    assert_eq!((scan.status.as_str(), app.open_drifts().await.len()), ("partial", 1), "unknown: nothing is resolved");
    let told = scan.error.unwrap_or_default();
    assert_eq!(told.matches("allow s3:GetObject").count(), 1, "once for all parts: {told}");
    app.proxy.clear_rules();
    app.scan_later().await;
}

#[tokio::test]
async fn the_command_checks_a_state_from_standard_input_without_any_configuration() {
    let place = Place::new("nonsense = [");
    let check = |args: &[&'static str]| [&["expected", "check"], args].concat();
    let state = state_of("sg-1", "one", "ops");
    let output = place.run_with(&check(&["--terraform", "-"]), &state).await;
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    for words in [
        "terraform standard input: 1 document, 1 resource (SECURITY_GROUP 1)",
        "standard input          1  -             7  1.9.2",
        "not watched: aws_route53_zone 1",
        "passed over: 1 data source",
        "1 source, 1 resource, 0 problems",
    ] {
        assert!(output.stdout.contains(words), "`{words}` in {}", output.stdout);
    }
    let json = place.run_with(&check(&["--terraform", "-", "--format", "json"]), &state).await.json();
    let source = &json["sources"][0];
    assert_eq!((&source["read"][0]["serial"], &source["skipped"]), (&json!(7), &json!({ "aws_route53_zone": 1 })));
    let empty = place.run_with(&check(&["--terraform", "-"]), "").await;
    assert_eq!(empty.code, Some(1));
    assert!(empty.stdout.contains("problem: standard input: is empty"), "{empty:?}");
    let documents = place.run_with(&check(&["--json", "-"]), "{ \"resources\": [] }").await;
    assert_eq!(documents.code, Some(0), "{documents:?}");
    place.run(&check(&["--terraform", "-", "--json", "-"])).await.refuses(&["standard input can be read once"]);
}

#[tokio::test]
async fn two_states_that_declare_one_resource_otherwise_are_both_named() {
    let place = Place::new("");
    place.write("states/a.tfstate", &state_of("sg-1", "one", "ops"));
    place.write("states/b/b.tfstate", &state_of("sg-1", "other", "web"));
    place.write("states/c.tfstate", "\u{1f}\u{8b}");
    let output = place.run(&["expected", "check", "--terraform", "states/**/*.tfstate"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    let line = output.stdout.lines().find(|line| line.contains("is declared otherwise")).unwrap_or_default();
    for words in ["states/a.tfstate", "states/b/b.tfstate", "aws_security_group.one", "aws_security_group.other"] {
        assert!(line.contains(words), "`{words}` in {}", output.stdout);
    }
    assert!(output.stdout.contains("problem: states/c.tfstate"), "{}", output.stdout);
}

#[tokio::test]
async fn people_see_the_address_in_tables_and_programs_in_json() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let aws = world.aws("us-east-1").await;
    let group = (SECURITY_GROUP.create)(&aws, "one").await;
    let more = "[[expected]]\nkind = \"terraform\"\npath = \"states/\"\n";
    let place = Place::of(&world, &world.endpoint, &database.url(), more);
    place.write("states/web.tfstate", &state_of(&group, "one", "ops"));
    let address = "module.web.aws_security_group.one[0]";
    for args in [&["scan", "--type", "SECURITY_GROUP"][..], &["scan", "--dry-run", "--type", "SECURITY_GROUP"]] {
        let output = place.run(args).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(output.stdout.contains(address), "{args:?}: {}", output.stdout);
    }
    let listed = place.run(&["drifts", "list", "--format", "json"]).await.json();
    assert_eq!(listed[0]["terraform_address"], address);
    let id = listed[0]["id"].as_str().expect("an id");
    let shown = place.run(&["drifts", "show", id]).await.stdout;
    assert!(shown.contains(&format!("Terraform:   {address}\nDeclared in: states/web.tfstate\n")), "{shown}");
    assert!(place.run(&["drifts", "list"]).await.stdout.contains(address));
    let dry = place.run(&["scan", "--dry-run", "--format", "json", "--type", "SECURITY_GROUP"]).await.json();
    assert_eq!(dry["drifts"][0]["terraform_address"], address);
}

#[tokio::test]
async fn the_policy_allows_to_read_the_configured_states() {
    let more = "[[expected]]\nkind = \"terraform\"\npath = \"s3://states/env/\"\n\
                [[expected]]\nkind = \"json\"\npath = \"s3://states/web.json\"\n";
    let place = Place::new(&format!("[aws]\nregions = [\"us-east-1\"]\n{more}"));
    let policy = place.run(&["iam-policy", "scan"]).await.json();
    let statements = policy["Statement"].as_array().expect("statements");
    let of = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).cloned().unwrap_or(Value::Null);
    assert_eq!(
        of("ExpectedStateRead")["Resource"],
        json!(["arn:aws:s3:::states/env/*", "arn:aws:s3:::states/web.json", "arn:aws:s3:::states/web.json/*"])
    );
    assert_eq!(of("ExpectedStateList")["Resource"], json!(["arn:aws:s3:::states"]));
}
