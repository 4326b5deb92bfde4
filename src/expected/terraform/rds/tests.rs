//! Databases: every row of the tables, and what providers of several versions write in several ways.

use serde_json::{Value, json};

use super::TYPES;
use crate::expected::terraform::laws;

/// Every attribute that any version of the provider has and that is mapped.
fn db() -> Value {
    serde_json::from_str(include_str!("db_instance.json")).expect("the example is JSON")
}

fn member() -> Value {
    json!({
        "auto_minor_version_upgrade": true,
        "ca_cert_identifier": "rds-ca-rsa2048-g1",
        "cluster_identifier": "orders",
        "copy_tags_to_snapshot": false,
        "db_parameter_group_name": "default.aurora-postgresql16",
        "db_subnet_group_name": "private",
        "engine": "aurora-postgresql",
        "engine_version": "16.4",
        "id": "orders-1",
        "identifier": "orders-1",
        "instance_class": "db.r6g.large",
        "kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
        "monitoring_interval": 60,
        "monitoring_role_arn": "arn:aws:iam::123456789012:role/rds-monitoring",
        "performance_insights_enabled": true,
        "performance_insights_kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/66666666-2222-3333-4444-555555555555",
        "performance_insights_retention_period": 7,
        "port": 5432,
        "preferred_backup_window": "03:00-03:30",
        "preferred_maintenance_window": "sun:05:00-sun:06:00",
        "promotion_tier": 1,
        "publicly_accessible": false,
        "storage_encrypted": true,
        "tags": {"Team": "orders"},
        "tags_all": {"Team": "orders", "Env": "prod"},
        "writer": true,
    })
}

fn with(mut attributes: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("attributes") {
        attributes[name] = value.clone();
    }
    attributes
}

fn without(mut attributes: Value, name: &str) -> Value {
    attributes.as_object_mut().expect("attributes").remove(name);
    attributes
}

/// What an attribute of a database is declared to be.
fn declared(attribute: &str, db: Value) -> Option<Value> {
    laws::state(&[TYPES], &[("aws_db_instance", db)]).get(attribute).cloned()
}

#[test]
fn every_row_is_true() {
    let role = json!({
        "db_instance_identifier": "orders-prod",
        "feature_name": "s3Import",
        "role_arn": "arn:aws:iam::123456789012:role/orders-import",
    });
    let old = with(without(db(), "db_name"), &json!({"name": "orders", "tags_all": null}));
    laws::every_row_is_true(
        &[TYPES],
        &[
            vec![("aws_db_instance", db())],
            vec![("aws_db_instance", old)],
            vec![("aws_db_instance", with(db(), &json!({"master_user_secret": [{"secret_arn": "arn"}]})))],
            vec![("aws_rds_cluster_instance", member())],
            vec![("aws_rds_cluster_instance", with(member(), &json!({"tags_all": null})))],
            vec![("aws_db_instance", db()), ("aws_db_instance_role_association", role)],
        ],
    );
}

#[test]
fn a_database_is_known_by_its_identifier() {
    let ids = |attributes: Value| {
        let (declared, problems) = laws::declared(&[TYPES], &[("aws_db_instance", attributes)]);
        assert!(problems.is_empty(), "{problems:?}");
        declared.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(db()), ["orders-prod"], "the id is the resource id since version 2 of the schema");
    assert_eq!(ids(with(db(), &json!({"identifier": "Orders-Prod"}))), ["orders-prod"]);
    assert_eq!(ids(json!({"id": "orders-old", "engine": "mysql"})), ["orders-old"]);
}

#[test]
fn no_secret_is_read() {
    let state = laws::state(&[TYPES], &[("aws_db_instance", with(db(), &json!({"password_wo": "nor this"})))]);
    let shown = state.to_value().to_string();
    assert!(!shown.contains("never read") && !shown.contains("nor this"), "{shown}");
}

#[test]
fn nothing_in_its_several_spellings_is_one_value() {
    for (attribute, name, nothings, value) in [
        ("EnabledCloudwatchLogsExports", "enabled_cloudwatch_logs_exports", vec![json!(null), json!([])], json!({})),
        ("MaxAllocatedStorage", "max_allocated_storage", vec![json!(null), json!(0)], json!(0)),
        ("KmsKeyId", "kms_key_id", vec![json!(null), json!("")], json!(null)),
        ("MonitoringRoleArn", "monitoring_role_arn", vec![json!(null), json!("")], json!(null)),
        ("MultiAZ", "multi_az", vec![json!(null), json!(false)], json!(false)),
        ("Timezone", "timezone", vec![json!(null), json!("")], json!(null)),
    ] {
        for nothing in nothings {
            assert_eq!(declared(attribute, with(db(), &json!({name: nothing}))), Some(value.clone()), "{name}");
        }
        assert_eq!(declared(attribute, without(db(), name)), None, "{name} was not known to this provider");
    }
}

#[test]
fn what_aws_always_has_is_not_declared_to_be_nothing() {
    for (attribute, name) in [
        ("DBParameterGroupName", "parameter_group_name"),
        ("EngineVersion", "engine_version"),
        ("Port", "port"),
        ("AllocatedStorage", "allocated_storage"),
        ("VpcSecurityGroups", "vpc_security_group_ids"),
        ("PubliclyAccessible", "publicly_accessible"),
    ] {
        assert_eq!(declared(attribute, with(db(), &json!({name: null}))), None, "{name}");
    }
}

#[test]
fn the_name_of_the_database_has_an_old_and_a_new_name() {
    let name = |more: Value| declared("DBName", with(without(db(), "db_name"), &more));
    assert_eq!(name(json!({"name": "orders"})), Some(json!("orders")));
    assert_eq!(name(json!({"name": "orders", "db_name": "orders"})), Some(json!("orders")));
    assert_eq!(name(json!({"name": null, "db_name": "orders"})), Some(json!("orders")));
    assert_eq!(name(json!({"db_name": null})), Some(json!(null)));
    assert_eq!(name(json!({"name": ""})), Some(json!(null)));
    assert_eq!(name(json!({})), None);
}

#[test]
fn what_gp3_is_given_unasked_is_not_declared() {
    let iops = |kind: &str, iops: Value| declared("Iops", with(db(), &json!({"storage_type": kind, "iops": iops})));
    assert_eq!(iops("gp3", json!(0)), None);
    assert_eq!(iops("gp3", json!(null)), None);
    assert_eq!(iops("gp3", json!(12000)), Some(json!(12000)));
    assert_eq!(iops("gp2", json!(null)), Some(json!(0)));
    assert_eq!(iops("io1", json!(1000)), Some(json!(1000)));
}

#[test]
fn a_managed_password_is_told_by_its_secret() {
    let told = |flag: Value, secret: Value| {
        let more = json!({"manage_master_user_password": flag, "master_user_secret": secret});
        declared("ManageMasterUserPassword", with(db(), &more))
    };
    let secret = json!([{"secret_arn": "arn", "secret_status": "active"}]);
    assert_eq!(told(json!(true), secret.clone()), Some(json!(true)));
    assert_eq!(told(json!(null), secret), Some(json!(true)), "imported: the flag is not in the state");
    assert_eq!(told(json!(null), json!([])), Some(json!(false)));
    assert_eq!(told(json!(true), json!(null)), Some(json!(true)));
    assert_eq!(told(json!(null), json!(null)), None);
}

#[test]
fn a_domain_is_declared_where_all_of_it_is_told() {
    let domain = |attributes: Value| declared("DomainMemberships", attributes);
    assert_eq!(domain(with(db(), &json!({"domain": "", "domain_fqdn": null}))), Some(json!({})));
    assert_eq!(domain(without(db(), "domain_fqdn")), None, "an older provider");
    let own = domain(with(db(), &json!({"domain": null}))).expect("declared");
    assert_eq!(own["corp.example.com"]["DnsIps"], json!({"10.0.0.2": {}, "10.0.0.3": {}}));
}

#[test]
fn an_alias_of_a_key_is_not_compared() {
    let alias = "arn:aws:kms:us-east-1:123456789012:alias/orders";
    assert_eq!(declared("KmsKeyId", with(db(), &json!({"kms_key_id": alias}))), None);
}

#[test]
fn a_member_tells_of_itself_and_not_of_its_cluster() {
    let state = laws::state(&[TYPES], &[("aws_rds_cluster_instance", member())]);
    assert_eq!(state.get("DBClusterIdentifier"), Some(&json!("orders")));
    for of_the_cluster in ["EngineVersion", "Port", "PreferredBackupWindow", "NetworkType"] {
        assert_eq!(state.get(of_the_cluster), None, "{of_the_cluster}");
    }
}

#[test]
fn roles_are_declared_where_an_association_is() {
    assert_eq!(declared("AssociatedRoles", db()), None);
    let role =
        |feature: &str| json!({"db_instance_identifier": "Orders-Prod", "feature_name": feature, "role_arn": "r"});
    let instances = [
        ("aws_db_instance", db()),
        ("aws_db_instance_role_association", role("s3Import")),
        ("aws_db_instance_role_association", role("s3Export")),
    ];
    let state = laws::state(&[TYPES], &instances);
    let roles = json!({"s3Export": {"RoleArn": "r"}, "s3Import": {"RoleArn": "r"}});
    assert_eq!(state.get("AssociatedRoles"), Some(&roles));
}
