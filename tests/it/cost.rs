//! The embedded list prices against figures that are known from elsewhere: AWS's calculator and published examples.

use driftsentry::domain::cost::{CostImpact, MonthlyCost};
use driftsentry::domain::id::Region;
use driftsentry::domain::state::ResourceState;
use driftsentry::prices;
use driftsentry::resource::find;
use serde_json::{Value, json};

fn cost(kind: &str, region: &str, state: Value) -> MonthlyCost {
    let Value::Object(state) = state else { panic!("a state is an object") };
    let kind = find(kind).expect("a type");
    kind.monthly_cost(&ResourceState::from(state), &Region::from(region), &prices::load())
}

/// What a resource in this state costs a month.
fn whole(kind: &str, region: &str, state: Value) -> String {
    CostImpact::between(&MonthlyCost::default(), &cost(kind, region, state)).to_string()
}

/// What the change of a resource costs a month.
fn change(kind: &str, region: &str, from: Value, to: Value) -> String {
    CostImpact::between(&cost(kind, region, from), &cost(kind, region, to)).to_string()
}

fn volume(fields: &Value) -> String {
    whole("EC2", "us-east-1", json!({"State": "stopped", "BlockDevices": {"/dev/sdf": fields}}))
}

#[test]
fn instances_cost_what_aws_publishes() {
    let of = |kind: &str| json!({"InstanceType": kind});
    assert_eq!(whole("EC2", "us-east-1", of("t3.medium")), "+$30.37");
    assert_eq!(change("EC2", "us-east-1", of("m5.large"), of("m5.xlarge")), "+$70.08");
    assert_eq!(change("EC2", "us-east-1", of("m5.xlarge"), of("m5.large")), "-$70.08");
    assert_eq!(whole("EC2", "us-gov-west-1", of("m5.large")), "unknown");
}

#[test]
fn volumes_cost_what_aws_publishes() {
    assert_eq!(volume(&json!({"VolumeType": "gp2", "Size": 8})), "+$0.80");
    assert_eq!(volume(&json!({"VolumeType": "gp3", "Size": 40, "Iops": 4000, "Throughput": 130})), "+$8.40");
    assert_eq!(volume(&json!({"VolumeType": "io1", "Size": 30, "Iops": 300})), "+$23.25");
    assert_eq!(volume(&json!({"VolumeType": "st1", "Size": 40})), "+$1.80");
    assert_eq!(volume(&json!({"VolumeType": "sc1", "Size": 50})), "+$0.75");
    assert_eq!(volume(&json!({"VolumeType": "standard", "Size": 20})), "+$1.00");
}

#[test]
fn databases_cost_what_aws_publishes() {
    let of = |engine: &str, multi: bool| json!({"Engine": engine, "DBInstanceClass": "db.t3.large", "MultiAZ": multi});
    assert_eq!(whole("RDS", "us-east-1", of("postgres", false)), "+$105.85");
    assert_eq!(whole("RDS", "us-east-1", of("mysql", false)), "+$99.28");
    assert_eq!(whole("RDS", "us-east-1", of("mysql", true)), "+$198.56");
    assert_eq!(whole("RDS", "us-east-1", of("mariadb", false)), "unknown");
}

#[test]
fn a_standby_costs_its_own_list_price_storage_included() {
    let of = |multi: bool| json!({"Engine": "postgres", "DBInstanceClass": "db.t3.medium", "MultiAZ": multi});
    let stored = |multi: bool| {
        let mut state = of(multi);
        (state["StorageType"], state["AllocatedStorage"]) = ("gp2".into(), 100.into());
        state
    };
    assert_eq!(change("RDS", "eu-west-1", of(false), of(true)), "+$56.94");
    assert_eq!(change("RDS", "eu-west-1", stored(false), stored(true)), "+$69.54");
}

#[test]
fn what_has_no_price_of_its_own_costs_nothing() {
    let nothing = "$0.00";
    assert_eq!(whole("IAM_ROLE", "global", json!({"MaxSessionDuration": 3600})), nothing);
    assert_eq!(whole("SECURITY_GROUP", "us-east-1", json!({"IngressRules": {}})), nothing);
}
