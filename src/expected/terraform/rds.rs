//! `aws_db_instance`, `aws_rds_cluster_instance` and the roles of a database.
//!
//! A database is known by its identifier: Terraform's `id` is something else since version 2 of its schema. What AWS
//! chooses and may choose anew (zones, endpoints, restore times) is not declared, and no password is ever read.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::instance::Instance;
use super::mapping::{Mapping, Rank, Role, TerraformType};
use super::reading::{flag, flag_or_false, number, number_or_zero, row, set, set_or_empty, tags, text, text_or_none};

const RDS: &str = "RDS";

/// The tables.
pub(super) const TYPES: &[TerraformType] = &[
    TerraformType {
        name: "aws_db_instance",
        resource_type: RDS,
        role: Role::Owner,
        subjects: identifier,
        mappings: DB_INSTANCE,
    },
    TerraformType {
        name: "aws_rds_cluster_instance",
        resource_type: RDS,
        role: Role::Owner,
        subjects: identifier,
        mappings: CLUSTER_INSTANCE,
    },
    TerraformType {
        name: "aws_db_instance_role_association",
        resource_type: RDS,
        role: Role::Part,
        subjects: |role| role.attributes.text("db_instance_identifier").map(str::to_lowercase).into_iter().collect(),
        mappings: &[Mapping {
            aws: "AssociatedRoles",
            from: &[("feature_name", "/*"), ("role_arn", "/*/RoleArn")],
            note: "only where an association is declared; keyed by feature",
            rank: Rank::Split,
            read: associated_role,
        }],
    },
];

const TAGS: Mapping = Mapping {
    aws: "Tags",
    from: &[("tags_all.*", "/*"), ("tags.*", "/*")],
    note: "`tags` only where the state has no `tags_all`",
    rank: Rank::Inline,
    read: tags,
};

const DB_INSTANCE: &[Mapping] = &[
    row!("AllocatedStorage", "allocated_storage", number, "growth within `max_allocated_storage` is an info"),
    row!("AutoMinorVersionUpgrade", "auto_minor_version_upgrade", flag),
    row!("BackupRetentionPeriod", "backup_retention_period", number_or_zero),
    row!("CACertificateIdentifier", "ca_cert_identifier", text),
    row!("CharacterSetName", "character_set_name", text_or_none),
    row!("CopyTagsToSnapshot", "copy_tags_to_snapshot", flag_or_false),
    row!("DBInstanceClass", "instance_class", text),
    row!("DBParameterGroupName", "parameter_group_name", text, "equal in any case"),
    row!("DBSubnetGroupName", "db_subnet_group_name", text, "equal in any case"),
    Mapping {
        aws: "DBName",
        from: &[("db_name", ""), ("name", "")],
        note: "equal; `name` in old versions of the provider",
        rank: Rank::Inline,
        read: database_name,
    },
    row!("DatabaseInsightsMode", "database_insights_mode", text),
    row!("DedicatedLogVolume", "dedicated_log_volume", flag_or_false),
    row!("DeletionProtection", "deletion_protection", flag_or_false),
    Mapping {
        aws: "DomainMemberships",
        from: &[
            ("domain", "/*"),
            ("domain_auth_secret_arn", "/*/AuthSecretArn"),
            ("domain_dns_ips[*]", "/*/DnsIps/*"),
            ("domain_fqdn", "/*/FQDN"),
            ("domain_iam_role_name", "/*/IAMRoleName"),
            ("domain_ou", "/*/OU"),
        ],
        note: "keyed by directory id, else by domain name; not compared where the state does not tell the domain name",
        rank: Rank::Inline,
        read: domain,
    },
    row!("EnabledCloudwatchLogsExports", "enabled_cloudwatch_logs_exports", set_or_empty, "null is none"),
    row!("Engine", "engine", text),
    row!("EngineLifecycleSupport", "engine_lifecycle_support", text),
    row!("EngineVersion", "engine_version", text, "a prefix: `8.0` is every 8.0.x; a newer minor version is an info"),
    row!("IAMDatabaseAuthenticationEnabled", "iam_database_authentication_enabled", flag_or_false),
    row!("Iops", "iops", provisioned, "null is 0, except of gp3, whose 0 leaves it to AWS"),
    row!("KmsKeyId", "kms_key_id", kms_key, "ARN or id; not compared where it is an alias"),
    row!("LicenseModel", "license_model", text),
    Mapping {
        aws: "ManageMasterUserPassword",
        from: &[("manage_master_user_password", ""), ("master_user_secret", "")],
        note: "true where either says so, false where there is no secret",
        rank: Rank::Inline,
        read: manages_password,
    },
    row!("MasterUsername", "username", text),
    row!("MaxAllocatedStorage", "max_allocated_storage", number_or_zero, "null is 0"),
    row!("MonitoringInterval", "monitoring_interval", number_or_zero),
    row!("MonitoringRoleArn", "monitoring_role_arn", text_or_none),
    row!("MultiAZ", "multi_az", flag_or_false),
    row!("NetworkType", "network_type", text),
    row!("OptionGroupName", "option_group_name", text, "equal in any case"),
    row!("PerformanceInsightsEnabled", "performance_insights_enabled", flag_or_false),
    row!(
        "PerformanceInsightsKMSKeyId",
        "performance_insights_kms_key_id",
        kms_key,
        "ARN or id; not compared where it is an alias"
    ),
    row!("PerformanceInsightsRetentionPeriod", "performance_insights_retention_period", number_or_zero, "null is 0"),
    row!("Port", "port", number),
    row!("PreferredBackupWindow", "backup_window", text, "equal in any case"),
    row!("PreferredMaintenanceWindow", "maintenance_window", text, "equal in any case"),
    row!("PubliclyAccessible", "publicly_accessible", flag),
    row!("StorageEncrypted", "storage_encrypted", flag_or_false),
    row!("StorageThroughput", "storage_throughput", provisioned, "null is 0, except of gp3, whose 0 leaves it to AWS"),
    row!("StorageType", "storage_type", text),
    row!("Timezone", "timezone", text_or_none),
    TAGS,
    row!("VpcSecurityGroups", "vpc_security_group_ids", set),
];

/// What a member of a cluster tells of itself. Version, port, backups and network are the cluster's: the member's copies
/// in the state are stale as soon as the cluster is changed.
const CLUSTER_INSTANCE: &[Mapping] = &[
    row!("AutoMinorVersionUpgrade", "auto_minor_version_upgrade", flag),
    row!("CACertificateIdentifier", "ca_cert_identifier", text),
    row!("CopyTagsToSnapshot", "copy_tags_to_snapshot", flag_or_false),
    row!("DBClusterIdentifier", "cluster_identifier", text),
    row!("DBInstanceClass", "instance_class", text),
    row!("DBParameterGroupName", "db_parameter_group_name", text, "equal in any case"),
    row!("DBSubnetGroupName", "db_subnet_group_name", text, "equal in any case"),
    row!("Engine", "engine", text),
    row!("KmsKeyId", "kms_key_id", kms_key, "ARN or id; not compared where it is an alias"),
    row!("MonitoringInterval", "monitoring_interval", number_or_zero),
    row!("MonitoringRoleArn", "monitoring_role_arn", text_or_none),
    row!("PerformanceInsightsEnabled", "performance_insights_enabled", flag),
    row!(
        "PerformanceInsightsKMSKeyId",
        "performance_insights_kms_key_id",
        kms_key,
        "ARN or id; not compared where it is an alias"
    ),
    row!("PerformanceInsightsRetentionPeriod", "performance_insights_retention_period", number_or_zero, "null is 0"),
    row!("PreferredMaintenanceWindow", "preferred_maintenance_window", text, "equal in any case"),
    row!("PubliclyAccessible", "publicly_accessible", flag),
    row!("StorageEncrypted", "storage_encrypted", flag),
    TAGS,
];

/// `identifier`; where a reduced state lacks it, `id`, which was the identifier before version 2 of the schema.
fn identifier(db: &Instance) -> Vec<String> {
    let is_id_identifier = db.kind != "aws_db_instance" || db.schema_version < 2;
    let id = || db.attributes.text("id").filter(|_| is_id_identifier);
    db.attributes.text("identifier").or_else(id).map(str::to_lowercase).into_iter().collect()
}

/// A text under either name, else the certainty that there is none.
fn database_name(db: &Instance) -> Option<Value> {
    const NAMES: [&str; 2] = ["db_name", "name"];
    let named = NAMES.into_iter().find_map(|name| text(db, name));
    named.or_else(|| NAMES.into_iter().find_map(|name| text_or_none(db, name)))
}

/// An alias is what AWS resolves to a key that the state does not tell.
fn kms_key(db: &Instance, name: &str) -> Option<Value> {
    text_or_none(db, name).filter(|key| !key.as_str().is_some_and(|key| key.contains("alias/")))
}

/// IOPS or throughput: every gp3 volume has some, which AWS chooses unless told.
fn provisioned(db: &Instance, name: &str) -> Option<Value> {
    let is_gp3 = db.attributes.text("storage_type") == Some("gp3");
    number_or_zero(db, name).filter(|figure| !is_gp3 || figure.as_u64() != Some(0))
}

/// The flag is what was asked for, and not set by an import; the secret is what there is.
fn manages_password(db: &Instance) -> Option<Value> {
    if db.attributes.get("manage_master_user_password") == Some(&Value::Bool(true)) {
        return Some(true.into());
    }
    let secrets = db.attributes.get("master_user_secret")?.as_array()?;
    Some((!secrets.is_empty()).into())
}

/// Older versions of the provider know only the directory's id, which leaves open what else AWS tells of it.
fn domain(db: &Instance) -> Option<Value> {
    let attributes = &db.attributes;
    attributes.0.get("domain")?;
    let (id, fqdn) = (attributes.text("domain"), attributes.text("domain_fqdn"));
    let Some(key) = id.or(fqdn) else { return Some(json!({})) };
    let fields = json!({
        "AuthSecretArn": attributes.text("domain_auth_secret_arn"),
        "DnsIps": attributes.get("domain_dns_ips"),
        "FQDN": fqdn?,
        "IAMRoleName": attributes.text("domain_iam_role_name"),
        "OU": attributes.text("domain_ou"),
    });
    Some(Map::from_iter([(key.to_owned(), fields)]).into())
}

/// Keyed as AWS's own list is: a role has one feature, and a feature one role.
fn associated_role(association: &Instance) -> Option<Value> {
    let arn = association.attributes.text("role_arn")?;
    let feature = association.attributes.text("feature_name").unwrap_or(arn);
    Some(Map::from_iter([(feature.to_owned(), json!({"RoleArn": arn}))]).into())
}
