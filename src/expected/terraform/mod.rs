//! Sources of kind `terraform`: what Terraform's state says that AWS should look like.
//!
//! Three steps, each a file: [`state`] reads documents into instances (`aws_instance.app[0]` with its attributes), the
//! tables of the resource types ([`mapping`]) turn each instance into what it says of one AWS resource, and [`fold`]
//! joins what many instances say of the same resource (a group and its rules, a bucket and its policy) into one
//! declaration.
//!
//! Invariant: what cannot be told for certain is left undeclared or makes the resource undecided. It must never guess:
//! a false alarm costs more trust than a missed attribute.

mod address;
mod block;
mod ec2;
mod fold;
mod group_rule;
mod iam_role;
mod instance;
#[cfg(test)]
mod laws;
mod mapping;
mod rds;
mod reading;
mod s3;
mod security_group;
mod state;
mod table;

use futures::StreamExt;
use futures::future::BoxFuture;

use super::place::{Document, Names, Place};
use super::{Built, Loaded, Parts, Source, SourceKind, Types};
use crate::config::options::Options;
use crate::config::problem::ConfigProblem;
use fold::Fold;
use mapping::{Join, TerraformType};
pub use table::mapping_table;

/// The kind.
pub(super) const KIND: SourceKind = SourceKind { name: "terraform", check, build };

/// In a folder of Terraform code other things are JSON, too.
const NAMES: Names = Names { endings: &["tfstate", "json"], but: &["tf.json", "tfvars.json", "tftest.json"] };
const EXAMPLE: &str = "\"terraform.tfstate\"";

/// Every Terraform resource type that says something of an AWS resource that we watch.
const TYPES: &[&[TerraformType]] = &[
    ec2::TYPES,
    iam_role::TYPES,
    rds::TYPES,
    s3::BUCKET,
    s3::ACCESS,
    s3::RETENTION,
    s3::DELIVERY,
    security_group::TYPES,
];

/// Every type that tells other ids of AWS resources.
const JOINS: &[&[Join]] = &[ec2::JOINS];

fn check(options: &Options) -> Vec<ConfigProblem> {
    Place::check(options, EXAMPLE)
}

fn build(options: &Options, parts: &Parts) -> Built {
    let place = Place::build(options, EXAMPLE, NAMES, parts)?;
    Ok(Box::new(TerraformSource { place, types: parts.types }))
}

struct TerraformSource {
    place: Place,
    types: Types,
}

impl Source for TerraformSource {
    fn describe(&self) -> String {
        format!("terraform {}", self.place.describe())
    }

    fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        self.place.fingerprint()
    }

    fn is_remote(&self) -> bool {
        self.place.is_remote()
    }

    fn load(&self) -> BoxFuture<'_, Loaded> {
        Box::pin(async move {
            let mut reading = Reading { fold: Fold::new(TYPES).joining(JOINS), loaded: Loaded::default() };
            let mut documents = self.place.documents();
            while let Some(found) = documents.next().await {
                reading = match found {
                    Ok(document) => match reading.extended(document).await {
                        Ok(reading) => reading,
                        Err(broke_off) => return *broke_off,
                    },
                    Err(fault) => {
                        reading.loaded.lose(fault.name, fault.message);
                        reading
                    }
                }
            }
            let (types, Reading { fold, loaded }) = (self.types, reading);
            loaded.extended(move |loaded| fold.finish(types, loaded)).await
        })
    }
}

/// What has been read so far.
struct Reading {
    fold: Fold,
    loaded: Loaded,
}

impl Reading {
    /// With a document read, off the threads that others wait on.
    ///
    /// # Errors
    /// With all there is to tell, if reading broke off.
    async fn extended(mut self, document: Document) -> Result<Self, Box<Loaded>> {
        let name = document.name.clone();
        self.loaded.note_document(&name, document.modified_at);
        let reading = tokio::task::spawn_blocking(move || {
            state::read(&document, &mut self.fold, &mut self.loaded);
            self
        });
        reading.await.map_err(|error| {
            let mut loaded = Loaded::default();
            loaded.lose(name, format!("reading it broke off: {error}"));
            Box::new(loaded)
        })
    }
}
