//! What a scan found, stored or not, and how it is told.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::coverage::Placed;
use super::{Format, coverage, drift_table, output};
use crate::domain::coverage::{Coverage, Note};
use crate::domain::drift::{Drift, Finding};
use crate::domain::id::{ScanId, Scope};
use crate::domain::rule::RuleMatches;
use crate::domain::scan::ScanStatus;
use crate::domain::story::Story;
use crate::scan::survey::Survey;
use crate::store::{self, Store};

/// Parts of the estate that are named for each reason why they could not be read; the rest is counted.
const PARTS_NAMED: usize = 5;

/// What a scan found, stored or not.
pub(super) struct Outcome {
    scan: Value,
    /// How it ended.
    pub(super) status: ScanStatus,
    /// What could not be read: which part of the estate, and why.
    pub(super) unread: Vec<(Scope, String)>,
    scanned: i64,
    resolved: i64,
    api_calls: i64,
    coverage: Coverage,
    notes: Vec<Placed>,
    /// What ignore rules covered.
    ignored_by: Vec<RuleMatches>,
    /// What differs.
    pub(super) drifts: Found,
}

pub(super) enum Found {
    Stored(Vec<Drift>),
    Dry(Vec<Finding>),
}

impl Found {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Stored(drifts) => drifts.len(),
            Self::Dry(findings) => findings.len(),
        }
    }
}

impl Outcome {
    /// A scan that the database holds, and the open drifts of what it covered.
    pub(super) async fn of_stored(store: &Store, id: ScanId, scopes: &[Scope]) -> anyhow::Result<Self> {
        let mut conn = store.conn().await?;
        let scan = store::scan::get(&mut conn, id).await?;
        let shards = store::scan::shards(&mut conn, id).await?;
        let filter = store::drift::DriftFilter { open_only: true, limit: i64::MAX, ..Default::default() };
        let mut drifts = store::drift::list(&mut conn, &filter).await?;
        drifts.retain(|drift| scopes.contains(&drift.key.scope));
        Ok(Self {
            status: scan.status,
            unread: shards.iter().filter_map(|shard| Some((shard.scope.clone(), shard.error.clone()?))).collect(),
            scanned: scan.resources_scanned,
            resolved: scan.drifts_resolved,
            api_calls: scan.api_calls,
            ignored_by: store::ignore::matches_of(&mut conn, id).await?,
            coverage: scan.coverage.clone(),
            notes: placed(shards.iter().map(|shard| (&shard.scope, &shard.notes))),
            scan: json!({ "scan": scan, "shards": shards }),
            drifts: Found::Stored(drifts),
        })
    }

    /// A dry run.
    pub(super) fn of_surveys(surveys: Vec<(&Scope, Survey)>) -> Self {
        let status = ScanStatus::of_shards(surveys.iter().map(|(_, survey)| survey.status()));
        let mut unread: Vec<(Scope, String)> =
            surveys.iter().filter_map(|(scope, survey)| Some(((*scope).clone(), survey.error()?))).collect();
        unread.sort();
        let errors: Vec<String> = unread.iter().map(|(scope, why)| format!("{scope}: {why}")).collect();
        let error = (!errors.is_empty()).then(|| errors.join("\n"));
        let sum =
            |of: fn(&Survey) -> u64| surveys.iter().map(|(_, s)| of(s)).sum::<u64>().try_into().unwrap_or(i64::MAX);
        let (scanned, api_calls) = (sum(|survey| survey.scanned), sum(|survey| survey.api_calls));
        let mut coverage = Coverage::default();
        for (_, survey) in &surveys {
            coverage.add(&survey.coverage);
        }
        let notes = placed(surveys.iter().map(|(scope, survey)| (*scope, &survey.notes)));
        let ignored_by = sum_by_rule(surveys.iter().flat_map(|(_, survey)| &survey.ignored_by));
        let mut findings: Vec<Finding> = surveys.into_iter().flat_map(|(_, survey)| survey.findings).collect();
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.key.cmp(&b.key)));
        let mut scan = json!({ "status": status, "resources_scanned": scanned, "drifts_found": findings.len(),
            "api_calls": api_calls, "error": error, "dry_run": true });
        if let (Some(scan), Ok(Value::Object(figures))) = (scan.as_object_mut(), serde_json::to_value(&coverage)) {
            scan.extend(figures);
        }
        Self {
            scan: json!({ "scan": scan }),
            coverage,
            notes,
            status,
            unread,
            scanned,
            resolved: 0,
            api_calls,
            ignored_by,
            drifts: Found::Dry(findings),
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(super) fn print(&self, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => {
                let mut result = self.scan.clone();
                result["drifts"] = match &self.drifts {
                    Found::Stored(drifts) => serde_json::to_value(drifts)?,
                    Found::Dry(findings) => findings.iter().map(dry_json).collect::<Result<_, _>>()?,
                };
                result["notes"] = Value::Array(coverage::to_json(&self.notes));
                result["ignored_by"] = serde_json::to_value(&self.ignored_by)?;
                output::json(&result)
            }
            Format::Table => self.print_table(),
        }
    }

    fn print_table(&self) -> anyhow::Result<()> {
        let stories: Vec<Story<'_>> = match &self.drifts {
            Found::Stored(drifts) => drifts.iter().map(Story::from).collect(),
            Found::Dry(findings) => findings.iter().map(Story::from).collect(),
        };
        let count = stories.len();
        let known: rust_decimal::Decimal = stories.iter().filter_map(|story| story.cost).sum();
        let unpriced = stories.iter().filter(|story| story.cost.is_none()).count();
        if count > 0 {
            output::line(drift_table::table(stories.into_iter()))?;
        }
        let mut line = format!(
            "{}: {} compared, {}",
            self.status,
            output::count(self.scanned, "resource"),
            if count == 0 { "no drift".to_owned() } else { output::count(count, "drift") }
        );
        if self.resolved > 0 {
            line = format!("{line}, {} resolved", self.resolved);
        }
        if count > 0 {
            line = format!("{line}, {} a month", crate::domain::cost::Money(known));
        }
        if unpriced > 0 {
            line = format!("{line} (and {unpriced} of unknown cost)");
        }
        output::line(format_args!("{line}; {}", output::count(self.api_calls, "API call")))?;
        for line in coverage::lines(&self.coverage, &self.notes) {
            output::line(line)?;
        }
        for RuleMatches { label, reason, changes, .. } in &self.ignored_by {
            let why = reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            output::line(format_args!("ignored: {} by {label}{why}", output::count(*changes, "change")))?;
        }
        if !self.unread.is_empty() {
            output::note(format_args!("not everything could be read:\n{}", by_reason(&self.unread)));
        }
        Ok(())
    }

    /// 0 if everything could be read, else 1; `detailed`: 2 if there is drift.
    pub(super) fn exit_code(&self, detailed: bool) -> ExitCode {
        match (self.status, detailed && self.drifts.len() > 0) {
            (ScanStatus::Succeeded, false) => ExitCode::SUCCESS,
            (ScanStatus::Succeeded, true) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

fn placed<'a>(notes: impl Iterator<Item = (&'a Scope, &'a Vec<Note>)>) -> Vec<Placed> {
    let of_scope = |(scope, notes): (&Scope, &'a Vec<Note>)| {
        let scope = scope.clone();
        notes.iter().map(move |note| (scope.clone(), note.clone()))
    };
    notes.flat_map(of_scope).collect()
}

/// A finding as a stored drift reads, which has an id.
fn dry_json(finding: &Finding) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(finding)?;
    value["id"] = Value::Null;
    Ok(value)
}

/// What each rule covered in all shards, the most first.
fn sum_by_rule<'a>(all: impl Iterator<Item = &'a RuleMatches>) -> Vec<RuleMatches> {
    let mut by_rule: BTreeMap<&str, RuleMatches> = BTreeMap::new();
    for matches in all {
        let none = || RuleMatches { changes: 0, ..matches.clone() };
        by_rule.entry(&matches.rule).or_insert_with(none).changes += matches.changes;
    }
    let mut sums: Vec<RuleMatches> = by_rule.into_values().collect();
    sums.sort_by_key(|matches| std::cmp::Reverse(matches.changes));
    sums
}

/// Each reason once, with the parts of the estate that it kept from being read.
pub(super) fn by_reason(unread: &[(Scope, String)]) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (scope, why) in unread {
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, scopes)) => scopes.push(scope.to_string()),
            None => reasons.push((why, vec![scope.to_string()])),
        }
    }
    let tell = |(why, scopes): (&str, Vec<String>)| {
        let more = scopes.len().saturating_sub(PARTS_NAMED);
        let named = scopes[..scopes.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("  {named}{more}:\n    {why}")
    };
    reasons.into_iter().map(tell).collect::<Vec<_>>().join("\n")
}
