//! What a drift costs a month, from the states of both sides.
//!
//! Of a changed resource only what was declared differs between the sides: everything else is priced as it is live,
//! on both, and so cancels. It must never turn "not declared" into "free".

use serde_json::{Map, Value};

use super::ResourceType;
use crate::domain::cost::{CostImpact, Money, MonthlyCost, Prices};
use crate::domain::diff::Change;
use crate::domain::id::Region;
use crate::domain::schema::{self, Shape};
use crate::domain::state::ResourceState;

/// cost(actual) − cost(expected) of one drift.
///
/// `expected` is the declared state, `None` if nothing declares the resource. `live_full` is the whole live state with
/// differences that are not drift taken back, `None` if the resource is gone. `changes` is what differs.
#[must_use]
pub fn impact(
    kind: &dyn ResourceType,
    region: &Region,
    prices: &Prices,
    expected: Option<&ResourceState>,
    live_full: Option<&ResourceState>,
    changes: &[Change],
) -> CostImpact {
    let cost = |state: &ResourceState| kind.monthly_cost(state, region, prices);
    match (expected, live_full) {
        (None, None) => CostImpact::Known(Money::ZERO),
        (Some(expected), None) => CostImpact::between(&cost(expected), &MonthlyCost::default()),
        (None, Some(live)) => CostImpact::between(&MonthlyCost::default(), &cost(live)),
        (Some(expected), Some(live)) => match usage_priced(kind, changes) {
            Some(reason) => CostImpact::Unknown(reason),
            None => CostImpact::between(&cost(&as_declared(kind, expected, live)), &cost(live)),
        },
    }
}

/// Why the impact of the changes cannot be told, if one of them is billed by use.
fn usage_priced(kind: &dyn ResourceType, changes: &[Change]) -> Option<String> {
    changes.iter().find_map(|change| {
        let attribute = change.attribute();
        let (name, why) = kind.usage_priced().iter().find(|(name, _)| *name == attribute)?;
        Some(format!("{name}: {why}"))
    })
}

/// The live state as it would be if every declared attribute were as declared.
fn as_declared(kind: &dyn ResourceType, expected: &ResourceState, live: &ResourceState) -> ResourceState {
    let mut declared = expected.clone();
    for (name, value) in declared.iter_mut() {
        if let (Some(attribute), Some(live)) = (schema::find(kind.attributes(), name), live.get(name)) {
            fill_undeclared(&attribute.shape, value, live);
        }
    }
    live.overlaid_with(&declared)
}

/// Gives a declared object the fields that only the live one has: a field that is not declared is not compared.
/// Keys of a map are a set and declared as a whole, so none is added there.
fn fill_undeclared(shape: &Shape, declared: &mut Value, live: &Value) {
    let (Value::Object(declared), Value::Object(live)) = (declared, live) else { return };
    match shape {
        Shape::Object(fields) => {
            for field in *fields {
                match (declared.get_mut(field.name), live.get(field.name)) {
                    (Some(declared), Some(live)) => fill_undeclared(&field.shape, declared, live),
                    (None, Some(live)) => drop(declared.insert(field.name.to_owned(), live.clone())),
                    (_, None) => {}
                }
            }
        }
        Shape::Map(shape) => fill_entries(shape, declared, live),
        _ => {}
    }
}

fn fill_entries(shape: &Shape, declared: &mut Map<String, Value>, live: &Map<String, Value>) {
    for (key, declared) in declared {
        if let Some(live) = live.get(key) {
            fill_undeclared(shape, declared, live);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::{self, BoxStream, StreamExt};
    use serde_json::json;

    use super::*;
    use crate::domain::schema::{Attribute, Field, Fill, INFO, WARNING};
    use crate::resource::{Aws, Live, ReadError, ReadRequest, changes_of, ec2};

    /// A type of this test: the attributes that a cost can hang on, priced as instances are.
    struct Machine;

    const DEVICE: Shape = Shape::Object(&[
        Field::new("Size", Shape::Integer, Fill::Undefined),
        Field::new("VolumeType", Shape::Text, Fill::Undefined),
        Field::new("Iops", Shape::Integer, Fill::Undefined),
        Field::new("Throughput", Shape::Integer, Fill::Undefined),
    ]);

    const ATTRIBUTES: &[Attribute] = &[
        Attribute::new("BlockDevices", Shape::Map(&DEVICE), Fill::Empty, WARNING, ""),
        Attribute::new("CreditSpecification", Shape::Text, Fill::Null, INFO, ""),
        Attribute::new("InstanceType", Shape::Text, Fill::Undefined, WARNING, ""),
        Attribute::new("PlatformDetails", Shape::Text, Fill::Null, WARNING, ""),
        Attribute::new("State", Shape::Text, Fill::Undefined, WARNING, ""),
        Attribute::new("Tags", Shape::Tags, Fill::Empty, INFO, ""),
    ];

    impl ResourceType for Machine {
        fn name(&self) -> &'static str {
            "MACHINE"
        }
        fn id_form(&self) -> &'static str {
            "any text"
        }
        fn scan_actions(&self) -> &'static [&'static str] {
            &[]
        }
        fn attributes(&self) -> &'static [Attribute] {
            ATTRIBUTES
        }
        fn read<'a>(&'a self, _: &'a Aws, _: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
            stream::empty().boxed()
        }
        fn monthly_cost(&self, state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost {
            ec2::cost::monthly_cost(state, region, prices)
        }
        fn usage_priced(&self) -> &'static [(&'static str, &'static str)] {
            &[("CreditSpecification", "CPU credits are billed by use")]
        }
        fn example(&self) -> ResourceState {
            ResourceState::new()
        }
    }

    fn state(value: Value) -> ResourceState {
        let Value::Object(state) = value else { panic!("a state is an object") };
        state.into()
    }

    fn live() -> ResourceState {
        state(json!({
            "InstanceType": "m5.xlarge", "State": "running", "CreditSpecification": null,
            "Tags": {"Env": "prod"},
            "BlockDevices": {"/dev/sda1": {"Size": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 125}},
        }))
    }

    fn impact_of(expected: Option<Value>, live: Option<&ResourceState>) -> CostImpact {
        let mut prices = Prices::default();
        let listed = [
            ("ec2", "m5.large", "0.096"),
            ("ec2", "m5.xlarge", "0.192"),
            ("ebs", "gp3:storage", "0.08"),
            ("ebs", "gp3:iops", "0.005"),
        ];
        for (service, key, usd) in listed {
            prices.insert("us-east-1", service, key, usd.parse().expect("a decimal"));
        }
        let expected = expected.map(state);
        let changes = match (&expected, live) {
            (Some(expected), Some(live)) => {
                let names = expected.names().map(str::to_owned).collect();
                changes_of(&Machine, expected, &live.restricted_to(&names))
            }
            _ => Vec::new(),
        };
        impact(&Machine, &Region::from("us-east-1"), &prices, expected.as_ref(), live, &changes)
    }

    fn usd(amount: &str) -> Option<rust_decimal::Decimal> {
        amount.parse().ok()
    }

    #[test]
    fn a_changed_resource_costs_the_difference_of_what_was_declared() {
        assert_eq!(impact_of(Some(json!({"InstanceType": "m5.large"})), Some(&live())).to_cents(), usd("70.08"));
    }

    #[test]
    fn what_is_not_declared_is_priced_as_it_is_live_on_both_sides() {
        let stopped = live().with("State", "stopped");
        assert_eq!(impact_of(Some(json!({"InstanceType": "m5.large"})), Some(&stopped)).to_cents(), usd("0"));
        let windows = live().with("PlatformDetails", "Windows");
        assert_eq!(impact_of(Some(json!({"Tags": {}})), Some(&windows)).to_cents(), usd("0"));
        assert_eq!(impact_of(Some(json!({"InstanceType": "m5.large"})), Some(&windows)).to_cents(), None);
    }

    #[test]
    fn a_declared_power_state_costs_the_compute() {
        assert_eq!(impact_of(Some(json!({"State": "stopped"})), Some(&live())).to_cents(), usd("140.16"));
    }

    #[test]
    fn fields_that_a_device_does_not_declare_are_taken_from_the_live_one() {
        let expected = json!({"BlockDevices": {"/dev/sda1": {"Size": 10}}});
        assert_eq!(impact_of(Some(expected), Some(&live())).to_cents(), usd("0.80"));
    }

    #[test]
    fn a_device_more_costs_all_of_it_and_a_device_less_saves_all_of_it() {
        assert_eq!(impact_of(Some(json!({"BlockDevices": {}})), Some(&live())).to_cents(), usd("6.60"));
        let expected = json!({"BlockDevices": {
            "/dev/sda1": {"Size": 20}, "/dev/sdf": {"Size": 100, "VolumeType": "gp3"},
        }});
        assert_eq!(impact_of(Some(expected), Some(&live())).to_cents(), usd("-8"));
    }

    #[test]
    fn a_missing_resource_saves_its_cost_and_an_unmanaged_one_adds_it() {
        assert_eq!(impact_of(Some(json!({"InstanceType": "m5.large"})), None).to_cents(), usd("-70.08"));
        assert_eq!(impact_of(Some(json!({"Tags": {}})), None).to_cents(), None);
        assert_eq!(impact_of(None, Some(&live())).to_cents(), usd("146.76"));
    }

    #[test]
    fn a_change_that_is_billed_by_use_is_unknown_and_says_why() {
        let expected = json!({"InstanceType": "m5.large", "CreditSpecification": "unlimited"});
        let reason = "CreditSpecification: CPU credits are billed by use".to_owned();
        assert_eq!(impact_of(Some(expected), Some(&live())), CostImpact::Unknown(reason));
    }

    #[test]
    fn a_change_without_influence_costs_nothing() {
        assert_eq!(impact_of(Some(json!({"Tags": {}})), Some(&live())), CostImpact::Known(Money::ZERO));
    }
}
