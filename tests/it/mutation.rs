//! The table of mutations: each single change of each attribute, made through the AWS API, and what a scan must say of it.
//!
//! Each type has a file beside this one that creates one resource and lists its mutations.

use driftsentry::domain::severity::Severity;
use driftsentry::resource::Aws;
use futures::future::BoxFuture;
use serde_json::Value;

/// One change of one attribute of a resource that a baseline was captured of.
pub struct Mutation {
    /// The top-level attribute, as in the attribute table. The suite fails if an attribute of a type has no mutation.
    pub attribute: &'static str,
    /// How it is brought about and taken back.
    pub how: How,
    /// Where the one change is expected.
    pub pointer: String,
    /// The declared value there; `None` if nothing was there.
    pub from: Option<Value>,
    /// The live value there; `None` if nothing is there any more.
    pub to: Option<Value>,
    /// The drift's severity.
    pub severity: Severity,
    /// The drift's monthly cost in US dollars, two decimals (`"70.08"`); `None` if it must be unknown.
    pub cost: Option<&'static str>,
}

/// How a change is brought about.
pub enum How {
    /// Through the AWS API.
    Api { apply: Act, undo: Act },
    /// The emulator cannot do it: in answers to `operation` (`DescribeInstances`, or `GET ?versioning` for S3) the text
    /// `from` is replaced by `to` on the way, so that the shape stays what AWS sends.
    Rewrite { operation: &'static str, from: String, to: String },
}

/// An action on the resource with the given id.
pub type Act = Box<dyn for<'a> Fn(&'a Aws, &'a str) -> BoxFuture<'a, ()> + Send + Sync>;
