//! Every attribute of a bucket, changed in each way that is rated differently.
//!
//! The bucket is made with every attribute set, because the emulator's new buckets have none of AWS's defaults. The
//! emulator does not hold that ACLs, object lock and versioning bind each other; AWS would refuse some combinations.
//! Bucket names are unique in the emulator, so no value here may hold one.

pub mod access;
pub mod delivery;
pub mod retention;

use driftsentry::domain::severity::Severity;
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::{Aws, find};
use serde_json::Value;

use crate::mutation::{Act, How, Mutation};

/// Creates the bucket that the mutations speak of, and one for its logs; its name. For `us-east-1`.
pub async fn create(aws: &Aws) -> String {
    let (id, logs) = (format!("assets-{}", aws.account_id), format!("logs-{}", aws.account_id));
    for bucket in [&logs, &id] {
        aws.s3.create_bucket().bucket(bucket).send().await.expect("create a bucket");
    }
    access::open_to_log_delivery()(aws, &logs).await;
    let setup = [access::setup(), retention::setup(), delivery::setup(&logs)];
    for act in setup.into_iter().flatten() {
        act(aws, &id).await;
    }
    id
}

/// What a scan must say of each change.
pub fn mutations() -> Vec<Mutation> {
    [access::mutations(), retention::mutations(), delivery::mutations()].into_iter().flatten().collect()
}

/// Known to cost nothing.
const FREE: Option<&str> = Some("0.00");
/// Billed by use, which the configuration does not tell.
const BY_USE: Option<&str> = None;

type Side = Option<Value>;

fn api(pointer: &str, (from, to): (Side, Side), told: (Severity, Option<&'static str>), acts: (Act, Act)) -> Mutation {
    mutation(pointer, (from, to), told, How::Api { apply: acts.0, undo: acts.1 })
}

fn rewrite(
    pointer: &str,
    (from, to): (Side, Side),
    told: (Severity, Option<&'static str>),
    (operation, text, by): (&'static str, &str, &str),
) -> Mutation {
    mutation(pointer, (from, to), told, How::Rewrite { operation, from: text.to_owned(), to: by.to_owned() })
}

fn mutation(pointer: &str, (from, to): (Side, Side), told: (Severity, Option<&'static str>), how: How) -> Mutation {
    let s3 = find("S3").expect("a type");
    let name = pointer.split('/').nth(1).expect("an attribute");
    let attribute = s3.attributes().iter().find(|attribute| attribute.name == name).expect("a known attribute").name;
    Mutation { attribute, how, pointer: pointer.to_owned(), from, to, severity: told.0, cost: told.1 }
}

/// The canonical form of an attribute's value.
fn canonical(attribute: &str, value: Value) -> Value {
    let mut state = ResourceState::new().with(attribute, value);
    find("S3").expect("a type").normalize(&mut state);
    state.get(attribute).expect("the attribute").clone()
}

/// An action that makes one call, built anew each time it is run.
macro_rules! act {
    (|$s3:ident, $id:ident| $call:expr) => {
        Box::new(move |aws, $id| {
            let $s3 = &aws.s3;
            let call = $call;
            Box::pin(async move {
                call.send().await.expect("change the bucket");
            })
        })
    };
}
pub(crate) use act;
