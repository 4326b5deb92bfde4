//! A drift told to people: which resource, what changed from what to what, how bad, what it costs, what to do next.
//!
//! One telling for alerts, mails, chat messages and the scan's table, so that all of them say the same. It must never
//! say more than is known (an unknown cost stays unknown) and passes nothing from AWS on as it came: see [`words`].

mod change;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::cost::{CostImpact, Money};
use super::diff::Change;
use super::drift::{Drift, DriftKind, DriftStatus, Finding};
use super::id::{DriftId, ResourceKey};
use super::severity::Severity;
use super::words;
pub use change::{ChangeWords, What, what_changed, worst_first};
use change::{VALUE_MAX, in_words, summary};

/// Characters of a title at most: the width of `alerts.title`.
pub const TITLE_MAX: usize = 255;
/// Changes that a message lists at most; the rest is counted.
pub const LISTED_CHANGES: usize = 20;

/// A drift or a finding, as far as people are told of it.
#[derive(Debug, Clone)]
pub struct Story<'a> {
    /// The stored drift; `None` for a finding that is not stored.
    pub id: Option<DriftId>,
    /// The resource.
    pub key: &'a ResourceKey,
    /// The account's configured name.
    pub account_name: Option<&'a str>,
    /// The resource's `Name` tag.
    pub name_tag: Option<&'a str>,
    /// How it departs.
    pub kind: DriftKind,
    /// What changed, the one that matters most first.
    pub changes: Vec<&'a Change>,
    /// How bad.
    pub severity: Severity,
    /// US dollars a month; `None` if unknown.
    pub cost: Option<Decimal>,
    /// Why the cost is unknown.
    pub cost_unknown_reason: Option<&'a str>,
    /// Where it is declared.
    pub declared_in: Option<&'a str>,
    /// Its Terraform address, if Terraform declares it.
    pub terraform_address: Option<&'a str>,
    /// When it was first seen; `None` for a finding that is not stored.
    pub detected_at: Option<DateTime<Utc>>,
    /// Where it is in its life.
    pub status: DriftStatus,
    /// Whether it came back within a day after it was put back.
    pub is_recurring: bool,
}

/// What a reader can do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What it is for: `see all of it`.
    pub purpose: &'static str,
    /// The command to type.
    pub command: String,
}

impl<'a> From<&'a Drift> for Story<'a> {
    fn from(drift: &'a Drift) -> Self {
        Self {
            id: Some(drift.id),
            key: &drift.key,
            account_name: drift.account_name.as_deref(),
            name_tag: name_tag(&drift.actual_state).or_else(|| name_tag(&drift.expected_state)),
            kind: drift.kind,
            changes: drift.changes.iter().collect(),
            severity: drift.severity,
            cost: drift.cost_impact_monthly,
            cost_unknown_reason: drift.cost_unknown_reason.as_deref(),
            declared_in: drift.declared_in.as_deref(),
            terraform_address: drift.terraform_address.as_deref(),
            detected_at: Some(drift.detected_at),
            status: drift.status,
            is_recurring: drift.recurs_after.is_some(),
        }
    }
}

impl<'a> From<&'a Finding> for Story<'a> {
    fn from(finding: &'a Finding) -> Self {
        let reason = match &finding.cost {
            CostImpact::Known(_) => None,
            CostImpact::Unknown(reason) => Some(reason.as_str()),
        };
        Self {
            id: None,
            key: &finding.key,
            account_name: None,
            name_tag: name_tag(&finding.actual).or_else(|| name_tag(&finding.expected)),
            kind: finding.kind,
            changes: finding.changes.iter().collect(),
            severity: finding.severity,
            cost: finding.cost.to_cents(),
            cost_unknown_reason: reason,
            declared_in: finding.declared_in.as_deref(),
            terraform_address: finding.terraform_address.as_deref(),
            detected_at: None,
            status: DriftStatus::Detected,
            is_recurring: false,
        }
    }
}

impl<'a> Story<'a> {
    /// The story with the account's configured name.
    #[must_use]
    pub fn in_account(mut self, name: Option<&'a str>) -> Self {
        self.account_name = name;
        self
    }

    /// The story of a finding that was just stored as drift `id`.
    #[must_use]
    pub fn stored_as(mut self, id: DriftId, detected_at: DateTime<Utc>) -> Self {
        self.id = Some(id);
        self.detected_at = Some(detected_at);
        self
    }

    /// One line of at most [`TITLE_MAX`] characters:
    /// `CRITICAL drift: SECURITY_GROUP sg-0a1 (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)`.
    #[must_use]
    pub fn title(&self) -> String {
        let severity = self.severity.as_str().to_uppercase();
        let title = format!("{severity} drift: {}: {}", self.resource(), self.what_changed());
        words::cut(&title, TITLE_MAX)
    }

    /// The resource in words: `EC2 i-0a1 "web" (prod/us-east-1)`.
    #[must_use]
    pub fn resource(&self) -> String {
        let scope = &self.key.scope;
        let account = words::cut(&words::clean(self.account_name.unwrap_or(scope.account_id.as_str())), 40);
        let name = self.name_tag.map(|name| format!(" \"{}\"", words::cut(&words::clean(name), 40)));
        format!(
            "{} {}{} ({account}/{})",
            words::clean(&scope.resource_type),
            words::cut(&words::clean(&self.key.resource_id), 64),
            name.unwrap_or_default(),
            words::clean(scope.region.as_str()),
        )
    }

    /// What happened to the resource, in a sentence without its end.
    #[must_use]
    pub fn happened(&self) -> String {
        match (self.kind, self.changes.len()) {
            (DriftKind::Missing, _) => "is declared, but AWS has no such resource".to_owned(),
            (DriftKind::Unmanaged, _) => "exists, but nothing declares it".to_owned(),
            (DriftKind::Changed, 1) => "differs from its declaration in one place".to_owned(),
            (DriftKind::Changed, n) => format!("differs from its declaration in {n} places"),
        }
    }

    /// The worst change and how many more there are.
    #[must_use]
    pub fn what_changed(&self) -> String {
        summary(&self.changes)
    }

    /// The changes in words, at most `limit`, and how many more there are. None for a resource as a whole.
    #[must_use]
    pub fn changes(&self, limit: usize) -> (Vec<ChangeWords>, usize) {
        let single: Vec<&&Change> = self.changes.iter().filter(|change| !change.pointer.is_empty()).collect();
        let listed = single.iter().take(limit).map(|change| in_words(change, VALUE_MAX)).collect();
        (listed, single.len().saturating_sub(limit))
    }

    /// What it costs: `+$70.08 a month`, `no cost`, `cost unknown: no price for …`.
    #[must_use]
    pub fn cost_line(&self) -> String {
        match self.cost {
            Some(amount) if Money(amount).to_cents().is_zero() => "no cost".to_owned(),
            Some(amount) => format!("{} a month", Money(amount)),
            None => {
                let reason = self.cost_unknown_reason.unwrap_or("no price is known for it");
                format!("cost unknown: {}", words::cut_and_count(&words::clean(reason), 200))
            }
        }
    }

    /// Where it is declared, made harmless. Without the Terraform address, which is told beside it.
    #[must_use]
    pub fn declared_in(&self) -> Option<String> {
        let place = self.declared_in?;
        let document = self.terraform_address.and_then(|address| place.strip_suffix(address)?.strip_suffix('#'));
        Some(words::cut_and_count(&words::clean(document.unwrap_or(place)), 300))
    }

    /// Its Terraform address, made harmless: how people find the code to fix.
    #[must_use]
    pub fn terraform_address(&self) -> Option<String> {
        self.terraform_address.map(|address| words::cut_and_count(&words::clean(address), 300))
    }

    /// Since when it has been known: `2026-11-23 03:12 UTC`.
    #[must_use]
    pub fn since(&self) -> Option<String> {
        self.detected_at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string())
    }

    /// What the reader can do now; nothing for a finding that is not stored or a drift that is over.
    #[must_use]
    pub fn next_steps(&self) -> Vec<NextStep> {
        let Some(id) = self.id else { return Vec::new() };
        let step = |purpose, command: &str| NextStep { purpose, command: format!("driftsentry drifts {command}") };
        let show = step("see all of it", &format!("show {id}"));
        let triage = step("say that you look after it", &format!("triage {id}"));
        let approve = step("then have it put back", &format!("approve {id} --reason \"…\""));
        let reject = step("or let it stand as it is", &format!("reject {id} --reason \"…\""));
        match self.status {
            DriftStatus::Detected => vec![show, triage, approve, reject],
            DriftStatus::Triaged => vec![show, approve, reject],
            DriftStatus::Approved | DriftStatus::Rejected | DriftStatus::Resolved => vec![show],
        }
    }

    /// The whole message as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let (severity, happened) = (self.severity.as_str().to_uppercase(), self.happened());
        let mut text = format!("{severity}: {}: {}\n\n", self.resource(), self.what_changed());
        let (changes, more) = self.changes(LISTED_CHANGES);
        let end = if changes.is_empty() { "." } else { ", declared → live:" };
        line(&mut text, &format!("It {happened}{end}"));
        for change in changes {
            line(&mut text, &format!("  {}: {}", change.pointer, change.what));
        }
        if more > 0 {
            line(&mut text, &format!("  … and {more} more"));
        }
        text.push('\n');
        for (label, fact) in self.facts() {
            line(&mut text, &format!("{:<13}{fact}", format!("{label}:")));
        }
        let steps = self.next_steps();
        if !steps.is_empty() {
            text.push_str("\nWhat to do next:\n");
        }
        for step in steps {
            line(&mut text, &format!("  {:<29}{}", format!("{}:", step.purpose), step.command));
        }
        text
    }

    /// Label and words of everything but the changes, in the order in which people ask.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let account = match self.account_name {
            Some(name) => format!("{} ({})", words::clean(name), words::clean(self.key.scope.account_id.as_str())),
            None => words::clean(self.key.scope.account_id.as_str()),
        };
        let mut facts = vec![("Cost", self.cost_line()), ("Account", account)];
        facts.push(("Region", words::clean(self.key.scope.region.as_str())));
        facts.extend(self.terraform_address().map(|address| ("Terraform", address)));
        facts.extend(self.declared_in().map(|place| ("Declared in", place)));
        facts.extend(self.since().map(|since| ("First seen", since)));
        if self.status != DriftStatus::Detected {
            facts.push(("Status", self.status.to_string()));
        }
        if self.is_recurring {
            let what = "it came back within a day after it was put back: find out what undoes it";
            facts.push(("Recurring", what.to_owned()));
        }
        facts.extend(self.id.map(|id| ("Drift", id.to_string())));
        facts
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}

fn name_tag(state: &Value) -> Option<&str> {
    state.pointer("/Tags/Name")?.as_str().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
