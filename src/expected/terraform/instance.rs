//! One instance of a managed resource as a state holds it, and reading of its attributes.

use serde_json::{Map, Value};

use crate::domain::id::{AccountId, Region};
use crate::expected::Origin;

/// One instance of a managed resource.
#[derive(Debug)]
pub(super) struct Instance {
    /// Terraform's type: `aws_instance`.
    pub(super) kind: String,
    /// Where it stands; the pointer is its Terraform address: `module.web.aws_instance.app[0]`.
    pub(super) origin: Origin,
    /// Version of the provider's schema that the attributes follow.
    pub(super) schema_version: u64,
    /// Whether Terraform means to replace it: its attributes may be null or untrue.
    pub(super) is_tainted: bool,
    /// Its attributes.
    pub(super) attributes: Attributes,
}

impl Instance {
    /// The account, from the instance's own ARN.
    pub(super) fn account_id(&self) -> Option<AccountId> {
        let account = self.arn_part(4)?;
        (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then(|| AccountId::from(account))
    }

    /// The region: a bucket's own (provider 6, whose `region` is where the bucket is managed from), else the attribute of
    /// that name (provider 6, buckets), else from the instance's own ARN.
    pub(super) fn region(&self) -> Option<Region> {
        let told = self.attributes.text("bucket_region").or_else(|| self.attributes.text("region"));
        let region = told.or_else(|| self.arn_part(3))?;
        (!region.is_empty()).then(|| Region::from(region))
    }

    /// A part of `arn:partition:service:region:account:resource`, counted from 0.
    fn arn_part(&self, index: usize) -> Option<&str> {
        self.attributes.text("arn")?.splitn(6, ':').nth(index).filter(|part| !part.is_empty())
    }
}

/// The attributes of an instance or of a block in it. Terraform writes "nothing" as null, as an empty text and as an
/// empty list; the readers below tell it as `None` or as empty.
#[derive(Debug, Default)]
pub(super) struct Attributes(pub(super) Map<String, Value>);

impl Attributes {
    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The attribute as it stands, `None` if it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The first block called `name`.
    pub(super) fn block(&self, name: &str) -> Option<&Map<String, Value>> {
        self.blocks(name).next()
    }

    /// The blocks called `name`; none if it is absent, null or no list of objects.
    pub(super) fn blocks(&self, name: &str) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    }
}
