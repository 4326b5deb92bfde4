//! State documents and folders: what loads, and what is said of each mistake.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use driftsentry::config::options::Env;
use driftsentry::config::{self, ExpectedSource, KindSpec, Vocabulary};
use driftsentry::domain::id::{AccountId, Region, ScannedAccount, Scope};
use driftsentry::expected::{self, Estate, Expected, report};
use driftsentry::resource::BUILTIN;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::expected_mistakes::MALFORMED;

const ACCOUNT: &str = "123456789012";

pub fn account(regions: &[&str]) -> ScannedAccount {
    let regions = regions.iter().copied().map(Region::from).collect();
    ScannedAccount { name: Some("prod".to_owned()), id: AccountId::from(ACCOUNT), regions }
}

pub fn scope(resource_type: &str, region: &str) -> Scope {
    Scope { account_id: ACCOUNT.into(), region: region.into(), resource_type: resource_type.to_owned() }
}

/// Sources as a configuration with these `[[expected]]` tables gives them.
pub fn configured(toml: &str) -> Result<Vec<ExpectedSource>, config::ConfigErrors> {
    let vocabulary = Vocabulary {
        resource_types: BUILTIN.iter().map(|kind| kind.name()).collect(),
        expected: expected::BUILTIN.iter().map(|kind| KindSpec { name: kind.name, check: kind.check }).collect(),
        channels: Vec::new(),
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), toml).expect("it is written");
    Ok(config::load(Some(file.path()), Env::default(), &vocabulary)?.expected)
}

pub fn expected_at(path: &Path) -> Expected {
    let toml = format!("[[expected]]\nkind = \"json\"\npath = {:?}\n", path.display().to_string());
    Expected::build(&configured(&toml).expect("it is good"), BUILTIN).expect("it is good")
}

pub async fn load_at(path: &Path, accounts: &[ScannedAccount]) -> Arc<Estate> {
    expected_at(path).estate(accounts).await
}

pub fn document(resources: &[Value]) -> String {
    json!({ "resources": resources }).to_string()
}

/// A declared security group; `state` by value, so that a table of them reads well.
#[allow(clippy::needless_pass_by_value, reason = "it stands for a literal")]
pub fn group(id: &str, state: Value) -> Value {
    json!({ "resource_type": "SECURITY_GROUP", "resource_id": id, "region": "us-east-1", "state": state })
}

#[tokio::test]
async fn every_malformed_document_names_file_line_and_pointer() {
    assert!(MALFORMED.len() >= 30);
    for (bytes, line, pointer, fragment) in MALFORMED {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("web.json");
        fs::write(&file, bytes).expect("it is written");
        let estate = load_at(&file, &[account(&["us-east-1"])]).await;
        let shown = String::from_utf8_lossy(bytes);
        let [problem] = estate.problems.as_slice() else {
            panic!("one mistake, one problem:\n{shown}\n{:#?}", estate.problems);
        };
        assert_eq!(problem.place, format!("{}:{line}", file.display()), "{shown}\n{problem}");
        assert_eq!(problem.pointer, *pointer, "{shown}\n{problem}");
        assert!(problem.message.contains(fragment), "{shown}\n{problem}");
        assert!(estate.is_empty(), "{shown}");
    }
}

#[tokio::test]
async fn an_id_too_long_and_a_state_too_deep_are_refused() {
    let long = group(&"x".repeat(256), json!({}));
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    let deep = group("sg-1", json!({ "Tags": deep }));
    fs::write(&file, format!("{{\"resources\": [\n{long},\n{deep}\n]}}")).expect("it is written");
    let estate = load_at(&file, &[account(&["us-east-1"])]).await;
    assert_eq!(estate.problems.len(), 2, "{:#?}", estate.problems);
    assert_eq!(estate.problems[0].pointer, "/resources/0/resource_id");
    assert!(estate.problems[0].message.contains("256 characters, at most 255"));
    assert!(estate.problems[1].place.ends_with("web.json:3"));
    assert!(estate.problems[1].message.contains("nested deeper than 128 levels"));
}

#[tokio::test]
async fn a_faulty_resource_hides_no_good_one_and_is_undecided() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    let resources = [
        group("sg-bad", json!({ "Tags": { "a": 1, "b": 2 }, "Nmae": "x" })),
        group("sg-good", json!({ "Tags": { "Env": "prod" } })),
    ];
    fs::write(&file, document(&resources)).expect("it is written");
    let estate = load_at(&file, &[account(&["us-east-1"])]).await;
    assert_eq!(estate.problems.len(), 3, "every fault is told: {:#?}", estate.problems);
    let scope = estate.scope(&scope("SECURITY_GROUP", "us-east-1"));
    assert!(scope.get("sg-good").is_some() && !scope.is_undecided("sg-good"));
    assert!(scope.get("sg-bad").is_none() && scope.is_undecided("sg-bad"));
    assert!(!scope.is_undecided("sg-other"));
    assert!(estate.is_complete(), "it is known which resource the faulty one means");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_leaves_the_estate_incomplete() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.json"), "{").expect("it is written");
    fs::write(folder.path().join("b.json"), document(&[group("sg-1", json!({}))])).expect("it is written");
    let estate = load_at(folder.path(), &[account(&["us-east-1"])]).await;
    assert!(!estate.is_complete());
    assert_eq!((estate.problems.len(), estate.len()), (1, 1));
}

#[tokio::test]
async fn a_folder_is_read_with_all_below_it_in_order_and_links_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    fs::create_dir_all(path.join("b/deep")).expect("a folder");
    fs::create_dir_all(path.join(".git")).expect("a folder");
    for (name, id) in [("z.json", "sg-1"), ("b/deep/a.JSON", "sg-2"), (".git/x.json", "sg-3"), ("a.txt", "sg-4")] {
        fs::write(path.join(name), document(&[group(id, json!({}))])).expect("it is written");
    }
    std::os::unix::fs::symlink(path, path.join("b/loop")).expect("a link");
    std::os::unix::fs::symlink(path.join("z.json"), path.join("b/same.json")).expect("a link");
    let accounts = [account(&["us-east-1"])];
    let load = load_at(path, &accounts);
    let estate = tokio::time::timeout(Duration::from_secs(10), load).await.expect("a loop ends");
    assert!(estate.problems.is_empty(), "{:#?}", estate.problems);
    assert_eq!(estate.sources[0].documents, 2);
    let names = estate.scope(&scope("SECURITY_GROUP", "us-east-1")).attribute_names();
    assert_eq!(names.keys().collect::<Vec<_>>(), ["sg-1", "sg-2"]);
}

#[tokio::test]
async fn what_is_not_there_or_no_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = load_at(&folder.path().join("none"), &[]).await;
    assert!(none.problems[0].message.contains("there is no such file or folder"), "{:?}", none.problems);
    let empty = load_at(folder.path(), &[]).await;
    assert!(empty.problems[0].message.contains("holds no *.json file"), "{:?}", empty.problems);
    assert!(!none.is_complete() && !empty.is_complete());
    std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("dangling.json")).expect("a link");
    let dangling = load_at(folder.path(), &[]).await;
    assert!(dangling.problems[0].place.ends_with("dangling.json"), "{:?}", dangling.problems);
    let pipe = load_at(Path::new("/dev/null"), &[]).await;
    assert!(pipe.problems[0].message.contains("neither a file nor a folder"), "{:?}", pipe.problems);
}

#[test]
fn a_path_that_nothing_can_read_is_refused_when_the_configuration_is_checked() {
    let errors =
        configured("[[expected]]\nkind = \"json\"\npath = \"gs://bucket/prefix\"\n").expect_err("nothing reads it");
    assert_eq!((errors.problems()[0].path.as_str(), errors.problems()[0].line), ("expected[0].path", Some(3)));
}

#[tokio::test]
async fn an_estate_is_kept_until_a_source_changes_or_nobody_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    fs::write(&file, document(&[group("sg-1", json!({}))])).expect("it is written");
    let accounts = [account(&["us-east-1"])];
    let expected = expected_at(folder.path());
    let first = expected.estate(&accounts).await;
    assert!(Arc::ptr_eq(&first, &expected.estate(&accounts).await), "nothing changed");
    fs::write(folder.path().join("new.json"), document(&[group("sg-2", json!({}))])).expect("it is written");
    let second = expected.estate(&accounts).await;
    assert_eq!((first.len(), second.len()), (1, 2));
    fs::write(&file, document(&[group("sg-3", json!({}))])).expect("it is written");
    let third = expected.estate(&accounts).await;
    assert!(third.scope(&scope("SECURITY_GROUP", "us-east-1")).get("sg-3").is_some(), "same size, other content");

    assert!(!expected.drop_if_idle_for(Duration::ZERO).await, "it is held");
    drop(third);
    assert!(!expected.drop_if_idle_for(Duration::from_hours(1)).await, "it was asked for just now");
    assert!(expected.drop_if_idle_for(Duration::ZERO).await);
    assert_eq!(expected.estate(&accounts).await.len(), 2, "it is loaded again");
}

#[tokio::test]
async fn concurrent_callers_share_one_load() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("web.json"), document(&[group("sg-1", json!({}))])).expect("it is written");
    let (expected, accounts) = (expected_at(folder.path()), [account(&["us-east-1"])]);
    let estates = futures::future::join_all((0..8).map(|_| expected.estate(&accounts))).await;
    assert!(estates.iter().all(|estate| Arc::ptr_eq(estate, &estates[0])));
}

#[tokio::test]
async fn the_report_tells_what_each_source_holds_and_every_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    let mut far = group("sg-2", json!({}));
    far["region"] = json!("eu-west-3");
    let resources = [group("sg-1", json!({})), far, group("sg-3", json!({ "Tgas": {} }))];
    fs::write(&file, document(&resources)).expect("it is written");
    let estate = load_at(&file, &[account(&["us-east-1"])]).await;
    let (mut text, mut json) = (Vec::new(), Vec::new());
    report::write_text(&estate, driftsentry::clock::Clock::now(&driftsentry::clock::SystemClock), &mut text)
        .expect("it is written");
    report::write_json(&estate, &mut json).expect("it is written");
    let place = file.display();
    let text = String::from_utf8(text).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("json {place}: 1 document, 2 resources (SECURITY_GROUP 2)"));
    assert!(lines[1].starts_with("  DOCUMENT ") && lines[2].ends_with("         2  just now"), "{text}");
    assert_eq!(
        lines[3],
        format!("  note: 1 resource is declared in eu-west-3 of account {ACCOUNT}, which is not scanned")
    );
    assert!(lines[4].starts_with(&format!("  problem: {place}:1: #/resources/2/state/Tgas: ")), "{text}");
    assert_eq!(lines[5], "1 source, 2 resources, 1 problem");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["sources"][0]["resources"], json!({ "SECURITY_GROUP": 2 }));
    assert_eq!(json["sources"][0]["problems"][0]["pointer"], "/resources/2/state/Tgas");
}

/// Loads a document on a runtime of its own, for property tests.
fn load_bytes(bytes: &[u8]) -> Arc<Estate> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    fs::write(&file, bytes).expect("it is written");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(load_at(&file, &[account(&["us-east-1"])]))
}

fn permuted(value: &Value, seed: u64) -> String {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<(&String, &Value)> = entries.iter().collect();
            let by = usize::try_from(seed).unwrap_or(1) % entries.len().max(1);
            entries.rotate_left(by);
            if seed % 2 == 1 {
                entries.reverse();
            }
            let text = |(key, value): (&String, &Value)| format!("{}:{}", json!(key), permuted(value, seed / 2 + 1));
            format!("{{{}}}", entries.into_iter().map(text).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| permuted(item, seed)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn examples() -> Value {
    let resource = |kind: &&dyn driftsentry::resource::ResourceType| json!({ "resource_type": kind.name(), "resource_id": "example", "state": kind.example().to_value() });
    json!({ "resources": BUILTIN.iter().map(resource).collect::<Vec<_>>() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_keys_changes_nothing(seed in any::<u64>()) {
        let (plain, other) = (load_bytes(examples().to_string().as_bytes()), load_bytes(permuted(&examples(), seed).as_bytes()));
        prop_assert!(plain.problems.is_empty(), "{:#?}", plain.problems);
        for kind in BUILTIN {
            let scope = scope(kind.name(), if kind.is_global() { "global" } else { "us-east-1" });
            let state = |estate: &Estate| estate.scope(&scope).get("example").map(|declared| declared.state);
            prop_assert!(state(&plain).is_some());
            prop_assert_eq!(state(&plain), state(&other));
        }
    }

    #[test]
    fn no_bytes_make_loading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        load_bytes(&bytes);
    }

    #[test]
    fn no_mutation_of_a_good_document_makes_loading_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..8, "[\\[\\]{}\",:0-9a-z\\\\é]{0,3}"), 1..5),
    ) {
        let mut text: Vec<char> = examples().to_string().chars().collect();
        for (at, length, insert) in edits {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let estate = load_bytes(text.into_iter().collect::<String>().as_bytes());
        let places: BTreeSet<bool> = estate.problems.iter().map(|p| p.place.contains("web.json:")).collect();
        prop_assert!(!places.contains(&false), "every fault has a line: {:#?}", estate.problems);
    }
}
