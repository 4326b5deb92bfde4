//! Money and monthly cost: exact decimals, 730-hour months, unknown is not zero.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// Hours of a month, as AWS's own calculator counts them.
pub const HOURS_PER_MONTH: Decimal = Decimal::from_parts(730, 0, 0, false, 0);

/// An amount of US dollars, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub Decimal);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The amount to two decimals, half away from zero, as the database keeps it.
    #[must_use]
    pub fn to_cents(self) -> Decimal {
        self.0.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    }
}

impl fmt::Display for Money {
    /// Signed, to two decimals: `+$70.08`, `-$12.60`, `$0.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.to_cents();
        let sign = if cents.is_zero() {
            ""
        } else if cents.is_sign_negative() {
            "-"
        } else {
            "+"
        };
        f.pad(&format!("{sign}${:.2}", cents.abs()))
    }
}

/// One component of what a resource costs a month: instance hours, a volume's storage, IOPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostPart {
    /// What it is, stable across both sides of a comparison: `compute`, `volume /dev/sda1 storage`.
    pub name: String,
    /// What the price depends on (`m5.large, Linux, us-east-1`). Parts equal in name and basis cancel.
    pub basis: String,
    /// US dollars a month, or why that is unknown.
    pub amount: Result<Money, String>,
}

/// What a resource costs a month, part by part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyCost {
    /// The parts, in a fixed order.
    pub parts: Vec<CostPart>,
}

impl MonthlyCost {
    /// Adds a part with a known amount.
    pub fn push(&mut self, name: impl Into<String>, basis: impl Into<String>, amount: Decimal) {
        self.parts.push(CostPart { name: name.into(), basis: basis.into(), amount: Ok(Money(amount)) });
    }

    /// Adds a part whose amount is unknown, with the reason (`no price for x1e.32xlarge in eu-north-1`).
    pub fn push_unknown(&mut self, name: impl Into<String>, basis: impl Into<String>, reason: impl Into<String>) {
        self.parts.push(CostPart { name: name.into(), basis: basis.into(), amount: Err(reason.into()) });
    }
}

/// What a drift costs a month: actual less expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CostImpact {
    /// US dollars a month; zero means known to cost nothing.
    Known(Money),
    /// Not known, and why. Stored as NULL, never guessed.
    Unknown(String),
}

impl CostImpact {
    /// The amount to two decimals; `None` if unknown.
    #[must_use]
    pub fn to_cents(&self) -> Option<Decimal> {
        match self {
            Self::Known(money) => Some(money.to_cents()),
            Self::Unknown(_) => None,
        }
    }

    /// cost(actual) − cost(expected), parts that are equal on both sides cancelled even if their price is unknown.
    #[must_use]
    pub fn between(expected: &MonthlyCost, actual: &MonthlyCost) -> Self {
        let mut sum = Decimal::ZERO;
        let only_in = |a: &MonthlyCost, b: &MonthlyCost| {
            let same = |p: &CostPart, q: &CostPart| p.name == q.name && p.basis == q.basis;
            a.parts.iter().filter(|p| !b.parts.iter().any(|q| same(p, q))).cloned().collect::<Vec<_>>()
        };
        for (parts, sign) in
            [(only_in(actual, expected), Decimal::ONE), (only_in(expected, actual), Decimal::NEGATIVE_ONE)]
        {
            for part in parts {
                match part.amount {
                    Ok(Money(amount)) => sum += sign * amount,
                    Err(reason) => return Self::Unknown(format!("{}: {reason}", part.name)),
                }
            }
        }
        Self::Known(Money(sum))
    }
}

impl Serialize for CostImpact {
    /// As a stored drift tells it: the amount, else why there is none.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = match self {
            Self::Known(_) => None,
            Self::Unknown(reason) => Some(reason),
        };
        let mut fields = serializer.serialize_struct("CostImpact", 2)?;
        fields.serialize_field("cost_impact_monthly", &self.to_cents().map(to_text))?;
        fields.serialize_field("cost_unknown_reason", &reason)?;
        fields.end()
    }
}

/// Serialises an amount with its cents, as the database keeps it: `70.08`, `0.00`; `null` if unknown.
///
/// # Errors
/// Those of the serializer.
pub fn cents<S: Serializer>(amount: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    amount.map(to_text).serialize(serializer)
}

fn to_text(cents: Decimal) -> String {
    format!("{cents:.2}")
}

impl fmt::Display for CostImpact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(money) => money.fmt(f),
            Self::Unknown(_) => f.pad("unknown"),
        }
    }
}

/// One snapshot of AWS's public on-demand list prices.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    // Nested rather than keyed by a tuple, so that a look-up allocates nothing and a region is stored once.
    by_region: BTreeMap<String, BTreeMap<&'static str, BTreeMap<Box<str>, Price>>>,
}

#[derive(Debug, Clone, Copy)]
struct Price {
    usd: Decimal,
    listing: Option<Listing>,
}

/// Where a price comes from: every price of a catalogue group shares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Who published the list.
    pub source: &'static str,
    /// The day on which the list was AWS's.
    pub as_of: NaiveDate,
}

impl Prices {
    /// Adds a price of unnamed origin. `service` is `ec2`, `ebs` or `rds`; the key is the catalogue's
    /// (`gp3:storage`, `m5.large`).
    pub fn insert(&mut self, region: &str, service: &'static str, key: &str, usd: Decimal) {
        self.put(region, service, key, Price { usd, listing: None });
    }

    /// Adds a price, with the list that it comes from.
    pub fn insert_listed(&mut self, region: &str, service: &'static str, key: &str, usd: Decimal, listing: Listing) {
        self.put(region, service, key, Price { usd, listing: Some(listing) });
    }

    /// US dollars per unit of the catalogue (hour, GiB-month, IOPS-month); `None` if it is not known there.
    /// Never borrowed from another region, platform or engine.
    #[must_use]
    pub fn find(&self, region: &str, service: &'static str, key: &str) -> Option<Decimal> {
        self.get(region, service, key).map(|price| price.usd)
    }

    /// The list that a price comes from; `None` if there is no such price, or nobody said.
    #[must_use]
    pub fn listing(&self, region: &str, service: &'static str, key: &str) -> Option<Listing> {
        self.get(region, service, key)?.listing
    }

    /// The days of the oldest and the newest list that a region's prices of one service come from, for messages such
    /// as "list prices of 2025-11"; `None` if nothing there has a date.
    #[must_use]
    pub fn as_of(&self, region: &str, service: &'static str) -> Option<(NaiveDate, NaiveDate)> {
        let prices = self.by_region.get(region)?.get(service)?;
        let days = || prices.values().filter_map(|price| Some(price.listing?.as_of));
        Some((days().min()?, days().max()?))
    }

    /// Every price: region, service, key, US dollars; sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static str, &str, Decimal)> {
        self.by_region.iter().flat_map(|(region, services)| {
            services.iter().flat_map(move |(service, prices)| {
                prices.iter().map(move |(key, price)| (region.as_str(), *service, &**key, price.usd))
            })
        })
    }

    fn put(&mut self, region: &str, service: &'static str, key: &str, price: Price) {
        let services = self.by_region.entry(region.to_owned()).or_default();
        services.entry(service).or_default().insert(key.into(), price);
    }

    fn get(&self, region: &str, service: &'static str, key: &str) -> Option<&Price> {
        self.by_region.get(region)?.get(service)?.get(key)
    }
}
