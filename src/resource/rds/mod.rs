//! RDS database instances.
//!
//! One listing tells everything, tags included. Members of clusters are left alone unless declared: their cluster
//! holds most of what matters in them. It must never read or hold a password.

mod attributes;
mod cost;
mod fix;
mod pending;
mod read;
mod severity;
mod version;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use super::{Aws, FixError, FixPlan, FixRequest, FixStep, Live, ReadError, ReadRequest, Receipt, ResourceType, kms};
use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::diff::Change;
use crate::domain::id::{Region, ResourceKey};
use crate::domain::schema::{self, Attribute, StateProblem};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;

/// The RDS database instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rds;

/// Attributes whose values AWS keeps in lower case, however they were given.
const LOWER_CASE: &[&str] = &[
    "DBParameterGroupName",
    "DBSubnetGroupName",
    "OptionGroupName",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
];

/// Attributes that name a KMS key.
const KMS_KEYS: &[&str] = &["KmsKeyId", "PerformanceInsightsKMSKeyId"];

impl ResourceType for Rds {
    fn name(&self) -> &'static str {
        "RDS"
    }

    fn id_form(&self) -> &'static str {
        "DB instance identifier (orders-prod)"
    }

    fn canonical_id(&self, id: &str) -> String {
        id.to_lowercase()
    }

    fn scan_actions(&self) -> &'static [&'static str] {
        &["rds:DescribeDBInstances"]
    }

    fn attributes(&self) -> &'static [Attribute] {
        attributes::ATTRIBUTES
    }

    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
        read::read(aws, request)
    }

    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        let mut problems = schema::check(self.attributes(), state);
        let mut canonical = state.clone();
        self.normalize(&mut canonical);
        problems.extend(schema::check_words(attributes::WORDS, &canonical));
        problems
    }

    fn normalize(&self, state: &mut ResourceState) {
        for (name, value) in state.iter_mut() {
            // AWS and Terraform write "none" as an empty text, too.
            if value.as_str() == Some("") {
                *value = Value::Null;
            }
            if let (true, Value::String(text)) = (LOWER_CASE.contains(&name), value) {
                *text = text.to_lowercase();
            }
        }
        schema::normalize(self.attributes(), state);
    }

    fn align(&self, declared: &ResourceState, live: &mut ResourceState) {
        schema::align(self.attributes(), declared, live);
        align_text(declared, live, "EngineVersion", version::is_prefix);
        for name in KMS_KEYS {
            align_text(declared, live, name, kms::may_be_same);
        }
    }

    fn incomparable(&self, declared: &ResourceState, live: &ResourceState) -> Vec<(String, String)> {
        let key =
            |state: &ResourceState, name: &str| state.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let names = KMS_KEYS.iter().filter(|name| kms::is_incomparable(&key(declared, name), &key(live, name)));
        names.map(|name| (format!("/{name}"), kms::INCOMPARABLE.to_owned())).collect()
    }

    fn severity_within(&self, change: &Change, live: &ResourceState) -> Severity {
        if severity::is_autoscaling(change, live) { Severity::Info } else { self.severity(change) }
    }

    fn monthly_cost(&self, state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost {
        cost::monthly_cost(state, region, prices)
    }

    fn usage_priced(&self) -> &'static [(&'static str, &'static str)] {
        attributes::USAGE_PRICED
    }

    fn fix_actions(&self) -> &'static [&'static str] {
        fix::ACTIONS
    }

    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        Box::pin(fix::plan_fix(aws, request))
    }

    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        Box::pin(fix::call(aws, key, step))
    }

    fn example(&self) -> ResourceState {
        serde_json::from_str(include_str!("example.json")).expect("the example is a JSON object")
    }
}

/// Takes over the declared text where the live one means the same.
fn align_text(declared: &ResourceState, live: &mut ResourceState, name: &str, is_same: fn(&str, &str) -> bool) {
    let (Some(Value::String(declared)), Some(Value::String(live))) = (declared.get(name), live.get_mut(name)) else {
        return;
    };
    if is_same(declared, live) {
        live.clone_from(declared);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(value: Value) -> ResourceState {
        let Value::Object(state) = value else { panic!("a state is an object") };
        state.into()
    }

    fn aligned(name: &str, declared: &str, live: &str) -> String {
        let declared = ResourceState::new().with(name, declared);
        let mut live = ResourceState::new().with(name, live);
        Rds.align(&declared, &mut live);
        live.get(name).and_then(Value::as_str).expect("a text").to_owned()
    }

    #[test]
    fn the_example_holds_every_attribute_and_is_canonical() {
        let example = Rds.example();
        let names: Vec<&str> = Rds.attributes().iter().map(|attribute| attribute.name).collect();
        assert_eq!(example.names().collect::<Vec<_>>(), names, "sorted by name, none left out");
        assert_eq!(Rds.check(&example), []);
        let mut normal = example.clone();
        Rds.normalize(&mut normal);
        assert_eq!(normal, example);
    }

    #[test]
    fn what_aws_writes_in_lower_case_may_be_declared_in_any() {
        let mut declared =
            state(json!({"PreferredMaintenanceWindow": "Sun:05:00-Sun:06:00", "DBSubnetGroupName": "Private"}));
        Rds.normalize(&mut declared);
        let expected = json!({"PreferredMaintenanceWindow": "sun:05:00-sun:06:00", "DBSubnetGroupName": "private"});
        assert_eq!(declared, state(expected));
        assert_eq!(Rds.canonical_id("Orders-Prod"), "orders-prod");
    }

    #[test]
    fn nothing_in_its_several_spellings_is_one_value() {
        let mut declared =
            state(json!({"KmsKeyId": "", "Iops": null, "EnabledCloudwatchLogsExports": [], "MultiAZ": null}));
        Rds.normalize(&mut declared);
        let expected = json!({"KmsKeyId": null, "Iops": 0, "EnabledCloudwatchLogsExports": {}, "MultiAZ": false});
        assert_eq!(declared, state(expected));
    }

    #[test]
    fn a_declared_version_may_be_a_prefix_of_the_live_one() {
        assert_eq!(aligned("EngineVersion", "8.0", "8.0.43"), "8.0");
        assert_eq!(aligned("EngineVersion", "16", "16.4"), "16");
        assert_eq!(aligned("EngineVersion", "8.0", "8.4.3"), "8.4.3");
        assert_eq!(aligned("EngineVersion", "1", "16.4"), "16.4", "a prefix by segments, not by letters");
        assert_eq!(aligned("EngineVersion", "16.4", "16"), "16");
    }

    #[test]
    fn a_key_may_be_declared_by_id_and_is_unknown_by_alias() {
        let id = "11111111-2222-3333-4444-555555555555";
        let arn = &format!("arn:aws:kms:us-east-1:123456789012:key/{id}");
        assert_eq!(aligned("KmsKeyId", id, arn), id);
        assert_eq!(aligned("KmsKeyId", "5555", arn), *arn);
        let state = |key: &str| ResourceState::new().with("KmsKeyId", key);
        assert_eq!(Rds.incomparable(&state(id), &state(arn)), []);
        assert_eq!(aligned("KmsKeyId", "alias/orders", arn), "alias/orders", "no drift");
        assert_eq!(Rds.incomparable(&state("alias/orders"), &state(arn))[0].0, "/KmsKeyId");
        assert_eq!(Rds.incomparable(&state("alias/orders"), &ResourceState::new().with("KmsKeyId", Value::Null)), []);
    }
}
