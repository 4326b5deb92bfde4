//! `[remediation]`, its windows and its rules.

use std::time::Duration;

use super::known::Known;
use super::rules::{selector, severity};
use super::schedule::time_zone;
use super::{Context, refuse_duplicates, word};
use crate::config::cron;
use crate::config::remediation::{Disruptive, Remediation, RemediationMode, Window};
use crate::config::section::{Placed, Section};
use crate::domain::rule::AutoApproveRule;
use crate::domain::severity::Severity;

const MODES: [(&str, RemediationMode); 3] =
    [("off", RemediationMode::Off), ("plan", RemediationMode::Plan), ("apply", RemediationMode::Apply)];
const DISRUPTIVE: [(&str, Disruptive); 3] =
    [("never", Disruptive::Never), ("window", Disruptive::Window), ("always", Disruptive::Always)];
const LONGEST_WINDOW: Duration = Duration::from_hours(7 * 24);
const LONGEST_VERIFY: Duration = Duration::from_hours(24);
const SHORTEST_VERIFY: Duration = Duration::from_secs(1);

/// Reads the section.
pub(super) fn read(mut section: Section<'_>, known: &Known<'_>, context: Context<'_>) -> Remediation {
    let usual = Remediation::default();
    let mode = section.parsed("mode", "\"off\", \"plan\" or \"apply\"", |text| word(text, &MODES));
    let disruptive =
        section.parsed("disruptive", "\"never\", \"window\" or \"always\"", |text| word(text, &DISRUPTIVE));
    let allow = section.tables("allow").into_iter().map(|mut rule| {
        let allowed = selector(&mut rule, known);
        rule.finish();
        allowed
    });
    let allow = allow.collect();
    let windows: Vec<Window> = section.tables("windows").into_iter().filter_map(window).collect();
    let disruptive = disruptive.map(|placed| placed.value).unwrap_or_default();
    if disruptive == Disruptive::Window && !section.has("windows") {
        section.fault(
            "disruptive",
            "there is no window to wait for: write [[remediation.windows]] with cron and duration",
        );
    }
    let auto_approve = auto_approve(&mut section, known, context);
    let remediation = Remediation {
        mode: mode.map(|placed| placed.value).unwrap_or_default(),
        allow,
        disruptive,
        windows,
        allow_loosening: section.flag("allow_loosening", usual.allow_loosening),
        apply_immediately: section.flag("apply_immediately", usual.apply_immediately),
        max_per_run: section.number("max_per_run", 1..=100_000, usual.max_per_run),
        max_per_hour: section.number("max_per_hour", 1..=100_000, usual.max_per_hour),
        max_percent: section.number("max_percent", 1..=100, usual.max_percent),
        verify_timeout: section.duration_within(
            "verify_timeout",
            SHORTEST_VERIFY..=LONGEST_VERIFY,
            usual.verify_timeout,
        ),
        auto_approve,
    };
    section.finish();
    remediation
}

fn window(mut section: Section<'_>) -> Option<Window> {
    section.require("cron", "\"0 0 2 * * SUN\"");
    section.require("duration", "\"2h\"");
    let parse_cron = |text: &str| cron::parse(text).map(|_| text.trim().to_owned());
    let cron = section.parsed("cron", "a cron expression in quotes", parse_cron);
    let duration = section.duration("duration", LONGEST_WINDOW, Duration::from_hours(2));
    let timezone = section.parsed("timezone", "the name of a time zone in quotes", time_zone);
    section.finish();
    Some(Window { cron: cron?.value, duration, timezone: timezone.map_or(chrono_tz::Tz::UTC, |zone| zone.value) })
}

fn auto_approve(section: &mut Section<'_>, known: &Known<'_>, context: Context<'_>) -> Vec<AutoApproveRule> {
    let mut names: Vec<Placed<String>> = Vec::new();
    let mut rules = Vec::new();
    for mut section in section.tables("auto_approve") {
        section.require("name", "\"tags\"");
        section.require("path", "\"/Tags/**\"");
        let name = section.text("name");
        let selector = selector(&mut section, known);
        let max_severity = severity(&mut section, "max_severity").unwrap_or(Severity::Info);
        section.finish();
        if let Some(name) = &name {
            rules.push(AutoApproveRule { name: name.value.clone(), selector, max_severity });
        }
        names.extend(name);
    }
    refuse_duplicates(context.report, "name", &names);
    rules
}
