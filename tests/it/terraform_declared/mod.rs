//! What states of Terraform declare of security groups and databases: the declarations of states that providers of
//! several versions write, spelled out, so that a change of the mapping is seen as what it does to people's states.
//!
//! The states in `states/` are written by hand after the provider's documentation; others, of other projects, are read
//! where they are at hand.

mod databases;
mod groups;
mod others;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftsentry::domain::id::ScannedAccount;
use driftsentry::expected::{Estate, Expected};
use driftsentry::resource::BUILTIN;
use serde_json::Value;

use crate::expected::{account, configured, scope};

/// The estate that a state declares in an account.
async fn estate_of(path: &Path, account: ScannedAccount) -> Arc<Estate> {
    let toml = format!("[[expected]]\nkind = \"terraform\"\npath = {:?}\n", path.display().to_string());
    let expected = Expected::build(&configured(&toml).expect("it is good"), BUILTIN).expect("it is good");
    expected.estate(&[account]).await
}

/// The estate that a state of ours declares, without a problem.
async fn estate(name: &str) -> Arc<Estate> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/terraform_declared/states");
    let estate = estate_of(&folder.join(format!("{name}.tfstate")), account(&["us-east-1", "eu-west-1"])).await;
    assert_eq!(estate.problems, [], "{name}");
    assert!(estate.is_complete(), "{name}");
    estate
}

/// What is declared of a resource, and the address that declares it.
fn declared(estate: &Estate, kind: &str, region: &str, id: &str) -> (Value, String) {
    let declarations = estate.scope(&scope(kind, region));
    let declared = declarations.get(id).unwrap_or_else(|| panic!("{kind} {id} is declared in {region}"));
    let address = declared.declared_in.rsplit_once('#').expect("an address").1.to_owned();
    (declared.state.to_value(), address)
}
