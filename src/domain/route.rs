//! Which alerts go to which channels: pure matching, used where alerts are written.

use std::collections::BTreeSet;

use super::id::{Region, ResourceKey};
use super::severity::Severity;

/// The types of alerts.
pub const ALERT_TYPES: [&str; 3] = ["drift_detected", "approval_needed", "remediation_failed"];

/// What a route is tried against.
#[derive(Debug, Clone, Copy)]
pub struct AlertFacts<'a> {
    /// `drift_detected`, `approval_needed` or `remediation_failed`.
    pub alert_type: &'a str,
    /// The drift's severity.
    pub severity: Severity,
    /// The resource.
    pub key: &'a ResourceKey,
    /// The account's configured name.
    pub account_name: Option<&'a str>,
}

/// `[[routes]]`: which alerts go to which channels. Every matching route applies.
#[derive(Debug, Clone)]
pub struct Route {
    /// Channel names, known to exist.
    pub channels: Vec<String>,
    /// Milder alerts do not match.
    pub min_severity: Severity,
    /// Alert types; empty means all.
    pub types: Vec<String>,
    /// Resource type names; empty means all.
    pub resource_types: Vec<String>,
    /// Accounts by configured name or id; empty means all.
    pub accounts: Vec<String>,
    /// Regions; empty means all.
    pub regions: Vec<Region>,
}

impl Route {
    /// Whether the alert goes this way.
    #[must_use]
    pub fn matches(&self, alert: AlertFacts<'_>) -> bool {
        let scope = &alert.key.scope;
        let account = |a: &String| a == scope.account_id.as_str() || Some(a.as_str()) == alert.account_name;
        alert.severity >= self.min_severity
            && (self.types.is_empty() || self.types.iter().any(|t| t == alert.alert_type))
            && (self.resource_types.is_empty() || self.resource_types.contains(&scope.resource_type))
            && (self.accounts.is_empty() || self.accounts.iter().any(account))
            && (self.regions.is_empty() || self.regions.contains(&scope.region))
    }
}

/// The channels that an alert goes to, each once however many routes name it.
#[must_use]
pub fn channels_of<'r>(routes: &'r [Route], alert: AlertFacts<'_>) -> BTreeSet<&'r str> {
    routes.iter().filter(|r| r.matches(alert)).flat_map(|r| r.channels.iter().map(String::as_str)).collect()
}
