//! What the cost functions of the types share: reading a state's figures, pricing them in one region.
//!
//! A bill never guesses: a figure or a price that is not there makes the part unknown, with the reason in words.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::cost::{HOURS_PER_MONTH, MonthlyCost, Prices};
use crate::domain::id::Region;

/// US dollars a month, or why that is unknown.
pub(super) type Amount = Result<Decimal, String>;

/// The parts of one resource's monthly cost, priced in one region.
pub(super) struct Bill<'a> {
    region: &'a Region,
    prices: &'a Prices,
    cost: MonthlyCost,
}

impl<'a> Bill<'a> {
    pub(super) fn new(region: &'a Region, prices: &'a Prices) -> Self {
        Self { region, prices, cost: MonthlyCost::default() }
    }

    /// Adds a part. `basis` names everything that the amount depends on: equal parts of two bills cancel by it.
    pub(super) fn add(&mut self, name: impl Into<String>, basis: impl AsRef<str>, amount: Amount) {
        let basis = format!("{}, {}", basis.as_ref(), self.region);
        match amount {
            Ok(amount) => self.cost.push(name, basis, amount),
            Err(reason) => self.cost.push_unknown(name, basis, reason),
        }
    }

    /// The list price of one unit.
    pub(super) fn price(&self, service: &'static str, key: &str) -> Amount {
        let price = self.prices.find(self.region.as_str(), service, key);
        price.ok_or_else(|| format!("no list price for {service} {key} in {}", self.region))
    }

    /// `quantity` units at the list price.
    pub(super) fn units(&self, service: &'static str, key: &str, quantity: u64) -> Amount {
        Ok(self.price(service, key)? * Decimal::from(quantity))
    }

    /// One unit for every hour of a month.
    pub(super) fn month(&self, service: &'static str, key: &str) -> Amount {
        Ok(self.price(service, key)? * HOURS_PER_MONTH)
    }

    pub(super) fn into_cost(self) -> MonthlyCost {
        self.cost
    }
}

/// A figure of a state: `None` if it is absent, `null` or zero, which AWS uses alike for "not provisioned".
pub(super) fn figure(value: Option<&Value>) -> Option<u64> {
    value?.as_u64().filter(|figure| *figure != 0)
}

/// A text of a JSON object.
pub(super) fn text_of<'v>(object: &'v Map<String, Value>, field: &str) -> Option<&'v str> {
    object.get(field)?.as_str()
}

/// A value as a basis shows it: a text without quotes, `-` for what is absent or `null`.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
