//! Planning, without AWS.

mod together;

use serde_json::{Value, json};

use super::parameters::Modify;
use super::plan;
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::state::ResourceState;
use crate::resource::fix::{FixPlan, FixRequest};
use crate::resource::rds::Rds;
use crate::resource::rds::read::Reading;
use crate::resource::{Live, ResourceType, changes_of};

const ARN: &str = "arn:aws:rds:us-east-1:123456789012:db:orders";

fn state(value: &Value) -> ResourceState {
    let mut state = ResourceState::from(value.as_object().expect("an object").clone());
    Rds.normalize(&mut state);
    state
}

/// A database to be put back.
struct Case {
    expected: Value,
    actual: Value,
    /// What is live and not declared.
    beside: Value,
    pending: Value,
    apply_immediately: bool,
}

impl Case {
    fn of(expected: Value, actual: Value) -> Self {
        Self { expected, actual, beside: json!({}), pending: json!({}), apply_immediately: true }
    }

    fn plan(&self) -> FixPlan {
        let scope =
            Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: "RDS".to_owned() };
        let key = ResourceKey { scope, resource_id: "orders".to_owned() };
        let (expected, actual) = (state(&self.expected), state(&self.actual));
        let mut live = Live::new("orders", state(&self.beside).overlaid_with(&actual));
        live.pending = state(&self.pending);
        let now = Reading { live, arn: ARN.to_owned(), status: "available".to_owned() };
        let changes = changes_of(&Rds, &expected, &actual);
        assert!(!changes.is_empty(), "nothing drifted");
        let apply_immediately = self.apply_immediately;
        plan(FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately }, &now)
    }

    /// The parameters of the one modification that is all of the plan.
    fn modification(&self) -> Value {
        let plan = self.plan();
        let [step] = plan.steps.as_slice() else { panic!("{plan:#?}") };
        assert_eq!((step.operation, plan.manual.len()), ("ModifyDBInstance", 0), "{plan:#?}");
        step.read_parameters::<Modify>().expect("they make a call");
        let mut parameters = step.parameters.clone();
        let fields = parameters.as_object_mut().expect("an object");
        assert_eq!(fields.remove("DBInstanceIdentifier"), Some(json!("orders")));
        assert_eq!(fields.remove("ApplyImmediately"), Some(json!(self.apply_immediately)));
        parameters
    }
}

/// What becomes of a drift.
enum Fate {
    /// The modification with these parameters puts it back.
    Modified(Value),
    /// These operations do.
    Called(&'static [&'static str]),
    /// People do.
    ByHand,
}

use Fate::{ByHand, Called, Modified};

/// A live value of each attribute that is not the example's, and what becomes of it.
fn every_attribute() -> Vec<(&'static str, Value, Fate)> {
    [engine(), storage(), upkeep(), access(), watching()].into_iter().flatten().collect()
}

fn engine() -> Vec<(&'static str, Value, Fate)> {
    vec![
        ("CharacterSetName", json!("AL32UTF8"), ByHand),
        ("DBClusterIdentifier", json!("orders"), ByHand),
        ("DBInstanceClass", json!("db.m6g.xlarge"), Modified(json!({"DBInstanceClass": "db.m6g.large"}))),
        ("DBName", json!("invoices"), ByHand),
        ("DBParameterGroupName", json!("other"), Modified(json!({"DBParameterGroupName": "default.postgres16"}))),
        ("Engine", json!("mysql"), ByHand),
        (
            "EngineLifecycleSupport",
            json!("open-source-rds-extended-support"),
            Modified(json!({"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"})),
        ),
        ("EngineVersion", json!("16.2"), Modified(json!({"EngineVersion": "16.4"}))),
        ("EngineVersion", json!("15.7"), ByHand),
        ("EngineVersion", json!("16.6"), ByHand),
        ("LicenseModel", json!("other"), Modified(json!({"LicenseModel": "postgresql-license"}))),
        ("MultiAZ", json!(false), Modified(json!({"MultiAZ": true}))),
        ("OptionGroupName", json!("other"), Modified(json!({"OptionGroupName": "default:postgres-16"}))),
        (
            "ProcessorFeatures",
            json!({"coreCount": "4", "threadsPerCore": "1"}),
            Modified(json!({"ProcessorFeatures": [{"Name": "coreCount", "Value": "2"}]})),
        ),
        ("Timezone", json!("UTC"), ByHand),
    ]
}

fn storage() -> Vec<(&'static str, Value, Fate)> {
    vec![
        ("AllocatedStorage", json!(20), Modified(json!({"AllocatedStorage": 100}))),
        ("AllocatedStorage", json!(95), ByHand),
        ("AllocatedStorage", json!(200), ByHand),
        ("DedicatedLogVolume", json!(true), Modified(json!({"DedicatedLogVolume": false}))),
        ("Iops", json!(4000), Modified(json!({"Iops": 3000}))),
        ("KmsKeyId", json!("other"), ByHand),
        ("MaxAllocatedStorage", json!(0), Modified(json!({"MaxAllocatedStorage": 500}))),
        ("StorageEncrypted", json!(false), ByHand),
        ("StorageThroughput", json!(500), Modified(json!({"StorageThroughput": 125}))),
        ("StorageType", json!("gp2"), Modified(json!({"StorageType": "gp3"}))),
    ]
}

fn upkeep() -> Vec<(&'static str, Value, Fate)> {
    vec![
        ("AutoMinorVersionUpgrade", json!(false), Modified(json!({"AutoMinorVersionUpgrade": true}))),
        ("BackupRetentionPeriod", json!(1), Modified(json!({"BackupRetentionPeriod": 7}))),
        ("CopyTagsToSnapshot", json!(false), Modified(json!({"CopyTagsToSnapshot": true}))),
        ("DeletionProtection", json!(false), Modified(json!({"DeletionProtection": true}))),
        ("PreferredBackupWindow", json!("01:00-01:30"), Modified(json!({"PreferredBackupWindow": "03:00-03:30"}))),
        (
            "PreferredMaintenanceWindow",
            json!("mon:05:00-mon:06:00"),
            Modified(json!({"PreferredMaintenanceWindow": "sun:05:00-sun:06:00"})),
        ),
        ("Tags", json!({"Ticket": "OPS-1"}), Called(&["RemoveTagsFromResource", "AddTagsToResource"])),
    ]
}

fn access() -> Vec<(&'static str, Value, Fate)> {
    let other_role = json!({"s3Import": {"RoleArn": "arn:aws:iam::123456789012:role/other"}});
    vec![
        ("AssociatedRoles", json!({}), Called(&["AddRoleToDBInstance"])),
        ("AssociatedRoles", other_role, Called(&["RemoveRoleFromDBInstance", "AddRoleToDBInstance"])),
        (
            "CACertificateIdentifier",
            json!("rds-ca-2019"),
            Modified(json!({"CACertificateIdentifier": "rds-ca-rsa2048-g1"})),
        ),
        ("DBSubnetGroupName", json!("public"), ByHand),
        ("DomainMemberships", json!({}), ByHand),
        ("IAMDatabaseAuthenticationEnabled", json!(false), Modified(json!({"EnableIAMDatabaseAuthentication": true}))),
        ("ManageMasterUserPassword", json!(false), ByHand),
        ("MasterUsername", json!("root"), ByHand),
        ("NetworkType", json!("DUAL"), Modified(json!({"NetworkType": "IPV4"}))),
        ("Port", json!(5433), Modified(json!({"DBPortNumber": 5432}))),
        ("PubliclyAccessible", json!(true), Modified(json!({"PubliclyAccessible": false}))),
        (
            "VpcSecurityGroups",
            json!({"sg-0feed": {}}),
            Modified(json!({"VpcSecurityGroupIds": ["sg-0a1b2c3d4e5f60718"]})),
        ),
    ]
}

fn watching() -> Vec<(&'static str, Value, Fate)> {
    let role = "arn:aws:iam::123456789012:role/rds-monitoring";
    vec![
        (
            "DatabaseInsightsMode",
            json!("advanced"),
            Modified(json!({"DatabaseInsightsMode": "standard", "EnablePerformanceInsights": true})),
        ),
        (
            "EnabledCloudwatchLogsExports",
            json!({"audit": {}, "upgrade": {}}),
            Modified(json!({
                "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"], "DisableLogTypes": ["audit"]}
            })),
        ),
        ("MonitoringInterval", json!(0), Modified(json!({"MonitoringInterval": 60, "MonitoringRoleArn": role}))),
        ("MonitoringRoleArn", Value::Null, Modified(json!({"MonitoringInterval": 60, "MonitoringRoleArn": role}))),
        ("PerformanceInsightsEnabled", json!(false), Modified(json!({"EnablePerformanceInsights": true}))),
        ("PerformanceInsightsKMSKeyId", json!("other"), ByHand),
        (
            "PerformanceInsightsRetentionPeriod",
            json!(31),
            Modified(json!({"EnablePerformanceInsights": true, "PerformanceInsightsRetentionPeriod": 7})),
        ),
    ]
}

#[test]
fn every_attribute_is_put_back_or_left_to_people_with_a_reason_of_its_own() {
    let table = every_attribute();
    for attribute in Rds.attributes() {
        assert!(table.iter().any(|(name, _, _)| *name == attribute.name), "{} has no row", attribute.name);
    }
    for (attribute, live, fate) in table {
        let expected = Rds.example().get(attribute).expect("the example holds it").clone();
        let case = Case {
            beside: Rds.example().to_value(),
            ..Case::of(json!({attribute: expected}), json!({attribute: live}))
        };
        let plan = case.plan();
        match fate {
            Modified(parameters) => assert_eq!(case.modification(), parameters, "{attribute} {live}"),
            Called(operations) => {
                let called: Vec<_> = plan.steps.iter().map(|step| step.operation).collect();
                assert_eq!((called.as_slice(), plan.manual.len()), (operations, 0), "{attribute} {live}");
            }
            ByHand => assert!(plan.steps.is_empty() && !plan.manual.is_empty(), "{attribute} {live}: {plan:#?}"),
        }
        for fix in &plan.manual {
            assert_ne!(fix.reason, "no call brings the declared value about", "{attribute} {live}");
        }
        for step in &plan.steps {
            assert!(!step.summary.is_empty() && !step.actions.is_empty(), "{attribute}: {step:?}");
            assert!(step.actions.iter().all(|action| Rds.fix_actions().contains(action)), "{:?}", step.actions);
        }
    }
}
