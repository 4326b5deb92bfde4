//! What a scan knows of the estate and what it does not: counted, stored and told; and what is noise to whom reports
//! what nothing declares.

use driftsentry::domain::coverage::{MissingAction, NoteKind};
use driftsentry::domain::drift::DriftKind;
use driftsentry::store;
use serde_json::json;

use crate::support::{Effect, IAM_ROLE, RDS, Rule, S3, SECURITY_GROUP, Setup, TestApp};

/// The class of the databases of these tests, and one that somebody else chose.
const DECLARED: &str = "<DBInstanceClass>db.t3.medium</DBInstanceClass>";
const OTHER: &str = "<DBInstanceClass>db.t3.large</DBInstanceClass>";

/// What AWS answers of a database whose class is `present` and will be `to_come`.
fn pending(present: &str, to_come: &str) -> Rule {
    let answer = format!("{present}<PendingModifiedValues>{to_come}</PendingModifiedValues>");
    Rule::on(RDS.listing, Effect::Rewrite(DECLARED.to_owned(), answer))
}

#[tokio::test]
async fn a_scan_counts_what_is_declared_missing_in_sync_and_in_nobodys_hands() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    let aws = app.aws().await;
    for name in ["quiet", "changed", "gone"] {
        (RDS.create)(&aws, name).await;
    }
    app.capture_baseline().await;
    (RDS.create)(&aws, "unknown-to-all").await;
    (RDS.give_to)(&aws, "changed", "sales").await;
    (RDS.delete)(&aws, "gone").await;
    let coverage = app.scan_later().await.coverage;
    assert_eq!((coverage.resources_declared, coverage.resources_in_sync, coverage.resources_missing), (3, 1, 1));
    assert_eq!((coverage.resources_unmanaged, coverage.resources_unknown), (Some(1), 0));
    assert!(coverage.missing_actions.is_empty() && coverage.attributes_unknown == 0);
    let mut conn = app.store.conn().await.expect("a connection");
    let [told] = store::metrics::coverage(&mut conn).await.expect("the figures").try_into().expect("one type");
    let store::metrics::TypeCoverage { schedule, resource_type, declared, in_sync, drifted, .. } = told;
    assert_eq!((schedule.as_str(), resource_type.as_str(), declared, in_sync, drifted), ("", "RDS", 3, 1, 2));
}

#[tokio::test]
async fn what_nothing_declares_is_counted_without_a_call_more() {
    let app = TestApp::start(Setup::of(SECURITY_GROUP.types)).await;
    let aws = app.aws().await;
    (SECURITY_GROUP.create)(&aws, "ours").await;
    app.capture_baseline().await;
    (SECURITY_GROUP.create)(&aws, "theirs").await;
    app.proxy.reset_counts();
    // Few are declared, and AWS is asked for those alone.
    assert_eq!(app.scan_later().await.coverage.resources_unmanaged, None);
    assert_eq!(app.proxy.counts()[SECURITY_GROUP.listing], 1);
    let app = TestApp::start(Setup::of(IAM_ROLE.types)).await;
    let aws = app.aws().await;
    (IAM_ROLE.create)(&aws, "ours").await;
    app.capture_baseline().await;
    (IAM_ROLE.create)(&aws, "theirs").await;
    aws.iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com").send().await.expect("a role");
    assert_eq!(app.scan_later().await.coverage.resources_unmanaged, Some(1), "AWS's own role is nobody's to declare");
}

#[tokio::test]
async fn each_missing_permission_stands_once_with_what_it_hides() {
    let app = TestApp::start(Setup::of(S3.types)).await;
    let aws = app.aws().await;
    for name in ["one", "two"] {
        (S3.create)(&aws, name).await;
    }
    app.capture_baseline().await;
    app.proxy.add(Rule::on("GET ?policy", Effect::Denied));
    app.proxy.add(Rule::on("GET ?encryption", Effect::Denied));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    assert_eq!(scan.status.as_str(), "partial");
    let missing = |action: &str, resources, attributes| MissingAction {
        account_id: app.world.account_id.clone(),
        action: action.to_owned(),
        resources,
        attributes,
    };
    let expected = [missing("s3:GetBucketPolicy", 2, 2), missing("s3:GetEncryptionConfiguration", 2, 2)];
    assert_eq!(scan.coverage.missing_actions, expected);
    assert_eq!((scan.coverage.resources_unknown, scan.coverage.attributes_unknown), (2, 4));
    assert_eq!((scan.coverage.resources_in_sync, scan.coverage.resources_missing), (0, 0));
    let mut conn = app.store.conn().await.expect("a connection");
    let told = store::metrics::missing_actions(&mut conn).await.expect("the figures");
    let told: Vec<_> = told.iter().map(|(_, action, attributes)| (action.as_str(), *attributes)).collect();
    assert_eq!(told, [("s3:GetBucketPolicy", 2), ("s3:GetEncryptionConfiguration", 2)]);

    app.proxy.add(Rule::on(S3.listing, Effect::Denied));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let unlisted = app.scan().await.coverage;
    assert_eq!(unlisted.missing_actions, [missing("s3:ListAllMyBuckets", 2, unlisted.attributes_unknown)]);
    assert_eq!((unlisted.resources_declared, unlisted.resources_unknown, unlisted.resources_missing), (2, 2, 0));
}

#[tokio::test]
async fn an_account_that_cannot_be_reached_is_unknown_as_a_whole() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    app.declare("RDS", "orders", &json!({ "Engine": "postgres", "MultiAZ": true }));
    app.proxy.add(Rule::on("AssumeRole", Effect::Denied));
    let scan = app.scan().await;
    assert_eq!(scan.status.as_str(), "failed");
    let coverage = scan.coverage;
    assert_eq!((coverage.resources_declared, coverage.resources_unknown, coverage.attributes_unknown), (1, 1, 2));
    let actions: Vec<&str> = coverage.missing_actions.iter().map(|missing| missing.action.as_str()).collect();
    assert_eq!(actions, ["sts:AssumeRole"]);
    assert_eq!(app.drifts().await, []);
}

#[tokio::test]
async fn what_two_declarations_contradict_each_other_about_is_unknown() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    (RDS.create)(&app.aws().await, "orders").await;
    for (name, class) in [("a", "db.t3.medium"), ("b", "db.t3.large")] {
        let resource =
            json!({ "resource_type": "RDS", "resource_id": "orders", "state": { "DBInstanceClass": class } });
        app.write_expected(&format!("{name}.json"), &json!({ "resources": [resource] }).to_string());
    }
    let scan = app.scan().await;
    assert_eq!((scan.status.as_str(), app.drifts().await), ("partial", vec![]));
    let coverage = scan.coverage;
    assert_eq!((coverage.resources_declared, coverage.resources_unknown, coverage.resources_missing), (1, 1, 0));
}

#[tokio::test]
async fn what_aws_will_bring_to_the_declaration_begins_no_drift() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    (RDS.create)(&app.aws().await, "orders").await;
    app.capture_baseline().await;
    app.proxy.add(pending(OTHER, DECLARED));
    let scan = app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    assert_eq!((scan.coverage.resources_converging, scan.coverage.resources_in_sync), (1, 0));
    let notes = app.shards(&scan).await.remove(0).notes;
    assert_eq!((notes.len(), notes[0].pointer.as_str(), notes[0].kind), (1, "/DBInstanceClass", NoteKind::Converging));

    app.proxy.clear_rules();
    app.proxy.add(pending(DECLARED, OTHER));
    let scan = app.scan_later().await;
    assert_eq!((app.drifts().await, scan.coverage.resources_in_sync), (vec![], 1), "as it is, it is as declared");
    let note = app.shards(&scan).await.remove(0).notes.remove(0);
    assert_eq!(note.kind, NoteKind::Scheduled);
    assert!(note.text.contains("db.t3.large"), "{}", note.text);
}

#[tokio::test]
async fn a_drift_that_aws_has_promised_to_end_stands_until_the_promise_is_kept() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    let aws = app.aws().await;
    (RDS.create)(&aws, "orders").await;
    app.capture_baseline().await;
    app.proxy.add(Rule::on(RDS.listing, Effect::Rewrite(DECLARED.to_owned(), OTHER.to_owned())));
    app.scan_later().await;
    let found = app.open_drift().await;
    assert_eq!(found.changes[0].pointer, "/DBInstanceClass");

    app.proxy.clear_rules();
    app.proxy.add(pending(OTHER, DECLARED));
    let scan = app.scan_later().await;
    assert_eq!((scan.drifts_found, scan.drifts_resolved, scan.coverage.resources_converging), (1, 0, 1));
    assert_eq!(app.open_drift().await, found, "nothing is said of it, neither that it changed nor that it is over");
    // What else differs is told meanwhile.
    (RDS.give_to)(&aws, "orders", "sales").await;
    app.scan_later().await;
    let pointers: Vec<_> = app.open_drift().await.changes.into_iter().map(|change| change.pointer).collect();
    assert_eq!(pointers, ["/DBInstanceClass", "/Tags/Owner"]);

    (RDS.give_to)(&aws, "orders", "web").await;
    app.proxy.clear_rules();
    app.scan_later().await;
    let ended = app.drifts().await.remove(0);
    assert_eq!((ended.status.as_str(), ended.resolved_how.as_deref()), ("resolved", Some("manual-fix")));
}

#[tokio::test]
async fn a_key_that_is_declared_by_its_alias_is_unknown_and_no_drift() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    let aws = app.aws().await;
    let key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let create = aws.rds.create_db_instance().db_instance_identifier("orders").db_instance_class("db.t3.medium");
    let create = create.engine("postgres").master_username("app").master_user_password("only-for-tests");
    create.allocated_storage(20).storage_encrypted(true).kms_key_id(key).send().await.expect("a database");
    app.declare("RDS", "orders", &json!({ "KmsKeyId": "alias/orders", "Engine": "postgres" }));
    let scan = app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    assert_eq!((scan.coverage.resources_unknown, scan.coverage.attributes_unknown), (1, 1));
    assert_eq!(app.shards(&scan).await[0].notes[0].kind, NoteKind::Incomparable);
    app.declare("RDS", "orders", &json!({ "KmsKeyId": key, "Engine": "postgres" }));
    assert_eq!(app.scan_later().await.coverage.resources_in_sync, 1);
}

#[tokio::test]
async fn a_default_group_is_noise_until_somebody_opens_it() {
    let app = TestApp::start(Setup::of(SECURITY_GROUP.types).reporting_unmanaged()).await;
    let aws = app.aws().await;
    let scan = app.scan_later().await;
    assert_eq!((app.drifts().await, scan.coverage.resources_unmanaged), (vec![], Some(0)));
    let groups = aws.ec2.describe_security_groups().send().await.expect("list groups");
    let default = groups.security_groups()[0].group_id().expect("its id").to_owned();
    let open = aws.ec2.authorize_security_group_ingress().group_id(&default).ip_protocol("tcp");
    open.from_port(22).to_port(22).cidr_ip("0.0.0.0/0").send().await.expect("open a port");
    let scan = app.scan_later().await;
    let drift = app.open_drift().await;
    assert_eq!((drift.kind, &drift.key.resource_id), (DriftKind::Unmanaged, &default));
    assert_eq!(scan.coverage.resources_unmanaged, Some(1));
}
