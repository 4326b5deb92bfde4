//! What states of Terraform declare of buckets and roles: the declarations of states that providers 4, 5 and 6 write,
//! spelled out. The states are written by hand after the providers' schemas.

mod buckets;
mod roles;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftsentry::domain::id::ScannedAccount;
use driftsentry::expected::{Estate, Expected};
use driftsentry::resource::BUILTIN;
use serde_json::{Value, json};

use crate::expected::{account, configured, scope};

/// The estate that a state declares in an account.
async fn estate_of(path: &Path, account: ScannedAccount) -> Arc<Estate> {
    let toml = format!("[[expected]]\nkind = \"terraform\"\npath = {:?}\n", path.display().to_string());
    let expected = Expected::build(&configured(&toml).expect("it is good"), BUILTIN).expect("it is good");
    expected.estate(&[account]).await
}

/// The estate that a state of ours declares, without a problem.
async fn estate(name: &str) -> Arc<Estate> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/terraform_buckets/states");
    let estate = estate_of(&folder.join(format!("{name}.tfstate")), account(&["us-east-1", "eu-west-1"])).await;
    assert_eq!(estate.problems, [], "{name}");
    estate
}

/// A state that other projects test with; `None` where these states are not at hand.
fn at_hand(name: &str) -> Option<PathBuf> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    folders.map(|folder| folder.join("shared/reference/tfstate").join(name)).find(|file| file.exists())
}

/// What is declared of a resource, and the address that declares it.
fn declared(estate: &Estate, kind: &str, region: &str, id: &str) -> (Value, String) {
    let declarations = estate.scope(&scope(kind, region));
    let declared = declarations.get(id).unwrap_or_else(|| panic!("{kind} {id} is declared in {region}"));
    let address = declared.declared_in.rsplit_once('#').expect("an address").1.to_owned();
    (declared.state.to_value(), address)
}

/// The names of what is declared.
fn names(state: &Value) -> Vec<&str> {
    state.as_object().expect("a state").keys().map(String::as_str).collect()
}

fn statement(statement: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}
