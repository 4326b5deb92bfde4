//! Every attribute of a database, changed once (or more often, where the direction matters).

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder as Modify;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, Tag};
use driftsentry::domain::severity::Severity::{self, Critical, Info, Warning};
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use crate::mutation::{Act, How, Mutation};

const ID: &str = "orders";
const FIRST_GROUP: &str = "sg-0aaaaaaaaaaaaaaaa";
const SECOND_GROUP: &str = "sg-0bbbbbbbbbbbbbbbb";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const ROLE: &str = "arn:aws:iam::123456789012:role/orders-export";

/// Creates the database that the mutations speak of, and what it may be moved to; its id.
pub async fn create(aws: &Aws) -> String {
    create_groups(aws).await;
    let tag = Tag::builder().key("Env").value("prod").build();
    aws.rds
        .create_db_instance()
        .db_instance_identifier(ID)
        .db_instance_class("db.t3.large")
        .engine("postgres")
        .engine_version("16.4")
        .license_model("postgresql-license")
        .db_name("orders")
        .master_username("app")
        .master_user_password("a-password-of-the-tests")
        .port(5432)
        .storage_type("gp3")
        .allocated_storage(100)
        .max_allocated_storage(200)
        .storage_encrypted(true)
        .kms_key_id(KEY)
        .multi_az(false)
        .publicly_accessible(false)
        .deletion_protection(true)
        .enable_iam_database_authentication(false)
        .backup_retention_period(7)
        .preferred_backup_window("03:00-03:30")
        .preferred_maintenance_window("sun:05:00-sun:06:00")
        .db_subnet_group_name("first")
        .db_parameter_group_name("first")
        .option_group_name("first")
        .vpc_security_group_ids(FIRST_GROUP)
        .enable_cloudwatch_logs_exports("postgresql")
        .tags(tag)
        .send()
        .await
        .expect("create the database");
    ID.to_owned()
}

/// Subnet, parameter and option groups `first` and `second`.
async fn create_groups(aws: &Aws) {
    let subnets = aws.ec2.describe_subnets().send().await.expect("list the default subnets");
    let subnets: Vec<String> = subnets.subnets().iter().take(2).filter_map(|s| s.subnet_id.clone()).collect();
    for name in ["first", "second"] {
        let group = aws.rds.create_db_subnet_group().db_subnet_group_name(name).db_subnet_group_description(name);
        group.set_subnet_ids(Some(subnets.clone())).send().await.expect("create a subnet group");
        let group = aws.rds.create_db_parameter_group().db_parameter_group_name(name).description(name);
        group.db_parameter_group_family("postgres16").send().await.expect("create a parameter group");
        let group = aws.rds.create_option_group().option_group_name(name).option_group_description(name);
        // The latest that the emulator knows; it does not mind that the database is newer.
        let group = group.engine_name("postgres").major_engine_version("13");
        group.send().await.expect("create an option group");
    }
}

/// What a scan must say of each change.
pub fn mutations() -> Vec<Mutation> {
    [engine(), storage(), upkeep(), monitoring(), access()].into_iter().flatten().collect()
}

fn engine() -> Vec<Mutation> {
    let cluster = "<DBClusterIdentifier>orders</DBClusterIdentifier>";
    let support = "<EngineLifecycleSupport>open-source-rds-extended-support-disabled</EngineLifecycleSupport>";
    let features = "<ProcessorFeatures><ProcessorFeature><Name>coreCount</Name><Value>2</Value></ProcessorFeature>\
                    </ProcessorFeatures>";
    vec![
        set("DBInstanceClass", "db.t3.large", "db.t3.xlarge", Warning, Some("105.85"), |m, v| {
            m.db_instance_class(text(v))
        }),
        set("EngineVersion", "16.4", "16.6", Info, Some("0.00"), |m, v| m.engine_version(text(v))),
        set("EngineVersion", "16.4", "16.2", Warning, Some("0.00"), |m, v| m.engine_version(text(v))),
        set("EngineVersion", "16.4", "17.2", Warning, Some("0.00"), |m, v| m.engine_version(text(v))),
        set("LicenseModel", "postgresql-license", "bring-your-own-license", Warning, Some("0.00"), |m, v| {
            m.license_model(text(v))
        }),
        set("MultiAZ", false, true, Warning, Some("117.35"), |m, v| m.multi_az(flag(v))),
        set("DBParameterGroupName", "first", "second", Warning, Some("0.00"), |m, v| {
            m.db_parameter_group_name(text(v))
        }),
        set("OptionGroupName", "first", "second", Warning, Some("0.00"), |m, v| m.option_group_name(text(v))),
        replaced("Engine", "postgres", "mysql", Critical, Some("-6.57")),
        replaced("DBName", "orders", "invoices", Warning, Some("0.00")),
        added("CharacterSetName", Value::Null, "AL32UTF8", Warning, Some("0.00")),
        added("Timezone", Value::Null, "GMT Standard Time", Warning, Some("0.00")),
        inserted("DBClusterIdentifier", cluster, (Value::Null, json!("orders")), Warning, None),
        inserted(
            "EngineLifecycleSupport",
            support,
            (Value::Null, json!("open-source-rds-extended-support-disabled")),
            Info,
            None,
        ),
        keyed("ProcessorFeatures", "coreCount", json!("2"), inserting(features), (Warning, Some("0.00"))),
    ]
}

fn storage() -> Vec<Mutation> {
    vec![
        // Within its autoscaling limit of 200 GiB.
        set("AllocatedStorage", 100, 150, Info, Some("5.75"), |m, v| m.allocated_storage(number(v))),
        replaced("AllocatedStorage", 100, 50, Warning, Some("-5.75")),
        set("MaxAllocatedStorage", 200, 400, Info, Some("0.00"), |m, v| m.max_allocated_storage(number(v))),
        set("StorageType", "gp3", "standard", Warning, Some("-1.50"), |m, v| m.storage_type(text(v))),
        set("Iops", 0, 4000, Warning, Some("20.00"), |m, v| m.iops(number(v))),
        set("StorageThroughput", 0, 225, Warning, Some("8.00"), |m, v| m.storage_throughput(number(v))),
        replaced("StorageEncrypted", true, false, Critical, Some("0.00")),
        replaced("KmsKeyId", KEY, KEY.replace("555", "666"), Critical, Some("0.00")),
        added("DedicatedLogVolume", false, true, Info, None),
    ]
}

fn upkeep() -> Vec<Mutation> {
    vec![
        set("AutoMinorVersionUpgrade", true, false, Info, Some("0.00"), |m, v| m.auto_minor_version_upgrade(flag(v))),
        set("BackupRetentionPeriod", 7, 0, Critical, None, |m, v| m.backup_retention_period(number(v))),
        set("BackupRetentionPeriod", 7, 1, Warning, None, |m, v| m.backup_retention_period(number(v))),
        set("CopyTagsToSnapshot", false, true, Info, Some("0.00"), |m, v| m.copy_tags_to_snapshot(flag(v))),
        set("DeletionProtection", true, false, Critical, Some("0.00"), |m, v| m.deletion_protection(flag(v))),
        set("PreferredBackupWindow", "03:00-03:30", "04:00-04:30", Info, Some("0.00"), |m, v| {
            m.preferred_backup_window(text(v))
        }),
        set("PreferredMaintenanceWindow", "sun:05:00-sun:06:00", "mon:05:00-mon:06:00", Info, Some("0.00"), |m, v| {
            m.preferred_maintenance_window(text(v))
        }),
        tags(),
    ]
}

fn monitoring() -> Vec<Mutation> {
    vec![
        added("DatabaseInsightsMode", "standard", "advanced", Info, None),
        added("MonitoringInterval", 0, 60, Info, None),
        added("MonitoringRoleArn", Value::Null, ROLE, Info, Some("0.00")),
        added("PerformanceInsightsEnabled", false, true, Info, Some("0.00")),
        added("PerformanceInsightsKMSKeyId", Value::Null, KEY, Info, Some("0.00")),
        added("PerformanceInsightsRetentionPeriod", 0, 93, Info, None),
        keyed("EnabledCloudwatchLogsExports", "upgrade", json!({}), logs(), (Warning, None)),
    ]
}

fn access() -> Vec<Mutation> {
    let domain = "<DomainMemberships><DomainMembership><Domain>d-1234567890</Domain><Status>joined</Status>\
                  <FQDN>corp.example.com</FQDN><IAMRoleName>directory</IAMRoleName></DomainMembership></DomainMemberships>";
    let joined = json!({
        "AuthSecretArn": null, "DnsIps": {}, "FQDN": "corp.example.com", "IAMRoleName": "directory", "OU": null,
    });
    let roles = format!(
        "<AssociatedRoles><DBInstanceRole><RoleArn>{ROLE}</RoleArn><FeatureName>s3Export</FeatureName>\
         <Status>ACTIVE</Status></DBInstanceRole></AssociatedRoles>"
    );
    let rewrite = |from: &str, to: String| How::Rewrite { operation: LISTING, from: from.to_owned(), to };
    vec![
        set("CACertificateIdentifier", "rds-ca-default", "rds-ca-rsa4096-g1", Warning, Some("0.00"), |m, v| {
            m.ca_certificate_identifier(text(v))
        }),
        set("DBSubnetGroupName", "first", "second", Warning, Some("0.00"), |m, v| m.db_subnet_group_name(text(v))),
        set("IAMDatabaseAuthenticationEnabled", false, true, Warning, Some("0.00"), |m, v| {
            m.enable_iam_database_authentication(flag(v))
        }),
        set("ManageMasterUserPassword", false, true, Warning, None, |m, v| m.manage_master_user_password(flag(v))),
        set("PubliclyAccessible", false, true, Critical, Some("0.00"), |m, v| m.publicly_accessible(flag(v))),
        replaced("MasterUsername", "app", "root", Warning, Some("0.00")),
        replaced("Port", 5432, 5433, Warning, Some("0.00")),
        added("NetworkType", "IPV4", "DUAL", Warning, Some("0.00")),
        keyed(
            "DomainMemberships",
            "d-1234567890",
            joined,
            rewrite("<DomainMemberships/>", domain.to_owned()),
            (Warning, Some("0.00")),
        ),
        keyed(
            "AssociatedRoles",
            "s3Export",
            json!({"RoleArn": ROLE}),
            rewrite("<AssociatedRoles/>", roles),
            (Critical, Some("0.00")),
        ),
        keyed(
            "VpcSecurityGroups",
            SECOND_GROUP,
            json!({}),
            groups(&[FIRST_GROUP, SECOND_GROUP]),
            (Critical, Some("0.00")),
        ),
        Mutation {
            from: Some(json!({})),
            to: None,
            ..keyed("VpcSecurityGroups", FIRST_GROUP, json!({}), group_removed(), (Warning, Some("0.00")))
        },
    ]
}

const LISTING: &str = "DescribeDBInstances";

/// An attribute that the emulator changes when asked to.
fn set(
    attribute: &'static str,
    from: impl Into<Value>,
    to: impl Into<Value>,
    severity: Severity,
    cost: Option<&'static str>,
    modify: fn(Modify, &Value) -> Modify,
) -> Mutation {
    let (from, to) = (from.into(), to.into());
    let act = |value: Value| -> Act {
        Box::new(move |aws, id| {
            let request = modify(aws.rds.modify_db_instance().db_instance_identifier(id), &value);
            Box::pin(async move {
                request.apply_immediately(true).send().await.expect("modify the database");
            })
        })
    };
    let how = How::Api { apply: act(to.clone()), undo: act(from.clone()) };
    Mutation { attribute, how, pointer: format!("/{attribute}"), from: Some(from), to: Some(to), severity, cost }
}

/// An attribute whose element the emulator writes but does not change.
fn replaced(
    attribute: &'static str,
    from: impl Into<Value>,
    to: impl Into<Value>,
    severity: Severity,
    cost: Option<&'static str>,
) -> Mutation {
    let (from, to) = (from.into(), to.into());
    let how = How::Rewrite { operation: LISTING, from: element(attribute, &from), to: element(attribute, &to) };
    Mutation { attribute, how, pointer: format!("/{attribute}"), from: Some(from), to: Some(to), severity, cost }
}

/// An attribute whose element the emulator does not write.
fn added(
    attribute: &'static str,
    from: impl Into<Value>,
    to: impl Into<Value>,
    severity: Severity,
    cost: Option<&'static str>,
) -> Mutation {
    let to = to.into();
    inserted(attribute, &element(attribute, &to), (from.into(), to.clone()), severity, cost)
}

fn inserted(
    attribute: &'static str,
    xml: &str,
    (from, to): (Value, Value),
    severity: Severity,
    cost: Option<&'static str>,
) -> Mutation {
    let how = inserting(xml);
    Mutation { attribute, how, pointer: format!("/{attribute}"), from: Some(from), to: Some(to), severity, cost }
}

/// One entry more in a keyed attribute.
fn keyed(
    attribute: &'static str,
    key: &str,
    entry: Value,
    how: How,
    (severity, cost): (Severity, Option<&'static str>),
) -> Mutation {
    Mutation { attribute, how, pointer: format!("/{attribute}/{key}"), from: None, to: Some(entry), severity, cost }
}

fn inserting(xml: &str) -> How {
    let anchor = "<DBInstanceStatus>";
    How::Rewrite { operation: LISTING, from: anchor.to_owned(), to: format!("{xml}{anchor}") }
}

fn element(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("<{name}>{text}</{name}>")
}

fn groups(after: &'static [&'static str]) -> How {
    let act = |groups: &'static [&'static str]| -> Act {
        Box::new(move |aws, id| {
            let groups = groups.iter().copied().map(str::to_owned).collect();
            let request = aws.rds.modify_db_instance().db_instance_identifier(id);
            Box::pin(async move {
                request.set_vpc_security_group_ids(Some(groups)).send().await.expect("change the security groups");
            })
        })
    };
    How::Api { apply: act(after), undo: act(&[FIRST_GROUP]) }
}

/// A database always has a group in the emulator; in AWS the last one may be on its way out.
fn group_removed() -> How {
    let membership =
        |status| format!("<VpcSecurityGroupId>{FIRST_GROUP}</VpcSecurityGroupId><Status>{status}</Status>");
    How::Rewrite { operation: LISTING, from: membership("active"), to: membership("removing") }
}

fn logs() -> How {
    let act = |is_on: bool| -> Act {
        Box::new(move |aws, id| {
            let logs = CloudwatchLogsExportConfiguration::builder();
            let logs = if is_on { logs.enable_log_types("upgrade") } else { logs.disable_log_types("upgrade") };
            let request = aws.rds.modify_db_instance().db_instance_identifier(id);
            Box::pin(async move {
                request.cloudwatch_logs_export_configuration(logs.build()).send().await.expect("change the logs");
            })
        })
    };
    How::Api { apply: act(true), undo: act(false) }
}

fn tags() -> Mutation {
    let apply: Act = Box::new(|aws, id| {
        let tag = Tag::builder().key("Team").value("orders").build();
        let request = aws.rds.add_tags_to_resource().resource_name(arn(aws, id)).tags(tag);
        Box::pin(async move {
            request.send().await.expect("add a tag");
        })
    });
    let undo: Act = Box::new(|aws, id| {
        let request = aws.rds.remove_tags_from_resource().resource_name(arn(aws, id)).tag_keys("Team");
        Box::pin(async move {
            request.send().await.expect("remove a tag");
        })
    });
    keyed("Tags", "Team", json!("orders"), How::Api { apply, undo }, (Info, Some("0.00")))
}

fn arn(aws: &Aws, id: &str) -> String {
    format!("arn:aws:rds:{}:{}:db:{id}", aws.region, aws.account_id)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn flag(value: &Value) -> bool {
    value.as_bool().expect("a truth value")
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| number.try_into().ok()).expect("a number")
}
