//! CORS rules: the first one that matches a request applies, so their order bears meaning, but only between rules that
//! one request may both match.
//!
//! Canonical order is the least one with the same meaning, so that two lists that no browser can tell apart are equal.
//! Rules are written in one order and given back in another by tools that keep them as a set.

use std::collections::BTreeSet;

use serde_json::Value;

/// Sorts what may be sorted: of the rules that no earlier one may stand in the way of, the least comes first.
pub(super) fn sort(rules: &mut Vec<Value>) {
    let mut left: Vec<Value> = std::mem::take(rules);
    while !left.is_empty() {
        let is_free = |at: &usize| left[..*at].iter().all(|earlier| !may_both_match(earlier, &left[*at]));
        let next = (0..left.len()).filter(is_free).min_by_key(|at| left[*at].to_string()).unwrap_or_default();
        rules.push(left.remove(next));
    }
}

/// Whether one request may match both rules: they share a method and an origin. What cannot be told counts as shared.
pub(crate) fn may_both_match(one: &Value, other: &Value) -> bool {
    let shares = |field: &str| match (texts(one, field), texts(other, field)) {
        (Some(one), Some(other)) => one.iter().chain(&other).any(|text| text.contains('*')) || !one.is_disjoint(&other),
        _ => true,
    };
    shares("AllowedMethods") && shares("AllowedOrigins")
}

fn texts<'a>(rule: &'a Value, field: &str) -> Option<BTreeSet<&'a str>> {
    rule.get(field)?.as_array()?.iter().map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sorted(mut rules: Vec<Value>) -> Vec<Value> {
        sort(&mut rules);
        rules
    }

    fn rule(method: &str, origin: &str) -> Value {
        json!({"AllowedMethods": [method], "AllowedOrigins": [origin]})
    }

    #[test]
    fn order_is_free_where_no_request_matches_two_rules_and_kept_where_one_may() {
        let (read, write) = (rule("GET", "*"), rule("PUT", "*"));
        assert_eq!(sorted(vec![read.clone(), write.clone()]), sorted(vec![write.clone(), read.clone()]));
        let narrow = rule("GET", "https://www.example.com");
        assert_eq!(sorted(vec![read.clone(), narrow.clone()]), [read.clone(), narrow.clone()]);
        assert_eq!(sorted(vec![narrow.clone(), read.clone()]), [narrow.clone(), read.clone()]);
        let orders = [vec![read.clone(), write.clone(), narrow.clone()], vec![write, read, narrow]];
        assert_eq!(sorted(orders[0].clone()), sorted(orders[1].clone()));
        assert_eq!(sorted(sorted(orders[0].clone())), sorted(orders[0].clone()));
    }

    #[test]
    fn rules_that_are_none_keep_their_order() {
        assert_eq!(sorted(vec![json!(2), json!(1)]), [json!(2), json!(1)]);
    }
}
