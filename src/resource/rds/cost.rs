//! What an RDS instance costs a month: its class, its storage, provisioned IOPS and throughput.
//!
//! `MySQL` and PostgreSQL are what the catalogue lists; other engines, and members of clusters, are unknown. A Multi-AZ
//! instance has prices of its own, which hold the standby: nothing is doubled here. Charges by use (backups above the
//! free part, I/O requests of magnetic storage, extended support) are not part of it. A declaration that names no
//! storage attribute is priced without storage, as it does not speak of it.

use serde_json::Value;

use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::id::Region;
use crate::domain::state::ResourceState;
use crate::resource::bill::{Bill, figure, shown};

/// Attributes that the price of any engine may depend on.
const PRICED: &[&str] = &[
    "Engine",
    "LicenseModel",
    "DBInstanceClass",
    "MultiAZ",
    "StorageType",
    "AllocatedStorage",
    "Iops",
    "StorageThroughput",
];

/// Least billed size and IOPS of provisioned-IOPS storage.
const PROVISIONED_MIN_GIB: u64 = 100;
const PROVISIONED_MIN_IOPS: u64 = 1000;

/// From this size on, gp3 storage is striped and includes more.
const GP3_STRIPED_FROM_GIB: u64 = 400;
/// IOPS and MiB/s that gp3 storage includes.
const GP3_FREE: (u64, u64) = (3000, 125);
/// The same when striped.
const GP3_FREE_STRIPED: (u64, u64) = (12_000, 500);

/// What a database in this state costs a month.
pub(super) fn monthly_cost(state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost {
    let mut bill = Bill::new(region, prices);
    let unpriced = match text(state, "Engine") {
        _ if text(state, "DBClusterIdentifier").is_some() => "no list prices for members of clusters".to_owned(),
        None => "the engine is not declared".to_owned(),
        Some(engine @ ("mysql" | "postgres")) => {
            let zones = if state.get("MultiAZ") == Some(&Value::Bool(true)) { "multi-az" } else { "single-az" };
            add_compute(&mut bill, state, engine, zones);
            add_storage(&mut bill, state, &format!("{engine}:{zones}"));
            return bill.into_cost();
        }
        Some(other) => format!("no list prices for the engine {other}"),
    };
    let basis: Vec<String> = PRICED.iter().map(|attribute| shown(state.get(attribute))).collect();
    bill.add("database", basis.join("/"), Err(unpriced));
    bill.into_cost()
}

fn text<'s>(state: &'s ResourceState, attribute: &str) -> Option<&'s str> {
    state.get(attribute)?.as_str()
}

fn add_compute(bill: &mut Bill<'_>, state: &ResourceState, engine: &str, zones: &str) {
    let class = text(state, "DBInstanceClass");
    let amount = match class {
        Some(class) => bill.month("rds", &format!("{engine}:{zones}:{class}")),
        None => Err("the instance class is not declared".to_owned()),
    };
    bill.add("compute", format!("{}, {engine}, {zones}", class.unwrap_or("-")), amount);
}

fn add_storage(bill: &mut Bill<'_>, state: &ResourceState, offer: &str) {
    let [size, iops, throughput] = ["AllocatedStorage", "Iops", "StorageThroughput"].map(|name| state.get(name));
    let Some(storage_type) = text(state, "StorageType") else {
        if [size, iops, throughput].iter().any(Option::is_some) {
            let basis = [size, iops, throughput].map(shown).join("/");
            bill.add("storage", basis, Err("the storage type is not declared".to_owned()));
        }
        return;
    };
    let is_provisioned = matches!(storage_type, "io1" | "io2");
    let billed = figure(size).map(|gib| if is_provisioned { gib.max(PROVISIONED_MIN_GIB) } else { gib });
    let amount = match billed {
        Some(gib) => bill.units("rds", &format!("{offer}:storage:{storage_type}"), gib),
        None => Err("the allocated storage is not declared".to_owned()),
    };
    bill.add("storage", format!("{} GiB {storage_type}, {offer}", shown(size)), amount);
    match storage_type {
        "gp2" | "standard" => {}
        "gp3" => add_gp3_extras(bill, offer, figure(size), figure(iops), figure(throughput)),
        "io1" | "io2" => {
            let billed = figure(iops).unwrap_or_default().max(PROVISIONED_MIN_IOPS);
            let amount = bill.units("rds", &format!("{offer}:iops:{storage_type}"), billed);
            bill.add("IOPS", format!("{billed} IOPS {storage_type}, {offer}"), amount);
        }
        other => {
            let basis = [iops, throughput].map(shown).join("/");
            bill.add("IOPS", basis, Err(format!("no list prices for storage type {other}")));
        }
    }
}

fn add_gp3_extras(bill: &mut Bill<'_>, offer: &str, gib: Option<u64>, iops: Option<u64>, throughput: Option<u64>) {
    let is_striped = gib.is_some_and(|gib| gib >= GP3_STRIPED_FROM_GIB);
    let (free_iops, free_mibps) = if is_striped { GP3_FREE_STRIPED } else { GP3_FREE };
    let extra_iops = iops.unwrap_or_default().saturating_sub(free_iops);
    if extra_iops > 0 {
        let amount = bill.units("rds", &format!("{offer}:iops:gp3"), extra_iops);
        bill.add("IOPS", format!("{extra_iops} extra IOPS gp3, {offer}"), amount);
    }
    let extra_mibps = throughput.unwrap_or_default().saturating_sub(free_mibps);
    if extra_mibps > 0 {
        let amount = bill.units("rds", &format!("{offer}:throughput:gp3"), extra_mibps);
        bill.add("throughput", format!("{extra_mibps} extra MiB/s gp3, {offer}"), amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::cost::{CostImpact, Money};

    /// Some list prices, written here so that the expected amounts can be checked by hand.
    fn prices() -> Prices {
        let mut prices = Prices::default();
        let listed = [
            ("us-east-1", "mysql:single-az:db.t3.large", "0.136"),
            ("us-east-1", "mysql:multi-az:db.t3.large", "0.272"),
            ("us-east-1", "postgres:single-az:db.t3.large", "0.145"),
            ("us-east-1", "mysql:single-az:storage:gp2", "0.115"),
            ("us-east-1", "mysql:multi-az:storage:gp2", "0.23"),
            ("us-east-1", "mysql:single-az:storage:gp3", "0.115"),
            ("us-east-1", "mysql:single-az:iops:gp3", "0.02"),
            ("us-east-1", "mysql:single-az:throughput:gp3", "0.08"),
            ("us-east-1", "mysql:single-az:storage:io1", "0.125"),
            ("us-east-1", "mysql:single-az:iops:io1", "0.1"),
            ("us-east-1", "mysql:single-az:storage:standard", "0.1"),
            ("eu-west-1", "postgres:single-az:db.t3.medium", "0.078"),
            ("eu-west-1", "postgres:multi-az:db.t3.medium", "0.156"),
            ("eu-west-1", "postgres:single-az:storage:gp2", "0.127"),
            ("eu-west-1", "postgres:multi-az:storage:gp2", "0.253"),
        ];
        for (region, key, usd) in listed {
            prices.insert(region, "rds", key, usd.parse().expect("a decimal"));
        }
        prices
    }

    fn cost_in(region: &str, state: Value) -> MonthlyCost {
        let Value::Object(state) = state else { panic!("a state is an object") };
        monthly_cost(&state.into(), &Region::from(region), &prices())
    }

    fn total(cost: &MonthlyCost) -> CostImpact {
        CostImpact::between(&MonthlyCost::default(), cost)
    }

    fn cents(state: Value) -> Option<String> {
        total(&cost_in("us-east-1", state)).to_cents().map(|usd| format!("{usd:.2}"))
    }

    /// The amounts of the parts that are not compute.
    fn storage(fields: Value) -> Option<String> {
        let class = json!({"Engine": "mysql", "DBInstanceClass": "db.t3.large"});
        let (Value::Object(mut state), Value::Object(fields)) = (class.clone(), fields) else { return None };
        state.extend(fields);
        let (without, with) = (cost_in("us-east-1", class), cost_in("us-east-1", Value::Object(state)));
        CostImpact::between(&without, &with).to_cents().map(|usd| format!("{usd:.2}"))
    }

    #[test]
    fn classes_cost_what_aws_lists() {
        let of =
            |engine: &str, multi: bool| json!({"Engine": engine, "DBInstanceClass": "db.t3.large", "MultiAZ": multi});
        assert_eq!(cents(of("mysql", false)).as_deref(), Some("99.28"));
        assert_eq!(cents(of("mysql", true)).as_deref(), Some("198.56"));
        assert_eq!(cents(of("postgres", false)).as_deref(), Some("105.85"));
    }

    #[test]
    fn storage_costs_what_aws_lists() {
        let vectors = [
            (json!({"StorageType": "gp2", "AllocatedStorage": 20}), "2.30"),
            (json!({"StorageType": "io1", "AllocatedStorage": 100, "Iops": 1200}), "132.50"),
            (json!({"StorageType": "io1", "AllocatedStorage": 20, "Iops": 300}), "112.50"),
            (json!({"StorageType": "gp3", "AllocatedStorage": 100, "Iops": 3000, "StorageThroughput": 125}), "11.50"),
            (json!({"StorageType": "gp3", "AllocatedStorage": 399, "Iops": 4000, "StorageThroughput": 135}), "66.69"),
            (json!({"StorageType": "gp3", "AllocatedStorage": 400, "Iops": 12_000, "StorageThroughput": 500}), "46.00"),
            (json!({"StorageType": "gp3", "AllocatedStorage": 400, "Iops": 13_000, "StorageThroughput": 510}), "66.80"),
            (json!({"StorageType": "standard", "AllocatedStorage": 20}), "2.00"),
        ];
        for (fields, expected) in vectors {
            assert_eq!(storage(fields.clone()).as_deref(), Some(expected), "{fields}");
        }
        let multi = json!({
            "Engine": "mysql", "DBInstanceClass": "db.t3.large", "MultiAZ": true,
            "StorageType": "gp2", "AllocatedStorage": 30,
        });
        assert_eq!(cents(multi).as_deref(), Some("205.46"));
    }

    #[test]
    fn a_standby_costs_its_own_list_price() {
        let of = |multi: bool| json!({"Engine": "postgres", "DBInstanceClass": "db.t3.medium", "MultiAZ": multi});
        let impact = |a, b| CostImpact::between(&cost_in("eu-west-1", a), &cost_in("eu-west-1", b)).to_string();
        assert_eq!(impact(of(false), of(true)), "+$56.94");
        let with_storage = |multi: bool| {
            let mut state = of(multi);
            state["StorageType"] = "gp2".into();
            state["AllocatedStorage"] = 100.into();
            state
        };
        assert_eq!(impact(with_storage(false), with_storage(true)), "+$69.54");
    }

    #[test]
    fn what_the_list_does_not_hold_is_unknown() {
        let unknown = [
            json!({}),
            json!({"Engine": "mysql"}),
            json!({"Engine": "mysql", "DBInstanceClass": "db.x9.huge"}),
            json!({"Engine": "mariadb", "DBInstanceClass": "db.t3.large"}),
            json!({"Engine": "mysql", "DBInstanceClass": "db.t3.large", "DBClusterIdentifier": "orders"}),
            json!({"Engine": "mysql", "DBInstanceClass": "db.t3.large", "AllocatedStorage": 20}),
            json!({"Engine": "mysql", "DBInstanceClass": "db.t3.large", "StorageType": "gp2"}),
            json!({"Engine": "mysql", "DBInstanceClass": "db.t3.large", "StorageType": "gp9", "AllocatedStorage": 20}),
        ];
        for state in unknown {
            assert_eq!(cents(state.clone()), None, "{state}");
        }
    }

    #[test]
    fn an_unlisted_engine_cancels_only_while_nothing_priced_changes() {
        let of = |class: &str, iops| {
            cost_in("us-east-1", json!({"Engine": "mariadb", "DBInstanceClass": class, "Iops": iops, "Port": 1}))
        };
        assert_eq!(CostImpact::between(&of("db.t3.large", 0), &of("db.t3.large", 0)), CostImpact::Known(Money::ZERO));
        assert_eq!(CostImpact::between(&of("db.t3.large", 0), &of("db.t3.small", 0)).to_cents(), None);
        assert_eq!(CostImpact::between(&of("db.t3.large", 0), &of("db.t3.large", 9)).to_cents(), None);
    }

    fn any_state() -> impl Strategy<Value = Value> {
        let of = |choices: &'static [&'static str]| prop::sample::select(choices);
        let fields = (
            of(&["mysql", "postgres", "mariadb"]),
            of(&["db.t3.large", "db.t3.medium"]),
            any::<bool>(),
            of(&["gp2", "gp3", "io1", "standard", "gp9"]),
            (0..800u64, 0..20_000u64, 0..900u64),
        );
        fields.prop_map(|(engine, class, multi, kind, (size, iops, throughput))| {
            json!({
                "Engine": engine, "DBInstanceClass": class, "MultiAZ": multi, "StorageType": kind,
                "AllocatedStorage": size, "Iops": iops, "StorageThroughput": throughput,
            })
        })
    }

    proptest! {
        #[test]
        fn the_sign_flips_when_the_sides_swap(a in any_state(), b in any_state()) {
            let (a, b) = (cost_in("us-east-1", a), cost_in("us-east-1", b));
            match (CostImpact::between(&a, &b), CostImpact::between(&b, &a)) {
                (CostImpact::Known(Money(there)), CostImpact::Known(Money(back))) => prop_assert_eq!(there, -back),
                (CostImpact::Unknown(_), CostImpact::Unknown(_)) => {}
                (there, back) => prop_assert!(false, "{there:?} there, {back:?} back"),
            }
        }

        #[test]
        fn an_unchanged_database_has_no_impact_however_little_is_known_of_it(a in any_state()) {
            let (a, b) = (cost_in("us-east-1", a.clone()), cost_in("us-east-1", a));
            prop_assert_eq!(CostImpact::between(&a, &b), CostImpact::Known(Money::ZERO));
        }
    }
}
