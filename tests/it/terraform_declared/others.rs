//! States that other projects test with, where they are at hand.

use std::path::{Path, PathBuf};

use driftsentry::domain::id::{ScannedAccount, Scope};
use serde_json::{Value, json};

use super::{declared, estate_of};
use crate::expected::{account, scope};

/// The state of that name; `None` where these states are not at hand.
fn at_hand(name: &str) -> Option<PathBuf> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    folders.map(|folder| folder.join("shared/reference/tfstate").join(name)).find(|file| file.exists())
}

/// Rules without a description.
fn plain(keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_owned(), json!({"Description": ""}))).collect()
}

#[tokio::test]
async fn a_state_of_many_groups_declares_the_rules_of_their_refreshed_blocks() {
    let Some(file) = at_hand("inframap-canonicals.tfstate") else { return };
    let estate = estate_of(&file, account(&["us-east-1"])).await;
    assert_eq!(estate.scope(&scope("SECURITY_GROUP", "us-east-1")).len(), 72, "{:#?}", estate.problems);
    let notes = estate.sources[0].notes.join("\n");
    assert!(
        notes.contains("aws_security_group_rule that tell nothing to compare") && notes.contains("and 226 more"),
        "{notes}"
    );
    for (id, ingress) in [
        ("sg-c221b9bb", plain(&["all:all:self", "all:all:sg-3421b94d", "tcp:22-22:sg-ddeee6bb"])),
        (
            "sg-18963c65",
            plain(&[
                "icmp:-1--1:sg-9e16a5e3",
                "tcp:2379-2379:sg-9e16a5e3",
                "tcp:2380-2380:self",
                "tcp:9100-9100:sg-9e16a5e3",
            ]),
        ),
    ] {
        let (group, _) = declared(&estate, "SECURITY_GROUP", "us-east-1", id);
        assert_eq!(group, json!({"EgressRules": plain(&["all:all:0.0.0.0/0"]), "IngressRules": ingress}), "{id}");
    }
}

#[tokio::test]
async fn a_database_of_provider_3_is_declared_as_aws_tells_it() {
    let Some(file) = at_hand("driftctl-db-instance.tfstate") else { return };
    let account = ScannedAccount { name: None, id: "111111111111".into(), regions: vec!["eu-west-3".into()] };
    let estate = estate_of(&file, account).await;
    let scope =
        Scope { account_id: "111111111111".into(), region: "eu-west-3".into(), resource_type: "RDS".to_owned() };
    let declarations = estate.scope(&scope);
    let state = declarations.get("terraform-20201015115018309600000001").expect("declared").state;
    for (attribute, value) in [
        ("DBName", json!("mydb")),
        ("EngineVersion", json!("5.7.26")),
        ("KmsKeyId", json!(null)),
        ("EnabledCloudwatchLogsExports", json!({})),
        ("Tags", json!({})),
        ("VpcSecurityGroups", json!({"sg-a74815c8": {}})),
    ] {
        assert_eq!(state.get(attribute), Some(&value), "{attribute}");
    }
    assert_eq!(state.get("StorageThroughput"), None, "not known to this provider");
}
