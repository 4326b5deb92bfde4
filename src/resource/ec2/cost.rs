//! What an EC2 instance costs a month: compute by type, platform and tenancy, and its EBS volumes.
//!
//! Linux on shared tenancy is what the catalogue lists; anything else is unknown. A stopped instance costs its volumes
//! only. Charges by use (CPU credits, I/O requests of magnetic volumes, traffic) are not part of it: configuration
//! does not tell them. A declaration without `BlockDevices` is priced without volumes, as it does not speak of them.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::id::Region;
use crate::domain::state::ResourceState;
use crate::resource::bill::{Amount, Bill, figure, shown, text_of};

const LINUX: &str = "Linux/UNIX";
const SHARED: &str = "default";

/// Families of the years when EBS optimisation was an extra charged by the hour; later ones include it.
const EBS_OPTIMISATION_IS_EXTRA: &[&str] = &["c1", "c3", "g2", "i2", "m1", "m2", "m3", "r3"];

/// IOPS that a gp3 volume includes.
const GP3_FREE_IOPS: u64 = 3000;
/// MiB/s that a gp3 volume includes.
const GP3_FREE_MIBPS: u64 = 125;
/// IOPS up to which io2's first and second tier reach.
const IO2_TIERS: [u64; 2] = [32_000, 64_000];

/// What an instance in this state costs a month.
pub(crate) fn monthly_cost(state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost {
    let mut bill = Bill::new(region, prices);
    if !is_stopped(state) {
        add_running(&mut bill, state);
    }
    let devices = state.get("BlockDevices").and_then(Value::as_object);
    for (device, volume) in devices.into_iter().flatten() {
        add_volume(&mut bill, &format!("volume {device}"), volume.as_object().unwrap_or(&Map::new()));
    }
    bill.into_cost()
}

fn is_stopped(state: &ResourceState) -> bool {
    matches!(text(state, "State"), Some("stopped" | "stopping"))
}

fn text<'s>(state: &'s ResourceState, attribute: &str) -> Option<&'s str> {
    state.get(attribute)?.as_str()
}

/// What is charged only while the instance runs.
fn add_running(bill: &mut Bill<'_>, state: &ResourceState) {
    let instance_type = text(state, "InstanceType");
    let platform = text(state, "PlatformDetails").unwrap_or(LINUX);
    let tenancy = text(state, "Tenancy").unwrap_or(SHARED);
    let amount = match instance_type {
        None => Err("the instance type is not declared".to_owned()),
        Some(_) if platform != LINUX => Err(format!("no list prices for the platform {platform}")),
        Some(_) if tenancy != SHARED => Err(format!("no list prices for {tenancy} tenancy")),
        Some(instance_type) => bill.month("ec2", instance_type),
    };
    let shown_type = instance_type.unwrap_or("-");
    bill.add("compute", format!("{shown_type}, {platform}, {tenancy} tenancy"), amount);

    if state.get("Monitoring") == Some(&Value::Bool(true)) {
        bill.add("detailed monitoring", "on", Err("no list price for detailed monitoring".to_owned()));
    }
    let family = shown_type.split('.').next().unwrap_or_default();
    if state.get("EbsOptimized") == Some(&Value::Bool(true)) && EBS_OPTIMISATION_IS_EXTRA.contains(&family) {
        bill.add("EBS optimisation", shown_type, Err(format!("no list price for EBS optimisation of {shown_type}")));
    }
}

/// Storage, and IOPS and throughput above what the volume type includes.
fn add_volume(bill: &mut Bill<'_>, name: &str, volume: &Map<String, Value>) {
    let (size, iops, throughput) = (volume.get("Size"), volume.get("Iops"), volume.get("Throughput"));
    let Some(volume_type) = text_of(volume, "VolumeType") else {
        let basis = [size, iops, throughput].map(shown).join("/");
        return bill.add(format!("{name} storage"), basis, Err("the volume type is not declared".to_owned()));
    };
    let amount = match figure(size) {
        Some(gib) => bill.units("ebs", &format!("{volume_type}:storage"), gib),
        None => Err("the size is not declared".to_owned()),
    };
    bill.add(format!("{name} storage"), format!("{} GiB {volume_type}", shown(size)), amount);
    match volume_type {
        "gp2" | "st1" | "sc1" | "standard" => {}
        "gp3" => add_gp3_extras(bill, name, figure(iops), figure(throughput)),
        "io1" | "io2" => {
            let amount = match figure(iops) {
                Some(iops) => provisioned_iops(bill, volume_type, iops),
                None => Err("the IOPS are not declared".to_owned()),
            };
            bill.add(format!("{name} IOPS"), format!("{} IOPS {volume_type}", shown(iops)), amount);
        }
        other => {
            let basis = [iops, throughput].map(shown).join("/");
            bill.add(format!("{name} IOPS"), basis, Err(format!("no list prices for volume type {other}")));
        }
    }
}

fn add_gp3_extras(bill: &mut Bill<'_>, name: &str, iops: Option<u64>, throughput: Option<u64>) {
    let extra_iops = iops.unwrap_or_default().saturating_sub(GP3_FREE_IOPS);
    if extra_iops > 0 {
        let amount = bill.units("ebs", "gp3:iops", extra_iops);
        bill.add(format!("{name} IOPS"), format!("{extra_iops} extra IOPS gp3"), amount);
    }
    let extra_mibps = throughput.unwrap_or_default().saturating_sub(GP3_FREE_MIBPS);
    if extra_mibps > 0 {
        // Listed per GiB/s.
        let amount = bill.units("ebs", "gp3:throughput", extra_mibps).map(|usd| usd / Decimal::from(1024));
        bill.add(format!("{name} throughput"), format!("{extra_mibps} extra MiB/s gp3"), amount);
    }
}

fn provisioned_iops(bill: &Bill<'_>, volume_type: &str, iops: u64) -> Amount {
    if volume_type == "io1" {
        return bill.units("ebs", "io1:iops", iops);
    }
    let [first, second] = IO2_TIERS;
    let tiers = [
        ("io2:iops:t1", iops.min(first)),
        ("io2:iops:t2", iops.clamp(first, second) - first),
        ("io2:iops:t3", iops.saturating_sub(second)),
    ];
    let filled = tiers.into_iter().filter(|(_, iops)| *iops > 0);
    filled.map(|(key, iops)| bill.units("ebs", key, iops)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::cost::{CostImpact, Money};

    /// Some list prices of us-east-1, written here so that the expected amounts can be checked by hand.
    fn prices() -> Prices {
        let mut prices = Prices::default();
        let listed = [
            ("ec2", "t3.medium", "0.0416"),
            ("ec2", "m5.large", "0.096"),
            ("ec2", "m5.xlarge", "0.192"),
            ("ebs", "gp2:storage", "0.1"),
            ("ebs", "gp3:storage", "0.08"),
            ("ebs", "gp3:iops", "0.005"),
            ("ebs", "gp3:throughput", "40.96"),
            ("ebs", "io1:storage", "0.125"),
            ("ebs", "io1:iops", "0.065"),
            ("ebs", "io2:storage", "0.125"),
            ("ebs", "io2:iops:t1", "0.065"),
            ("ebs", "io2:iops:t2", "0.0455"),
            ("ebs", "io2:iops:t3", "0.03185"),
            ("ebs", "st1:storage", "0.045"),
            ("ebs", "sc1:storage", "0.015"),
            ("ebs", "standard:storage", "0.05"),
        ];
        for (service, key, usd) in listed {
            prices.insert("us-east-1", service, key, usd.parse().expect("a decimal"));
        }
        prices
    }

    fn cost(state: Value) -> MonthlyCost {
        let Value::Object(state) = state else { panic!("a state is an object") };
        monthly_cost(&state.into(), &Region::from("us-east-1"), &prices())
    }

    fn total(cost: &MonthlyCost) -> CostImpact {
        CostImpact::between(&MonthlyCost::default(), cost)
    }

    fn cents(state: Value) -> Option<String> {
        total(&cost(state)).to_cents().map(|usd| format!("{usd:.2}"))
    }

    fn volume(fields: &Value) -> Value {
        json!({"State": "stopped", "BlockDevices": {"/dev/sdf": fields}})
    }

    #[test]
    fn volumes_cost_what_aws_lists() {
        let vectors = [
            (json!({"VolumeType": "gp2", "Size": 8, "Iops": 100}), "0.80"),
            (json!({"VolumeType": "gp3", "Size": 40}), "3.20"),
            (json!({"VolumeType": "gp3", "Size": 40, "Iops": 3000, "Throughput": 125}), "3.20"),
            (json!({"VolumeType": "gp3", "Size": 40, "Iops": 3001}), "3.21"),
            (json!({"VolumeType": "gp3", "Size": 40, "Iops": 4000}), "8.20"),
            (json!({"VolumeType": "gp3", "Size": 40, "Throughput": 130}), "3.40"),
            (json!({"VolumeType": "gp3", "Size": 40, "Iops": 4000, "Throughput": 130}), "8.40"),
            (json!({"VolumeType": "io1", "Size": 30, "Iops": 300}), "23.25"),
            (json!({"VolumeType": "io2", "Size": 8, "Iops": 32_000}), "2081.00"),
            (json!({"VolumeType": "io2", "Size": 8, "Iops": 64_000}), "3537.00"),
            (json!({"VolumeType": "io2", "Size": 8, "Iops": 65_000}), "3568.85"),
            (json!({"VolumeType": "st1", "Size": 40}), "1.80"),
            (json!({"VolumeType": "sc1", "Size": 50}), "0.75"),
            (json!({"VolumeType": "standard", "Size": 20}), "1.00"),
        ];
        for (fields, expected) in vectors {
            assert_eq!(cents(volume(&fields)).as_deref(), Some(expected), "{fields}");
        }
    }

    #[test]
    fn compute_is_730_hours_of_the_type() {
        assert_eq!(cents(json!({"InstanceType": "t3.medium"})).as_deref(), Some("30.37"));
        let (large, xlarge) = (cost(json!({"InstanceType": "m5.large"})), cost(json!({"InstanceType": "m5.xlarge"})));
        assert_eq!(CostImpact::between(&large, &xlarge), CostImpact::Known(Money("70.08".parse().unwrap())));
    }

    #[test]
    fn a_stopped_instance_costs_its_volumes_only() {
        let devices = json!({"/dev/sda1": {"VolumeType": "gp2", "Size": 8}});
        let stopped =
            json!({"InstanceType": "m5.large", "State": "stopped", "Monitoring": true, "BlockDevices": devices});
        assert_eq!(cents(stopped).as_deref(), Some("0.80"));
        let running = json!({"InstanceType": "m5.large", "State": "running", "BlockDevices": devices});
        assert_eq!(cents(running).as_deref(), Some("70.88"));
    }

    #[test]
    fn what_the_list_does_not_hold_is_unknown() {
        let unknown = [
            json!({}),
            json!({"InstanceType": "u-24tb1.metal"}),
            json!({"InstanceType": "m5.large", "PlatformDetails": "Windows"}),
            json!({"InstanceType": "m5.large", "Tenancy": "dedicated"}),
            json!({"InstanceType": "m5.large", "Monitoring": true}),
            volume(&json!({"Size": 8})),
            volume(&json!({"VolumeType": "gp3", "Size": null})),
            volume(&json!({"VolumeType": "io1", "Size": 8})),
            volume(&json!({"VolumeType": "gp9", "Size": 8})),
        ];
        for state in unknown {
            assert_eq!(cents(state.clone()), None, "{state}");
        }
        let other_region =
            monthly_cost(&ResourceState::new().with("InstanceType", "m5.large"), &Region::from("sa-east-1"), &prices());
        let reason = "compute: no list price for ec2 m5.large in sa-east-1".to_owned();
        assert_eq!(total(&other_region), CostImpact::Unknown(reason));
    }

    #[test]
    fn an_unknown_part_that_is_equal_on_both_sides_cancels() {
        let windows = |size| {
            cost(json!({
                "InstanceType": "m5.large", "PlatformDetails": "Windows", "Monitoring": true,
                "BlockDevices": {"/dev/sda1": {"VolumeType": "gp2", "Size": size}},
            }))
        };
        assert_eq!(CostImpact::between(&windows(8), &windows(18)).to_cents(), Some("1.00".parse().unwrap()));
    }

    #[test]
    fn a_volume_of_an_unlisted_type_cancels_only_while_nothing_of_it_changes() {
        let of = |iops| cost(volume(&json!({"VolumeType": "gp9", "Size": 8, "Iops": iops})));
        assert_eq!(CostImpact::between(&of(1), &of(1)), CostImpact::Known(Money::ZERO));
        assert_eq!(CostImpact::between(&of(1), &of(2)).to_cents(), None);
    }

    fn any_state() -> impl Strategy<Value = Value> {
        let volume_type = prop::sample::select(vec!["gp2", "gp3", "io1", "io2", "st1", "standard", "gp9"]);
        let volume = (volume_type, 0..200u64, 0..70_000u64, 0..1000u64);
        let volume = volume.prop_map(|(kind, size, iops, throughput)| {
            json!({"VolumeType": kind, "Size": size, "Iops": iops, "Throughput": throughput})
        });
        let devices = prop::collection::btree_map("/dev/sd[a-c]", volume, 0..3);
        let of = |choices: &'static [&'static str]| prop::sample::select(choices);
        let instance = (
            of(&["t3.medium", "m5.large", "m5.xlarge", "x9.huge"]),
            of(&["Linux/UNIX", "Windows"]),
            of(&["default", "host"]),
            of(&["running", "stopped"]),
            any::<bool>(),
        );
        (instance, devices).prop_map(|((kind, platform, tenancy, power, monitoring), devices)| {
            json!({
                "InstanceType": kind, "PlatformDetails": platform, "Tenancy": tenancy, "State": power,
                "Monitoring": monitoring, "BlockDevices": devices,
            })
        })
    }

    proptest! {
        #[test]
        fn the_sign_flips_when_the_sides_swap(a in any_state(), b in any_state()) {
            let (a, b) = (cost(a), cost(b));
            match (CostImpact::between(&a, &b), CostImpact::between(&b, &a)) {
                (CostImpact::Known(Money(there)), CostImpact::Known(Money(back))) => prop_assert_eq!(there, -back),
                (CostImpact::Unknown(_), CostImpact::Unknown(_)) => {}
                (there, back) => prop_assert!(false, "{there:?} there, {back:?} back"),
            }
        }

        #[test]
        fn an_unchanged_instance_has_no_impact_however_little_is_known_of_it(a in any_state()) {
            prop_assert_eq!(CostImpact::between(&cost(a.clone()), &cost(a)), CostImpact::Known(Money::ZERO));
        }

        #[test]
        fn an_unknown_part_that_differs_leaves_the_whole_unknown(a in any_state(), b in any_state()) {
            let (a, b) = (cost(a), cost(b));
            let unknown = |one: &MonthlyCost, other: &MonthlyCost| {
                one.parts.iter().any(|part| part.amount.is_err() && !other.parts.contains(part))
            };
            let known = CostImpact::between(&a, &b).to_cents().is_some();
            prop_assert_eq!(known, !unknown(&a, &b) && !unknown(&b, &a));
        }
    }
}
