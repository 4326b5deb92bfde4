//! `[[ignore]]`, `[[severity]]`, `[[triage]]` and whatever else selects resources and paths.

use chrono::NaiveDate;

use super::known::{Known, region_or_global};
use crate::config::section::Section;
use crate::config::tree::{Node, Value};
use crate::domain::rule::{Glob, IgnoreRule, PointerGlob, Rules, Selector, SeverityRule, TriageRule};
use crate::domain::severity::Severity;

const SELECTORS: [&str; 5] = ["resource_type", "resource_id", "account", "region", "path"];

/// Reads the three lists of rules.
pub(super) fn read(
    ignore: Vec<Section<'_>>,
    severity: Vec<Section<'_>>,
    triage: Vec<Section<'_>>,
    known: &Known<'_>,
) -> Rules {
    Rules {
        ignore: ignore.into_iter().map(|section| ignore_rule(section, known)).collect(),
        severity: severity.into_iter().filter_map(|section| severity_rule(section, known)).collect(),
        triage: triage.into_iter().filter_map(|section| triage_rule(section, known)).collect(),
    }
}

fn triage_rule(mut section: Section<'_>, known: &Known<'_>) -> Option<TriageRule> {
    section.require("name", "\"critical\"");
    let name = section.text("name");
    let selector = selector(&mut section, known);
    let severity = severity(&mut section, "min_severity");
    section.finish();
    Some(TriageRule { name: name?.value, selector, min_severity: severity.unwrap_or(Severity::Info) })
}

/// One of the three words at `key`.
pub(super) fn severity(section: &mut Section<'_>, key: &'static str) -> Option<Severity> {
    section.parsed(key, "\"info\", \"warning\" or \"critical\"", str::parse::<Severity>).map(|placed| placed.value)
}

fn ignore_rule(mut section: Section<'_>, known: &Known<'_>) -> IgnoreRule {
    if !SELECTORS.iter().any(|key| section.has(key)) {
        let message = format!("it would ignore every drift: write at least one of {}", SELECTORS.join(", "));
        section.report_at(section.place(), message);
    }
    let rule = IgnoreRule {
        id: None,
        selector: selector(&mut section, known),
        reason: section.text("reason").map(|reason| reason.value),
        until: until(&mut section),
    };
    section.finish();
    rule
}

fn severity_rule(mut section: Section<'_>, known: &Known<'_>) -> Option<SeverityRule> {
    section.require("severity", "\"critical\"");
    let selector = selector(&mut section, known);
    let severity = severity(&mut section, "severity");
    section.finish();
    Some(SeverityRule { selector, severity: severity? })
}

/// Reads the keys that select resources and paths.
pub(super) fn selector(section: &mut Section<'_>, known: &Known<'_>) -> Selector {
    let mut glob = |key, check: &dyn Fn(&str, &Glob) -> Result<(), String>| {
        let parsed = section.parsed(key, "a text in quotes", |text| {
            let glob = Glob::parse(text).map_err(|error| format!("malformed glob: {}", error.kind()))?;
            check(text, &glob).map(|()| glob)
        });
        parsed.map(|glob| glob.value)
    };
    Selector {
        resource_type: glob("resource_type", &|text, glob| resource_type(text, glob, known)),
        resource_id: glob("resource_id", &|_, _| Ok(())),
        account: glob("account", &|text, _| if is_plain(text) { known.account(text).map(drop) } else { Ok(()) }),
        region: glob("region", &|text, _| if is_plain(text) { region_or_global(text).map(drop) } else { Ok(()) }),
        path: section.parsed("path", "a JSON pointer in quotes", PointerGlob::parse_typed).map(|path| path.value),
    }
}

fn resource_type(text: &str, glob: &Glob, known: &Known<'_>) -> Result<(), String> {
    if is_plain(text) {
        return known.resource_type(text).map(drop);
    }
    let types = &known.context.vocabulary.resource_types;
    if types.iter().any(|name| glob.matches(name)) {
        return Ok(());
    }
    Err(format!("`{text}` matches no resource type: known are {}", types.join(", ")))
}

/// Whether a glob is a name as it stands.
fn is_plain(glob: &str) -> bool {
    !glob.contains(['*', '?', '[', '{', '\\'])
}

fn until(section: &mut Section<'_>) -> Option<NaiveDate> {
    let date = date_of(section.node("until")?);
    if date.is_none() {
        section.fault("until", "write a date without quotes, such as 2027-01-31; the rule holds on that day, too");
    }
    date
}

fn date_of(node: &Node) -> Option<NaiveDate> {
    let Value::Datetime(toml::value::Datetime { date: Some(date), time: None, offset: None }) = &node.value else {
        return None;
    };
    NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
}
