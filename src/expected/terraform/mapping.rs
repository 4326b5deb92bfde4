//! The form of the tables that say which Terraform attribute is compared with which attribute of AWS.
//!
//! The tables are what the mapping runs on and what the documentation is generated from, so that neither can say what
//! the other does not do.

use serde_json::Value;

use super::instance::Instance;

/// A Terraform resource type that says something of an AWS resource. One that speaks of resources of several of our
/// types (`aws_ec2_tag`) has an entry for each.
pub(super) struct TerraformType {
    /// Terraform's name: `aws_iam_role_policy_attachment`.
    pub(super) name: &'static str,
    /// Our resource type: `IAM_ROLE`.
    pub(super) resource_type: &'static str,
    /// Whether it is the resource itself, or says something of one that another instance declares.
    pub(super) role: Role,
    /// The ids of the AWS resources that the instance speaks of (a policy attachment may name several roles).
    /// Empty: the instance does not tell, which makes a [`Role::Owner`] undecided.
    pub(super) subjects: fn(&Instance) -> Vec<String>,
    /// What it says.
    pub(super) mappings: &'static [Mapping],
}

/// What an instance is to the AWS resource that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The resource itself (`aws_security_group`): without one, nothing is declared.
    Owner,
    /// Part of it (`aws_security_group_rule`).
    Part,
    /// All of some attributes of it (`aws_s3_bucket_policy`): declares these even where the resource itself stands in
    /// no state that was read. Which region the resource is in, it does not tell.
    Aspect,
}

/// One attribute of AWS and the Terraform attributes that it is read from.
pub(super) struct Mapping {
    /// Top-level attribute of the canonical state: `MetadataOptions`.
    pub(super) aws: &'static str,
    /// Terraform attribute → JSON pointer below `aws` (empty: the attribute itself), for the documentation and the
    /// tests: `("metadata_options[0].http_tokens", "/HttpTokens")`. `*` stands for any key or index.
    pub(super) from: &'static [(&'static str, &'static str)],
    /// How it is compared, where that is more than "equal": for the documentation. Empty if there is nothing to say.
    pub(super) note: &'static str,
    /// How it stands to what other instances say of the same attribute.
    pub(super) rank: Rank,
    /// The value in the vocabulary of AWS, in any form that the type's `normalize` takes. `None`: the instance says
    /// nothing of it, so that it is not compared (unless another instance speaks of it).
    pub(super) read: fn(&Instance) -> Option<Value>,
}

/// How what an instance says of an attribute stands to what others say of the same attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Counts only where no [`Rank::Split`] speaks of the attribute: Terraform's copy may be stale there.
    Inline,
    /// A resource of its own for the attribute: wins over inline. Several are joined key by key.
    Split,
    /// Added, key by key, to whatever else counts (`aws_ec2_tag`); wins over inline. Alone it says nothing.
    Addition,
    /// Key by key, what counts where nobody else speaks of the key. Where the owner's own is missing, nothing is
    /// declared, because others tell only a part (the volumes of an instance).
    Base,
    /// A list of the keys that there are, whose values others tell (`aws_iam_role_policies_exclusive`): the attribute
    /// is declared even if it is empty, and left undeclared if a key has no value.
    Keys,
}

/// A type whose instances tell under which other id instances speak of an AWS resource (the network interface of an
/// instance, a volume that is attached to it).
pub(super) struct Join {
    /// Terraform's name: `aws_volume_attachment`.
    pub(super) name: &'static str,
    /// Our resource type: `EC2`.
    pub(super) resource_type: &'static str,
    /// Other ids and what they stand for.
    pub(super) aliases: fn(&Instance) -> Vec<Alias>,
}

/// Another id of an AWS resource.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    /// The other id: `vol-0a1`.
    pub(super) other: String,
    /// The resource's own: `i-0a1`.
    pub(super) id: String,
    /// The key that stands for `other` within what is said (`/dev/sdf`); `None` where none does.
    pub(super) key: Option<String>,
}
