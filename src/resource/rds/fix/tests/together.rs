//! What depends on more than one attribute.

use serde_json::{Value, json};

use super::{ARN, Case};
use crate::resource::fix::Disruption;

#[test]
fn all_that_can_be_modified_is_one_call() {
    let case = Case {
        apply_immediately: false,
        ..Case::of(
            json!({"PubliclyAccessible": false, "DBInstanceClass": "db.t3.large", "Engine": "postgres"}),
            json!({"PubliclyAccessible": true, "DBInstanceClass": "db.t3.micro", "Engine": "mysql"}),
        )
    };
    let plan = case.plan();
    let [step] = plan.steps.as_slice() else { panic!("{plan:#?}") };
    let parameters = json!({
        "DBInstanceIdentifier": "orders", "ApplyImmediately": false,
        "DBInstanceClass": "db.t3.large", "PubliclyAccessible": false,
    });
    assert_eq!(step.parameters, parameters);
    assert_eq!(step.restores, ["/DBInstanceClass", "/PubliclyAccessible"]);
    assert_eq!(step.summary, "modify orders: DBInstanceClass db.t3.large, PubliclyAccessible false");
    assert_eq!((plan.disruption(), plan.loosens()), (Disruption::Restart, false));
    assert_eq!(plan.manual[0].pointer, "/Engine");
}

#[test]
fn what_is_pending_as_declared_needs_no_call() {
    let drift = || {
        Case::of(json!({"EngineVersion": "16", "MultiAZ": true}), json!({"EngineVersion": "15.4", "MultiAZ": false}))
    };
    let pending = json!({"EngineVersion": "16.4", "MultiAZ": true});
    let plan = Case { pending, ..drift() }.plan();
    assert_eq!((plan.steps.len(), plan.manual.len()), (0, 0), "{plan:#?}");
    let plan = Case { pending: json!({"EngineVersion": "16.4", "MultiAZ": false}), ..drift() }.plan();
    assert_eq!(plan.steps[0].restores, ["/MultiAZ"], "another value pending is overruled");
}

#[test]
fn to_act_at_once_tells_what_else_it_applies() {
    let case = |apply_immediately| Case {
        pending: json!({"DBInstanceClass": "db.t3.micro", "BackupRetentionPeriod": 0, "CopyTagsToSnapshot": true}),
        beside: json!({"DBInstanceClass": "db.t3.large", "BackupRetentionPeriod": 7}),
        apply_immediately,
        ..Case::of(json!({"CopyTagsToSnapshot": false}), json!({"CopyTagsToSnapshot": true}))
    };
    let later = case(false).plan();
    assert_eq!((later.disruption(), later.loosens()), (Disruption::None, false));
    let at_once = case(true).plan();
    assert_eq!((at_once.disruption(), at_once.loosens()), (Disruption::Restart, true));
    let told = "modify orders: CopyTagsToSnapshot false, and at once what is pending of BackupRetentionPeriod, and at \
                once what is pending of DBInstanceClass";
    assert_eq!(at_once.steps[0].summary, told);
}

#[test]
fn what_lets_more_in_or_gives_a_protection_up_loosens() {
    for (attribute, safe, open) in [
        ("BackupRetentionPeriod", json!(7), json!(1)),
        ("DeletionProtection", json!(true), json!(false)),
        ("NetworkType", json!("IPV4"), json!("DUAL")),
        ("PubliclyAccessible", json!(false), json!(true)),
        ("VpcSecurityGroups", json!(["sg-1"]), json!(["sg-1", "sg-2"])),
        ("EnabledCloudwatchLogsExports", json!(["audit"]), json!([])),
        ("AssociatedRoles", json!({}), json!({"s3Import": {"RoleArn": "arn:aws:iam::123456789012:role/a"}})),
    ] {
        let loosens = |expected: &Value, actual: &Value| {
            Case::of(json!({attribute: expected}), json!({attribute: actual})).plan().loosens()
        };
        assert!(!loosens(&safe, &open), "{attribute} to {safe}");
        assert!(loosens(&open, &safe), "{attribute} to {open}");
    }
    for attribute in ["IAMDatabaseAuthenticationEnabled", "DBParameterGroupName", "OptionGroupName"] {
        for (expected, actual) in [(true, false), (false, true)] {
            let value = |on: bool| if attribute.ends_with("Name") { json!(on.to_string()) } else { json!(on) };
            let case = Case::of(json!({attribute: value(expected)}), json!({attribute: value(actual)}));
            assert!(case.plan().loosens(), "{attribute}");
        }
    }
}

#[test]
fn backups_that_begin_or_end_may_take_the_database_out() {
    let felt = |expected: u8, actual: u8| {
        let [expected, actual] = [expected, actual].map(|days| json!({"BackupRetentionPeriod": days}));
        Case::of(expected, actual).plan().disruption()
    };
    assert_eq!((felt(7, 0), felt(0, 7), felt(7, 1)), (Disruption::Restart, Disruption::Restart, Disruption::None));
}

#[test]
fn figures_of_storage_that_aws_wants_together_go_together() {
    let case = |expected: Value, actual: Value, beside: Value| Case { beside, ..Case::of(expected, actual) };
    let large = || json!({"AllocatedStorage": 500, "Iops": 12000, "StorageType": "gp3", "Engine": "postgres"});
    let grown = case(json!({"AllocatedStorage": 600}), json!({"AllocatedStorage": 500}), large());
    assert_eq!(grown.modification(), json!({"AllocatedStorage": 600, "Iops": 12000}));
    let faster = case(json!({"StorageThroughput": 600}), json!({"StorageThroughput": 500}), large());
    assert_eq!(faster.modification(), json!({"AllocatedStorage": 500, "Iops": 12000, "StorageThroughput": 600}));
    let small = json!({"AllocatedStorage": 50, "Iops": 3000, "StorageType": "gp3", "Engine": "postgres"});
    let grown = case(json!({"AllocatedStorage": 60}), json!({"AllocatedStorage": 50}), small);
    assert_eq!(grown.modification(), json!({"AllocatedStorage": 60}), "AWS takes no IOPS of one so small");
    let back = case(json!({"StorageType": "gp2", "Iops": 0}), json!({"StorageType": "gp3", "Iops": 12000}), large());
    assert_eq!(back.modification(), json!({"StorageType": "gp2"}), "its IOPS come with the type");
    let plan = case(json!({"Iops": 0}), json!({"Iops": 12000}), large()).plan();
    assert_eq!((plan.steps.len(), plan.manual.len()), (0, 1));
}

#[test]
fn magnetic_storage_is_a_restart() {
    let case = Case::of(json!({"StorageType": "gp3"}), json!({"StorageType": "standard"}));
    assert_eq!(case.plan().disruption(), Disruption::Restart);
    let case = Case::of(json!({"StorageType": "gp3"}), json!({"StorageType": "gp2"}));
    assert_eq!(case.plan().disruption(), Disruption::Degraded);
}

#[test]
fn autoscaling_is_turned_off_by_a_limit_at_the_size() {
    let case = Case {
        beside: json!({"AllocatedStorage": 100}),
        ..Case::of(json!({"MaxAllocatedStorage": 0}), json!({"MaxAllocatedStorage": 500}))
    };
    assert_eq!(case.modification(), json!({"MaxAllocatedStorage": 100}));
}

#[test]
fn monitoring_takes_a_role_and_an_interval_or_neither() {
    let off = Case::of(
        json!({"MonitoringInterval": 0, "MonitoringRoleArn": null}),
        json!({"MonitoringInterval": 60, "MonitoringRoleArn": "arn:aws:iam::123456789012:role/m"}),
    );
    assert_eq!(off.modification(), json!({"MonitoringInterval": 0}));
    let on = Case::of(
        json!({"MonitoringInterval": 60, "MonitoringRoleArn": "arn:aws:iam::123456789012:role/m"}),
        json!({"MonitoringInterval": 0, "MonitoringRoleArn": null}),
    );
    assert_eq!(on.plan().steps[0].actions, ["rds:ModifyDBInstance", "iam:PassRole"]);
    let role = json!({"MonitoringRoleArn": "arn:aws:iam::123456789012:role/m"});
    let half = Case::of(role, json!({"MonitoringRoleArn": null})).plan();
    assert_eq!((half.steps.len(), half.manual.len()), (0, 1));
}

#[test]
fn performance_insights_are_turned_on_with_their_key_and_off_with_all_of_theirs() {
    let on = json!({
        "PerformanceInsightsEnabled": true, "PerformanceInsightsKMSKeyId": "key",
        "PerformanceInsightsRetentionPeriod": 31,
    });
    let off = json!({
        "PerformanceInsightsEnabled": false, "PerformanceInsightsKMSKeyId": null,
        "PerformanceInsightsRetentionPeriod": 0,
    });
    let all = json!({
        "EnablePerformanceInsights": true, "PerformanceInsightsKMSKeyId": "key",
        "PerformanceInsightsRetentionPeriod": 31,
    });
    assert_eq!(Case::of(on.clone(), off.clone()).modification(), all);
    assert_eq!(Case::of(off, on).modification(), json!({"EnablePerformanceInsights": false}));
}

#[test]
fn a_member_of_a_cluster_keeps_what_the_cluster_decides() {
    let case = Case {
        beside: json!({"DBClusterIdentifier": "orders-cluster"}),
        ..Case::of(
            json!({"DeletionProtection": true, "VpcSecurityGroups": ["sg-1"], "DBInstanceClass": "db.r6g.large"}),
            json!({"DeletionProtection": false, "VpcSecurityGroups": ["sg-2"], "DBInstanceClass": "db.r6g.xlarge"}),
        )
    };
    let plan = case.plan();
    assert_eq!(plan.steps[0].restores, ["/DBInstanceClass"]);
    let left: Vec<_> = plan.manual.iter().map(|fix| fix.pointer.as_str()).collect();
    assert_eq!(left, ["/DeletionProtection", "/VpcSecurityGroups/sg-1", "/VpcSecurityGroups/sg-2"]);
    assert!(plan.manual[0].instead.contains("orders-cluster"));
}

#[test]
fn what_a_database_always_has_cannot_be_declared_away() {
    for (attribute, nothing) in [("VpcSecurityGroups", json!({})), ("DBParameterGroupName", Value::Null)] {
        let live = if nothing.is_null() { json!("other") } else { json!({"sg-1": {}}) };
        let plan = Case::of(json!({attribute: nothing}), json!({attribute: live})).plan();
        assert_eq!((plan.steps.len(), plan.manual.len()), (0, 1), "{attribute}");
        assert!(plan.manual[0].reason.starts_with("a database"), "{:?}", plan.manual);
    }
    let features = Case::of(json!({"ProcessorFeatures": {}}), json!({"ProcessorFeatures": {"coreCount": "2"}}));
    assert_eq!(features.modification(), json!({"UseDefaultProcessorFeatures": true}));
}

#[test]
fn roles_and_tags_name_what_they_are_about() {
    let role = |name: &str| json!({"s3Import": {"RoleArn": format!("arn:aws:iam::123456789012:role/{name}")}});
    let case = Case::of(
        json!({"AssociatedRoles": role("a"), "Tags": {"Env": "prod"}}),
        json!({"AssociatedRoles": role("b"), "Tags": {"Env": "test", "aws:cloudformation:stack-id": "x", "New": "1"}}),
    );
    let plan = case.plan();
    let shown: Vec<_> = plan.steps.iter().map(|it| (it.operation, it.parameters.clone(), it.restores.len())).collect();
    let role = |name: &str| {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        json!({"DBInstanceIdentifier": "orders", "RoleArn": arn, "FeatureName": "s3Import"})
    };
    assert_eq!(
        shown,
        [
            ("RemoveTagsFromResource", json!({"ResourceName": ARN, "TagKeys": ["New"]}), 1),
            ("AddTagsToResource", json!({"ResourceName": ARN, "Tags": [{"Key": "Env", "Value": "prod"}]}), 1),
            ("RemoveRoleFromDBInstance", role("b"), 0),
            ("AddRoleToDBInstance", role("a"), 1),
        ]
    );
}
