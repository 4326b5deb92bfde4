//! The attribute table of a database.

use super::severity;
use crate::domain::schema::{Attribute, CRITICAL, Field, Fill, INFO, Rate, Shape, WARNING, Words};

const ROLE: Shape = Shape::Object(&[Field::new("RoleArn", Shape::Text, Fill::Null)]);

const DOMAIN: Shape = Shape::Object(&[
    Field::new("AuthSecretArn", Shape::Text, Fill::Null),
    Field::new("DnsIps", Shape::Set, Fill::Empty),
    Field::new("FQDN", Shape::Text, Fill::Null),
    Field::new("IAMRoleName", Shape::Text, Fill::Null),
    Field::new("OU", Shape::Text, Fill::Null),
]);

const ZERO: Fill = Fill::Integer(0);
const OFF: Fill = Fill::Flag(false);

/// Where only certain words are possible.
pub(super) const WORDS: &[Words] =
    &[("/DatabaseInsightsMode", &["standard", "advanced"]), ("/NetworkType", &["IPV4", "DUAL"])];

/// Sorted by name.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    number("AllocatedStorage", Fill::Undefined, WARNING, "Storage in GiB"),
    Attribute::new(
        "AssociatedRoles",
        Shape::Map(&ROLE),
        Fill::Empty,
        Rate::By(severity::access),
        "IAM roles that the database may use, by feature",
    ),
    flag("AutoMinorVersionUpgrade", INFO, "Whether AWS installs minor versions by itself"),
    number(
        "BackupRetentionPeriod",
        ZERO,
        Rate::By(severity::backups),
        "Days that automatic backups are kept; 0 is off",
    ),
    text("CACertificateIdentifier", Fill::Null, WARNING, "Certificate authority of the server's certificate"),
    text("CharacterSetName", Fill::Null, WARNING, "Character set of the database"),
    flag("CopyTagsToSnapshot", INFO, "Whether snapshots get the tags"),
    text("DBClusterIdentifier", Fill::Null, WARNING, "Cluster that it is a member of"),
    text("DBInstanceClass", Fill::Undefined, WARNING, "Instance class"),
    text("DBName", Fill::Null, WARNING, "Name of the database that was made with it"),
    text("DBParameterGroupName", Fill::Null, WARNING, "Parameter group"),
    text("DBSubnetGroupName", Fill::Null, WARNING, "Subnet group"),
    text("DatabaseInsightsMode", Fill::Text("standard"), INFO, "Database Insights: standard or advanced"),
    flag("DedicatedLogVolume", INFO, "Whether logs have a volume of their own"),
    flag("DeletionProtection", Rate::By(severity::protection), "Whether deletion is refused"),
    Attribute::new("DomainMemberships", Shape::Map(&DOMAIN), Fill::Empty, WARNING, "Active Directory domains, by id"),
    Attribute::new("EnabledCloudwatchLogsExports", Shape::Set, Fill::Empty, WARNING, "Logs sent to CloudWatch"),
    text("Engine", Fill::Undefined, CRITICAL, "Database engine"),
    text("EngineLifecycleSupport", Fill::Null, INFO, "Whether extended support begins by itself"),
    text(
        "EngineVersion",
        Fill::Undefined,
        Rate::By(severity::engine_version),
        "Engine version; a prefix such as 8.0 names the whole series",
    ),
    flag("IAMDatabaseAuthenticationEnabled", WARNING, "Whether IAM identities may log in"),
    number("Iops", ZERO, WARNING, "Provisioned IOPS; 0 where the storage type sets them"),
    text("KmsKeyId", Fill::Null, CRITICAL, "KMS key of the storage: ARN or id"),
    text("LicenseModel", Fill::Null, WARNING, "Licence model"),
    flag("ManageMasterUserPassword", WARNING, "Whether Secrets Manager holds the master password"),
    text("MasterUsername", Fill::Null, WARNING, "Name of the master user"),
    number("MaxAllocatedStorage", ZERO, INFO, "Limit of storage autoscaling in GiB; 0 is off"),
    number("MonitoringInterval", ZERO, INFO, "Seconds between enhanced monitoring's figures; 0 is off"),
    text("MonitoringRoleArn", Fill::Null, INFO, "Role that enhanced monitoring writes with"),
    flag("MultiAZ", WARNING, "Whether a standby runs in another zone"),
    text("NetworkType", Fill::Text("IPV4"), WARNING, "IPV4 or DUAL"),
    text("OptionGroupName", Fill::Null, WARNING, "Option group"),
    flag("PerformanceInsightsEnabled", INFO, "Whether Performance Insights is on"),
    text("PerformanceInsightsKMSKeyId", Fill::Null, INFO, "KMS key of Performance Insights: ARN or id"),
    number("PerformanceInsightsRetentionPeriod", ZERO, INFO, "Days that Performance Insights keeps"),
    number("Port", Fill::Null, WARNING, "TCP port"),
    text("PreferredBackupWindow", Fill::Null, INFO, "Daily window of backups, UTC"),
    text("PreferredMaintenanceWindow", Fill::Null, INFO, "Weekly window of maintenance, UTC"),
    Attribute::new("ProcessorFeatures", Shape::Map(&Shape::Text), Fill::Empty, WARNING, "Cores and threads, by name"),
    flag("PubliclyAccessible", Rate::By(severity::exposure), "Whether its address is public"),
    flag("StorageEncrypted", Rate::By(severity::encryption), "Whether storage is encrypted"),
    number("StorageThroughput", ZERO, WARNING, "Storage throughput in MiB/s; 0 where the storage type sets it"),
    text("StorageType", Fill::Undefined, WARNING, "Storage type: gp2, gp3, io1, io2, standard"),
    Attribute::new("Tags", Shape::Tags, Fill::Empty, INFO, "Tags"),
    text("Timezone", Fill::Null, WARNING, "Time zone of the server"),
    Attribute::new("VpcSecurityGroups", Shape::Set, Fill::Empty, Rate::By(severity::access), "Security groups, by id"),
];

/// What AWS bills for these depends on more than configuration, or is in no list that we have. Performance Insights
/// by itself is free, and so is a public address as far as the lists tell.
pub(super) const USAGE_PRICED: &[(&str, &str)] = &[
    ("BackupRetentionPeriod", "backup storage is billed by use"),
    ("DatabaseInsightsMode", "Database Insights is billed by use"),
    ("DedicatedLogVolume", "no list price for a log volume"),
    ("EnabledCloudwatchLogsExports", "logs are billed by use"),
    ("EngineLifecycleSupport", "extended support is billed only once a version's standard support has ended"),
    ("ManageMasterUserPassword", "no list price for a managed secret"),
    ("MonitoringInterval", "enhanced monitoring's logs are billed by use"),
    ("PerformanceInsightsRetentionPeriod", "long retention is billed by use"),
];

const fn text(name: &'static str, fill: Fill, rate: Rate, doc: &'static str) -> Attribute {
    Attribute::new(name, Shape::Text, fill, rate, doc)
}

const fn number(name: &'static str, fill: Fill, rate: Rate, doc: &'static str) -> Attribute {
    Attribute::new(name, Shape::Integer, fill, rate, doc)
}

const fn flag(name: &'static str, rate: Rate, doc: &'static str) -> Attribute {
    Attribute::new(name, Shape::Flag, OFF, rate, doc)
}
