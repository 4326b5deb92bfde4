//! `scan`, `baseline capture`, `expected check` and `iam-policy scan` over the demo's estate.

use std::collections::BTreeSet;

use driftsentry::demo::{build, make_mistakes};
use serde_json::Value;

use super::{list, without_database};
use crate::support::{Effect, Output, Place, Proxy, Rule, TestDatabase, World, config};

const DECLARED: &str = "[[expected]]\nkind = \"json\"\npath = \"expected\"\n";
const REGIONS: &str = "regions = [\"us-east-1\"]";
const BOTH: &str = "regions = [\"us-east-1\", \"eu-west-1\"]";

fn resources(output: &Output) -> i64 {
    output.json()["scan"]["resources_scanned"].as_i64().expect("a number")
}

#[tokio::test]
async fn an_estate_that_is_captured_shows_no_drift_until_people_make_mistakes() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let estate = build(&world.pool, &world.account_id).await.expect("the estate");
    let schedule = "[[schedules]]\nname = \"buckets\"\ncron = \"@daily\"\nresource_types = [\"S3\"]\n";
    let toml = config(&world, &world.endpoint, &database.url(), &format!("{DECLARED}{schedule}"));
    let place = Place::new(&toml.replace(REGIONS, BOTH));

    let captured = place.run(&["baseline", "capture", "--out", "expected/"]).await;
    assert_eq!(
        (captured.code, captured.stdout),
        (Some(0), format!("{} resources captured in expected/\n", estate.size))
    );
    let checked = place.run(&["expected", "check", "--format", "json"]).await.json();
    assert!(checked.to_string().contains("\"problems\":[]"), "{checked}");
    let scan = place.run(&["scan", "--detailed-exitcode"]).await;
    assert_eq!((scan.code, scan.stderr.as_str()), (Some(0), ""), "{scan:?}");
    let size = estate.size;
    assert!(scan.stdout.starts_with(&format!("succeeded: {size} resources compared, no drift; ")), "{scan:?}");

    let mistakes = make_mistakes(&estate).await.expect("the mistakes").len();
    let dry = place.run(&["scan", "--dry-run", "--detailed-exitcode"]).await;
    assert_eq!(dry.code, Some(2), "{dry:?}");
    let stored: i64 = sqlx::query_scalar("select count(*) from drifts").fetch_one(&database.pool).await.unwrap();
    assert_eq!(stored, 0, "a dry run stores nothing");
    let scan = place.run(&["scan", "--detailed-exitcode"]).await;
    assert_eq!((scan.code, scan.stderr.as_str()), (Some(2), ""), "{scan:?}");
    let summary = format!("succeeded: {size} resources compared, {mistakes} drifts, ");
    assert!(scan.stdout.contains(&summary) && dry.stdout.contains(&summary), "{scan:?}\n{dry:?}");
    let scan = place.run(&["scan", "--format", "json"]).await.json();
    assert_eq!((list(&scan["drifts"]).len(), &scan["scan"]["drifts_found"]), (mistakes, &mistakes.into()));

    let whole = resources(&place.run(&["scan", "--format", "json"]).await);
    let mut parts = 0;
    for kind in ["ec2", "RDS", "S3", "iam_role", "SECURITY_GROUP"] {
        parts += resources(&place.run(&["scan", "--format", "json", "--type", kind]).await);
    }
    assert_eq!(parts, whole, "the types together are everything");
    let buckets = place.run(&["scan", "--format", "json", "--schedule", "buckets"]).await;
    assert_eq!(buckets.json()["scan"]["schedule"], "buckets");
    let west = place
        .run(&["scan", "--dry-run", "--format", "json", "--region", "eu-west-1", "--type", "EC2", "--type", "RDS"])
        .await;
    assert_eq!(resources(&west), 2);
    let by_id = place.run(&["scan", "--dry-run", "--format", "json", "--account", world.account_id.as_str()]).await;
    assert_eq!(resources(&by_id), whole);
}

#[tokio::test]
async fn two_scans_at_once_find_each_drift_once() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let place = Place::of(&world, &world.endpoint, &database.url(), DECLARED);
    let gone = r#"{"resources": [{"resource_type": "RDS", "resource_id": "gone", "state": {"Engine": "postgres"}}]}"#;
    place.write("expected/gone.json", gone);
    let args = ["scan", "--type", "RDS", "--detailed-exitcode"];
    let (one, other, third) = tokio::join!(place.run(&args), place.run(&args), place.run(&args));
    assert_eq!([one.code, other.code, third.code], [Some(2); 3], "{one:?}\n{other:?}\n{third:?}");
    let drifts: i64 = sqlx::query_scalar("select count(*) from drifts").fetch_one(&database.pool).await.unwrap();
    let scans: i64 = sqlx::query_scalar("select count(*) from scans where status = 'succeeded'")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!((drifts, scans), (1, 3));
}

#[tokio::test]
async fn what_could_not_be_read_fails_the_scan_and_is_told() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeSecurityGroups", Effect::Denied));
    let toml = config(&world, &proxy.url, &database.url(), "");
    let place = Place::new(&toml.replace(REGIONS, BOTH));
    for more in [&[][..], &["--dry-run"]] {
        let args =
            [&["scan", "--unmanaged", "--detailed-exitcode", "--type", "SECURITY_GROUP", "--type", "IAM_ROLE"], more]
                .concat();
        let scan = place.run(&args).await;
        assert_eq!(scan.code, Some(1), "{scan:?}");
        assert!(scan.stdout.starts_with("partial: "), "{scan:?}");
        for region in ["eu-west-1", "us-east-1"] {
            let denied = format!("ec2:DescribeSecurityGroups in {}/{region} was denied", world.account_id);
            assert_eq!(scan.stderr.matches(&denied).count(), 1, "{denied} in {scan:?}");
        }
        assert!(scan.stderr.contains("allow ec2:DescribeSecurityGroups to the role"), "{scan:?}");
    }
}

#[tokio::test]
async fn a_dry_run_needs_no_database_and_unknown_names_are_told_with_those_that_exist() {
    let (world, place) = without_database().await;
    let dry = place.run(&["scan", "--dry-run", "--format", "json"]).await.json();
    assert_eq!((&dry["scan"]["status"], &dry["scan"]["dry_run"]), (&"succeeded".into(), &true.into()));
    for (args, words) in [
        (["--type", "LAMBDA"], "no resource type is called `LAMBDA`: known are EC2, IAM_ROLE, RDS, S3, SECURITY_GROUP"),
        (["--region", "mars-1"], "region `mars-1` is scanned in no chosen account: scanned are us-east-1"),
        (["--account", "prod"], "no account is called `prod`: configured are test"),
        (["--schedule", "nightly"], "no schedule is called `nightly`: configured are none"),
    ] {
        place.run(&[&["scan", "--dry-run"][..], &args].concat()).await.refuses(&[words]);
        if args[0] != "--schedule" {
            place.run(&[&["baseline", "capture", "--out", "x.json"][..], &args].concat()).await.refuses(&[words]);
        }
    }
    place.configure(
        &config(&world, "http://127.0.0.1:1", "postgres://127.0.0.1:1/x", "")
            .replace("[aws]\n", "[aws]\nmax_attempts = 1\n"),
    );
    let away = place.run(&["scan", "--dry-run"]).await;
    assert_eq!(away.code, Some(1), "{away:?}");
    assert!(
        away.stdout.starts_with("failed: 0 resources compared") && away.stderr.contains("failed at the other end"),
        "{away:?}"
    );
}

#[tokio::test]
async fn a_scan_whose_account_aws_does_not_tell_is_recorded_as_failed() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let toml = config(&world, &world.endpoint, &database.url(), "");
    let accounts = toml.find("[[aws.accounts]]").expect("an account");
    let toml = format!("{}max_attempts = 1\n", &toml[..accounts]).replace(&world.endpoint, "http://127.0.0.1:1");
    let place = Place::new(&toml);
    place.run(&["scan", "--dry-run"]).await.refuses(&["sts:GetCallerIdentity", "failed at the other end"]);
    place.run(&["scan"]).await.refuses(&["sts:GetCallerIdentity", "failed at the other end"]);
    let scans: Vec<(String, String)> = sqlx::query_as("select status, error from scans where finished_at is not null")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    let [(status, error)] = scans.as_slice() else { panic!("{scans:?}") };
    assert!(status == "failed" && error.contains("sts:GetCallerIdentity"), "{scans:?}");
}

#[tokio::test]
async fn a_capture_overwrites_only_expected_state_unasked_and_leaves_no_half_file() {
    let (world, place) = without_database().await;
    let capture = ["baseline", "capture", "--type", "RDS", "--out", "base.json"];
    let done = place.run(&capture).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "0 resources captured in base.json\n"), "{done:?}");
    assert_eq!(place.run(&capture).await.code, Some(0), "captured anew");
    place.write("base.json", "precious");
    place.run(&capture).await.refuses(&["base.json exists and is no document of expected state: give another name"]);
    let read = || std::fs::read_to_string(place.path().join("base.json")).expect("the file");
    assert_eq!(read(), "precious");
    assert_eq!(place.run(&[&capture[..], &["--force"]].concat()).await.code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&read()).expect("JSON")["resources"], serde_json::json!([]));
    folder_is_as_safe_as_a_file(&world, &place).await;
    let nowhere = place.run(&["baseline", "capture", "--type", "RDS", "--out", "/proc/nowhere/base.json"]).await;
    assert!(nowhere.code == Some(1) && nowhere.stderr.contains("write /proc/nowhere/base.json"), "{nowhere:?}");

    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeDBInstances", Effect::Denied));
    place.configure(&config(&world, &proxy.url, "postgres://127.0.0.1:1/x", ""));
    let denied = place.run(&["baseline", "capture", "--type", "RDS", "--out", "part.json"]).await;
    assert!(denied.code == Some(1) && denied.stderr.contains("not captured: rds:DescribeDBInstances"), "{denied:?}");
}

async fn folder_is_as_safe_as_a_file(world: &World, place: &Place) {
    let name = format!("all/{}-us-east-1-RDS.json", world.account_id);
    let file = place.write(&name, "precious");
    let capture = ["baseline", "capture", "--type", "RDS", "--out", "all"];
    place.run(&capture).await.refuses(&[&name, "--force to overwrite it"]);
    assert_eq!(place.run(&[&capture[..], &["--force"]].concat()).await.code, Some(0));
    let text = std::fs::read_to_string(file).expect("the file");
    assert!(text.contains("\"resources\": []"), "what is gone is declared no more: {text}");
}

#[tokio::test]
async fn expected_check_tells_every_problem_and_its_place() {
    let (world, place) = without_database().await;
    place.configure(&config(&world, &world.endpoint, "postgres://127.0.0.1:1/x", DECLARED));
    place.write("expected/a.json", "{\"resources\": [\n{}]}");
    place.write("expected/b.json", "not json");
    for (args, is_json) in [(&["expected", "check"][..], false), (&["expected", "check", "--format", "json"], true)] {
        let output = place.run(args).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stdout.contains("a.json") && output.stdout.contains("b.json"), "{output:?}");
        assert_eq!(serde_json::from_str::<Value>(&output.stdout).is_ok(), is_json, "{output:?}");
    }
}

#[tokio::test]
async fn the_printed_policy_is_exactly_what_a_scan_of_everything_calls() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    build(&world.pool, &world.account_id).await.expect("the estate");
    let proxy = Proxy::before(&world).await;
    let toml = config(&world, &proxy.url, &database.url(), DECLARED);
    let place = Place::new(&toml.replace(REGIONS, BOTH));
    let captured = place.run(&["baseline", "capture", "--deep", "--out", "expected/"]).await;
    assert_eq!(captured.code, Some(0), "{captured:?}");
    assert_eq!(place.run(&["scan", "--detailed-exitcode"]).await.code, Some(0), "deep attributes included");
    let called: BTreeSet<String> = proxy.counts().keys().filter_map(|operation| action_of(operation)).collect();

    let policy = place.run(&["iam-policy", "scan"]).await.json();
    assert_eq!(policy["Version"], "2012-10-17");
    let mut printed = BTreeSet::new();
    for statement in list(&policy["Statement"]) {
        assert_eq!((&statement["Effect"], &statement["Resource"]), (&"Allow".into(), &"*".into()));
        let actions = list(&statement["Action"]).iter().map(|action| action.as_str().expect("a text").to_owned());
        printed.extend(actions);
    }
    assert_eq!(called.difference(&printed).collect::<Vec<_>>(), Vec::<&String>::new(), "the policy suffices");
    assert_eq!(printed.difference(&called).collect::<Vec<_>>(), Vec::<&String>::new(), "and allows no more");
}

/// The IAM action that AWS checks for an operation as the proxy counts it; `None` for what needs no permission of the
/// role: becoming it.
fn action_of(operation: &str) -> Option<String> {
    let s3 = |name: &str| format!("s3:{name}");
    Some(match operation {
        "AssumeRole" | "GetCallerIdentity" => return None,
        "ListBuckets" => s3("ListAllMyBuckets"),
        "HEAD bucket" => s3("ListBucket"),
        "GET ?accelerate" => s3("GetAccelerateConfiguration"),
        "GET ?acl" => s3("GetBucketAcl"),
        "GET ?cors" => s3("GetBucketCORS"),
        "GET ?encryption" => s3("GetEncryptionConfiguration"),
        "GET ?lifecycle" => s3("GetLifecycleConfiguration"),
        "GET ?location" => s3("GetBucketLocation"),
        "GET ?logging" => s3("GetBucketLogging"),
        "GET ?notification" => s3("GetBucketNotification"),
        "GET ?object-lock" => s3("GetBucketObjectLockConfiguration"),
        "GET ?ownershipControls" => s3("GetBucketOwnershipControls"),
        "GET ?policy" => s3("GetBucketPolicy"),
        "GET ?policyStatus" => s3("GetBucketPolicyStatus"),
        "GET ?publicAccessBlock" => s3("GetBucketPublicAccessBlock"),
        "GET ?replication" => s3("GetReplicationConfiguration"),
        "GET ?requestPayment" => s3("GetBucketRequestPayment"),
        "GET ?tagging" => s3("GetBucketTagging"),
        "GET ?versioning" => s3("GetBucketVersioning"),
        "GET ?website" => s3("GetBucketWebsite"),
        "DescribeDBInstances" => "rds:DescribeDBInstances".to_owned(),
        "GetAccountAuthorizationDetails" | "ListRoles" => format!("iam:{operation}"),
        describe if describe.starts_with("Describe") => format!("ec2:{describe}"),
        other => panic!("which action does {other} need?"),
    })
}
