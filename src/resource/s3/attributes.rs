//! The attributes of a bucket: names, shapes and defaults, as AWS documents them.
//!
//! AWS's lists that are sets by meaning are objects keyed by identity here (rules by `ID`, transitions by storage
//! class, grants by grantee and permission), so that a JSON pointer names one entry and order never matters.
//! [`super::shape`] turns AWS's own form into this one; nothing here talks to AWS.

use crate::domain::schema::{Attribute, Field, Fill, INFO, Rate, Shape, WARNING};

use super::severity;

/// Every attribute, in the order in which they are described to users.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "PublicAccessBlock",
        Shape::Object(PUBLIC_ACCESS_BLOCK),
        Fill::Empty,
        Rate::By(severity::public_access_block),
        "the bucket's own public access block: four switches, all false where the bucket has none",
    ),
    Attribute::new(
        "Policy",
        Shape::Policy,
        Fill::Null,
        Rate::By(severity::policy),
        "the bucket policy, compared by meaning; null for none",
    ),
    Attribute::new(
        "Acl",
        Shape::Map(&Shape::Object(GRANT)),
        Fill::Empty,
        Rate::By(severity::acl),
        "grants keyed by grantee:permission; the grantee is owner (the bucket's owner), AllUsers, AuthenticatedUsers, \
         LogDelivery, a canonical user id or an e-mail address (owner:FULL_CONTROL, AllUsers:READ); a canned ACL's \
         name is taken too",
    ),
    Attribute::new(
        "OwnershipControls",
        Shape::Object(OWNERSHIP),
        Fill::Null,
        Rate::By(severity::ownership),
        "who owns uploaded objects, {\"ObjectOwnership\": \"BucketOwnerEnforced\"}; null for none",
    ),
    Attribute::new(
        "Encryption",
        Shape::Object(ENCRYPTION),
        Fill::Empty,
        Rate::By(severity::encryption),
        "default encryption of new objects; AES256 where the bucket has none of its own",
    ),
    Attribute::new(
        "Versioning",
        Shape::Object(VERSIONING),
        Fill::Empty,
        Rate::By(severity::versioning),
        "Status Enabled, Suspended or Disabled (never enabled), and MFADelete",
    ),
    Attribute::new(
        "Logging",
        Shape::Object(LOGGING),
        Fill::Null,
        WARNING,
        "server access logging: target bucket, prefix, grants, key format; null for off",
    ),
    Attribute::new(
        "Lifecycle",
        Shape::Map(&Shape::Object(LIFECYCLE_RULE)),
        Fill::Empty,
        Rate::By(severity::lifecycle),
        "lifecycle rules keyed by ID; a rule without ID is keyed by what it selects (unnamed:logs/)",
    ),
    Attribute::new(
        "Cors",
        Shape::List(&Shape::Object(CORS_RULE)),
        Fill::EmptyList,
        WARNING,
        "CORS rules in order: the first that matches a request applies",
    ),
    Attribute::new(
        "Website",
        Shape::Object(WEBSITE),
        Fill::Null,
        Rate::By(severity::website),
        "static website hosting; null for off",
    ),
    Attribute::new(
        "Replication",
        Shape::Object(REPLICATION),
        Fill::Null,
        WARNING,
        "replication to other buckets: role and rules keyed by ID; null for none",
    ),
    Attribute::new(
        "ObjectLock",
        Shape::Object(OBJECT_LOCK),
        Fill::Null,
        Rate::By(severity::object_lock),
        "object lock and its default retention; null where it was never enabled",
    ),
    Attribute::new(
        "Notification",
        Shape::Object(NOTIFICATION),
        Fill::Empty,
        WARNING,
        "event notifications: topic, queue and function configurations keyed by Id, and EventBridge on or off",
    ),
    Attribute::new(
        "Accelerate",
        Shape::Text,
        Fill::Text("Suspended"),
        INFO,
        "transfer acceleration: Enabled or Suspended",
    ),
    Attribute::new(
        "RequestPayment",
        Shape::Text,
        Fill::Text("BucketOwner"),
        WARNING,
        "who pays for requests: BucketOwner or Requester",
    ),
    Attribute::new("Tags", Shape::Tags, Fill::Empty, INFO, "tags"),
];

const fn text(name: &'static str) -> Field {
    Field::new(name, Shape::Text, Fill::Null)
}

const fn integer(name: &'static str) -> Field {
    Field::new(name, Shape::Integer, Fill::Null)
}

const fn off(name: &'static str) -> Field {
    Field::new(name, Shape::Flag, Fill::Flag(false))
}

const PUBLIC_ACCESS_BLOCK: &[Field] =
    &[off("BlockPublicAcls"), off("IgnorePublicAcls"), off("BlockPublicPolicy"), off("RestrictPublicBuckets")];

/// AWS's id of the owner stands in the live `owner` grant, so that a declaration may name the owner either way.
const GRANT: &[Field] = &[Field::new("ID", Shape::Text, Fill::Undefined)];

const OWNERSHIP: &[Field] = &[Field::new("ObjectOwnership", Shape::Text, Fill::Undefined)];

const ENCRYPTION: &[Field] = &[
    Field::new("SSEAlgorithm", Shape::Text, Fill::Text("AES256")),
    text("KMSMasterKeyID"),
    off("BucketKeyEnabled"),
    // AWS changes its default for new buckets, so only a declared set is compared.
    Field::new("BlockedEncryptionTypes", Shape::Set, Fill::Undefined),
];

const VERSIONING: &[Field] = &[
    Field::new("Status", Shape::Text, Fill::Text("Disabled")),
    Field::new("MFADelete", Shape::Text, Fill::Text("Disabled")),
];

const LOGGING: &[Field] = &[
    text("TargetBucket"),
    Field::new("TargetPrefix", Shape::Text, Fill::Text("")),
    Field::new("TargetGrants", Shape::Set, Fill::Empty),
    // One of two forms, so it is compared as a whole.
    Field::new("TargetObjectKeyFormat", Shape::Any, Fill::Undefined),
];

const LIFECYCLE_RULE: &[Field] = &[
    Field::new("Status", Shape::Text, Fill::Text("Enabled")),
    Field::new("Filter", Shape::Object(LIFECYCLE_FILTER), Fill::Empty),
    Field::new("Expiration", Shape::Object(EXPIRATION), Fill::Null),
    Field::new("Transitions", Shape::Map(&Shape::Object(TRANSITION)), Fill::Empty),
    Field::new("NoncurrentVersionExpiration", Shape::Object(NONCURRENT), Fill::Null),
    Field::new("NoncurrentVersionTransitions", Shape::Map(&Shape::Object(NONCURRENT)), Fill::Empty),
    Field::new("AbortIncompleteMultipartUpload", Shape::Object(ABORT_UPLOAD), Fill::Null),
];

/// All conditions must hold, as in AWS's `And`; an empty filter selects the whole bucket.
const LIFECYCLE_FILTER: &[Field] = &[
    Field::new("Prefix", Shape::Text, Fill::Text("")),
    Field::new("Tags", Shape::Tags, Fill::Empty),
    integer("ObjectSizeGreaterThan"),
    integer("ObjectSizeLessThan"),
];

const EXPIRATION: &[Field] = &[integer("Days"), text("Date"), off("ExpiredObjectDeleteMarker")];

const TRANSITION: &[Field] = &[integer("Days"), text("Date")];

const NONCURRENT: &[Field] = &[integer("NoncurrentDays"), integer("NewerNoncurrentVersions")];

const ABORT_UPLOAD: &[Field] = &[integer("DaysAfterInitiation")];

const TEXTS: Shape = Shape::List(&Shape::Text);

const CORS_RULE: &[Field] = &[
    text("ID"),
    Field::new("AllowedHeaders", TEXTS, Fill::EmptyList),
    Field::new("AllowedMethods", TEXTS, Fill::EmptyList),
    Field::new("AllowedOrigins", TEXTS, Fill::EmptyList),
    Field::new("ExposeHeaders", TEXTS, Fill::EmptyList),
    integer("MaxAgeSeconds"),
];

const WEBSITE: &[Field] = &[
    Field::new("IndexDocument", Shape::Object(&[text("Suffix")]), Fill::Null),
    Field::new("ErrorDocument", Shape::Object(&[text("Key")]), Fill::Null),
    Field::new("RedirectAllRequestsTo", Shape::Object(&[text("HostName"), text("Protocol")]), Fill::Null),
    Field::new("RoutingRules", Shape::List(&Shape::Object(ROUTING_RULE)), Fill::EmptyList),
];

const ROUTING_RULE: &[Field] = &[
    Field::new("Condition", Shape::Object(&[text("HttpErrorCodeReturnedEquals"), text("KeyPrefixEquals")]), Fill::Null),
    Field::new(
        "Redirect",
        Shape::Object(&[
            text("HostName"),
            text("HttpRedirectCode"),
            text("Protocol"),
            text("ReplaceKeyPrefixWith"),
            text("ReplaceKeyWith"),
        ]),
        Fill::Null,
    ),
];

const REPLICATION: &[Field] =
    &[text("Role"), Field::new("Rules", Shape::Map(&Shape::Object(REPLICATION_RULE)), Fill::Empty)];

const REPLICATION_RULE: &[Field] = &[
    Field::new("Status", Shape::Text, Fill::Text("Enabled")),
    integer("Priority"),
    Field::new("Filter", Shape::Object(REPLICATION_FILTER), Fill::Empty),
    Field::new("Destination", Shape::Object(DESTINATION), Fill::Empty),
    // What its absence means depends on the version of the rule's schema, so it is not filled.
    Field::new("DeleteMarkerReplication", Shape::Object(&[text("Status")]), Fill::Null),
    Field::new("ExistingObjectReplication", Shape::Object(STATUS_DISABLED), Fill::Empty),
    Field::new("SourceSelectionCriteria", Shape::Object(SOURCE_SELECTION), Fill::Empty),
];

const REPLICATION_FILTER: &[Field] =
    &[Field::new("Prefix", Shape::Text, Fill::Text("")), Field::new("Tags", Shape::Tags, Fill::Empty)];

const STATUS_DISABLED: &[Field] = &[Field::new("Status", Shape::Text, Fill::Text("Disabled"))];

const SOURCE_SELECTION: &[Field] = &[
    Field::new("SseKmsEncryptedObjects", Shape::Object(STATUS_DISABLED), Fill::Empty),
    Field::new("ReplicaModifications", Shape::Object(STATUS_DISABLED), Fill::Empty),
];

const DESTINATION: &[Field] = &[
    text("Bucket"),
    text("Account"),
    text("StorageClass"),
    Field::new("AccessControlTranslation", Shape::Object(&[text("Owner")]), Fill::Null),
    Field::new("EncryptionConfiguration", Shape::Object(&[text("ReplicaKmsKeyID")]), Fill::Null),
    Field::new(
        "ReplicationTime",
        Shape::Object(&[text("Status"), Field::new("Time", Shape::Object(MINUTES), Fill::Null)]),
        Fill::Null,
    ),
    Field::new(
        "Metrics",
        Shape::Object(&[text("Status"), Field::new("EventThreshold", Shape::Object(MINUTES), Fill::Null)]),
        Fill::Null,
    ),
];

const MINUTES: &[Field] = &[integer("Minutes")];

const OBJECT_LOCK: &[Field] = &[
    Field::new("ObjectLockEnabled", Shape::Text, Fill::Text("Enabled")),
    Field::new(
        "Rule",
        Shape::Object(&[Field::new("DefaultRetention", Shape::Object(RETENTION), Fill::Null)]),
        Fill::Null,
    ),
];

const RETENTION: &[Field] = &[
    text("Mode"),
    integer("Days"),
    integer("Years"),
    Field::new("DefaultEventHold", Shape::Object(&[integer("Days"), integer("Years")]), Fill::Null),
];

const NOTIFICATION: &[Field] = &[
    Field::new("TopicConfigurations", Shape::Map(&Shape::Object(&target("TopicArn"))), Fill::Empty),
    Field::new("QueueConfigurations", Shape::Map(&Shape::Object(&target("QueueArn"))), Fill::Empty),
    Field::new("LambdaFunctionConfigurations", Shape::Map(&Shape::Object(&target("LambdaFunctionArn"))), Fill::Empty),
    off("EventBridge"),
];

const fn target(arn: &'static str) -> [Field; 3] {
    [
        text(arn),
        Field::new("Events", Shape::Set, Fill::Empty),
        Field::new("Filter", Shape::Object(NOTIFICATION_FILTER), Fill::Empty),
    ]
}

const NOTIFICATION_FILTER: &[Field] =
    &[Field::new("Prefix", Shape::Text, Fill::Text("")), Field::new("Suffix", Shape::Text, Fill::Text(""))];
