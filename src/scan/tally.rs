//! The running count of a survey: what was met, what was not, what is unknown.
//!
//! It grows with what is declared and what differs, not with what is there. What a listing that broke off did not tell
//! is unknown; it must never be counted as missing.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::assess::{Judgement, Standing, Verdict};
use super::survey::{NOTES_KEPT, StandingDrift, Survey, Surveyor};
use super::unread::Unread;
use crate::config::Unmanaged;
use crate::domain::coverage::{Coverage, MissingAction, Note, figure};
use crate::domain::drift::DriftKind;
use crate::domain::rule::RuleMatches;
use crate::domain::words::clean;
use crate::expected::{Found, ScopeDeclarations};
use crate::resource::{Live, ReadError};

/// The running count of a survey.
pub(super) struct Tally<'a> {
    surveyor: &'a Surveyor<'a>,
    declared: ScopeDeclarations<'a>,
    standing: HashMap<&'a str, Vec<&'a StandingDrift>>,
    /// Which declarations were met, by their index.
    met: Vec<bool>,
    /// Undeclared resources that were met, as far as a drift of them stands.
    met_undeclared: HashSet<&'a str>,
    /// Undeclared resources that were met, AWS's own left out.
    unmanaged: i64,
    unread: Unread,
    /// Changes that each ignore rule covered, by its place among the rules.
    ignored_by: BTreeMap<usize, u64>,
    /// Why the listing broke off, if a permission is lacking.
    broke_off_for: Option<Box<str>>,
    /// Resources and attributes that are unknown for want of an action.
    missing_actions: BTreeMap<String, (i64, i64)>,
    survey: Survey,
}

impl<'a> Tally<'a> {
    pub(super) fn new(
        surveyor: &'a Surveyor<'a>,
        declared: ScopeDeclarations<'a>,
        standing: &'a [StandingDrift],
    ) -> Self {
        let mut by_id: HashMap<&str, Vec<&StandingDrift>> = HashMap::new();
        for drift in standing {
            by_id.entry(&drift.resource_id).or_default().push(drift);
        }
        Self {
            surveyor,
            met: vec![false; declared.len()],
            declared,
            standing: by_id,
            met_undeclared: HashSet::new(),
            unmanaged: 0,
            unread: Unread::default(),
            ignored_by: BTreeMap::new(),
            broke_off_for: None,
            missing_actions: BTreeMap::new(),
            survey: Survey::default(),
        }
    }

    /// Counts and judges a live resource.
    pub(super) fn add(&mut self, live: &Live) {
        let id = live.resource_id.as_str();
        let Some(found) = self.declared.find(id) else { return self.add_undeclared(live) };
        if let Some(met) = self.met.get_mut(found.index()) {
            *met = true;
        }
        if live.elsewhere {
            return self.note_matching(id);
        }
        // Most resources are plainly as declared; the rest is compared by meaning.
        let is_read_whole = live.unsettled.is_none() && live.unknown.is_empty() && live.pending.is_empty();
        let judgement = if is_read_whole && found.plainly_says(&live.state) {
            Judgement::matches()
        } else {
            self.surveyor.context.judge_declared(&found.unpack(), live, self.standing_of(id))
        };
        self.survey.coverage.resources_declared += 1;
        let is_settled = !judgement.is_unknown() && !judgement.is_converging();
        self.survey.coverage.resources_in_sync += i64::from(is_settled && judgement.verdict == Verdict::Matches);
        self.survey.coverage.resources_converging += i64::from(judgement.is_converging());
        self.take(id, judgement);
    }

    fn add_undeclared(&mut self, live: &Live) {
        let id = live.resource_id.as_str();
        if self.surveyor.unmanaged == Unmanaged::Ignore || live.elsewhere {
            return;
        }
        if let Some((id, _)) = self.standing.get_key_value(id) {
            self.met_undeclared.insert(id);
        }
        // With a declaration unread, "nothing declares it" cannot be told.
        if self.surveyor.estate.is_complete() && !self.declared.is_undecided(id) {
            let is_aws_owned = self.surveyor.context.kind.is_aws_owned(id, &live.state);
            self.unmanaged += i64::from(!is_aws_owned);
            let judgement = self.surveyor.context.judge_unmanaged(live, self.standing_of(id));
            self.take(id, judgement);
        }
    }

    fn standing_of(&self, resource_id: &str) -> Option<Standing<'a>> {
        let drift = self.standing.get(resource_id)?.last()?;
        Some(Standing { expected: &drift.expected, actual: &drift.actual })
    }

    fn take(&mut self, resource_id: &str, judgement: Judgement) {
        let coverage = &mut self.survey.coverage;
        coverage.changes_ignored += figure(judgement.ignored.len());
        coverage.resources_unknown += i64::from(judgement.is_unknown());
        coverage.attributes_unknown += judgement.attributes_unknown();
        for rule in judgement.ignored {
            *self.ignored_by.entry(rule).or_default() += 1;
        }
        let mut actions: BTreeMap<String, i64> = BTreeMap::new();
        for (attribute, reason) in judgement.unknown {
            if let Some(action) = reason.missing_action() {
                *actions.entry(action.to_owned()).or_default() += 1;
            }
            self.unread.note(resource_id, attribute, reason.to_string());
        }
        for (action, attributes) in actions {
            self.lack(action, 1, attributes);
        }
        let room = NOTES_KEPT.saturating_sub(self.survey.notes.len());
        let told = |note: Note| Note { resource_id: clean(&note.resource_id), ..note };
        self.survey.notes.extend(judgement.notes.into_iter().take(room).map(told));
        match judgement.verdict {
            Verdict::Unjudged(_) => return,
            Verdict::Matches => self.note_matching(resource_id),
            Verdict::Drifted(finding) => self.survey.findings.push(*finding),
        }
        self.survey.scanned += 1;
    }

    /// Notes that so much is unknown for want of an action.
    fn lack(&mut self, action: String, resources: i64, attributes: i64) {
        let counts = self.missing_actions.entry(action).or_default();
        counts.0 += resources;
        counts.1 += attributes;
    }

    fn note_matching(&mut self, resource_id: &str) {
        let standing = self.standing.get(resource_id).into_iter().flatten();
        self.survey.matching.extend(standing.map(|drift| drift.id));
    }

    /// The listing broke off, or never began.
    pub(super) fn break_off(&mut self, error: &ReadError) {
        self.broke_off_for.clone_from(&error.missing_action);
        self.survey.errors.push(error.to_string());
    }

    /// The listing was read to its end; it told of so many resources that nobody asked for, if it told of them.
    pub(super) fn end(&mut self, bystanders: Option<u64>) {
        self.survey.listed_all = true;
        let counted = match self.surveyor.unmanaged {
            Unmanaged::Report => Some(self.unmanaged),
            Unmanaged::Ignore => bystanders.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        };
        self.survey.coverage.resources_unmanaged = counted.filter(|_| self.surveyor.estate.is_complete());
    }

    /// Everything that was found.
    pub(super) fn finish(mut self) -> Survey {
        if self.survey.listed_all {
            self.judge_unseen();
        } else {
            self.count_unseen();
        }
        let rules = &self.surveyor.context.rules.ignore;
        let matches = self.ignored_by.iter().filter_map(|(rule, changes)| Some((rules.get(*rule)?, *changes)));
        self.survey.ignored_by = matches.map(|(rule, changes)| RuleMatches::of(rule, changes)).collect();
        // Which of two contradicting declarations holds cannot be told, so neither can what they speak of.
        let disputed = figure(self.declared.disputed_count(self.surveyor.is_home()));
        self.survey.coverage.resources_declared += disputed;
        self.survey.coverage.resources_unknown += disputed;
        self.survey.errors.extend(std::mem::take(&mut self.unread).into_words());
        let problems = &self.surveyor.estate.problems;
        if let Some(first) = problems.first() {
            let more = if problems.len() > 1 { format!(" (and {} more)", problems.len() - 1) } else { String::new() };
            self.survey.errors.push(format!("expected state is incomplete: {}: {}{more}", first.place, first.message));
        }
        let account_id = &self.surveyor.context.scope.account_id;
        let missing = |(action, (resources, attributes))| {
            let account_id = account_id.clone();
            MissingAction { account_id, action, resources, attributes }
        };
        self.survey.coverage.missing_actions = self.missing_actions.into_iter().map(missing).collect();
        self.survey
    }

    /// After a listing that broke off: what is declared and was not seen is unknown, with all that is declared of it.
    fn count_unseen(&mut self) {
        let unseen: Vec<i64> = self.unmet().map(|found| figure(found.attribute_count())).collect();
        let (resources, attributes) = (figure(unseen.len()), unseen.iter().sum());
        let Coverage { resources_declared, resources_unknown, attributes_unknown, .. } = &mut self.survey.coverage;
        *resources_declared += resources;
        *resources_unknown += resources;
        *attributes_unknown += attributes;
        if let Some(action) = self.broke_off_for.take() {
            self.lack(action.into(), resources, attributes);
        }
    }

    /// After a complete listing: what is declared and was not seen is gone; what stands and is no longer declared is over.
    fn judge_unseen(&mut self) {
        for (id, judgement) in self.judge_missing() {
            self.survey.coverage.resources_declared += 1;
            self.survey.coverage.resources_missing += 1;
            self.take(&id, judgement);
            // Gone resources were not compared.
            self.survey.scanned -= 1;
        }
        let mut undeclared = Vec::new();
        let mut matching = Vec::new();
        for (id, drifts) in &self.standing {
            if self.declared.find(id).is_some() || self.declared.is_undecided(id) || self.met_undeclared.contains(id) {
                continue;
            }
            for drift in drifts {
                match DriftKind::of(&drift.expected, &drift.actual) {
                    // Undeclared and gone, told only by a listing that yields undeclared resources.
                    DriftKind::Unmanaged if self.surveyor.unmanaged == Unmanaged::Report => matching.push(drift.id),
                    DriftKind::Unmanaged => {}
                    _ if self.surveyor.estate.is_complete() => undeclared.push(drift.id),
                    _ => {}
                }
            }
        }
        self.survey.matching.extend(matching);
        self.survey.undeclared.extend(undeclared);
    }

    /// The judgements over what is declared, was not met, and is this shard's to miss.
    fn judge_missing(&self) -> Vec<(String, Judgement)> {
        let judge = |found: Found<'_>| self.surveyor.context.judge_missing(found.id(), &found.unpack());
        self.unmet().map(|found| (found.id().to_owned(), judge(found))).collect()
    }

    /// What is declared, was not met, and is this shard's to miss.
    fn unmet(&self) -> impl Iterator<Item = Found<'_>> {
        let is_met = |found: &Found<'_>| self.met.get(found.index()).copied().unwrap_or(false);
        let is_ours = |found: &Found<'_>| self.surveyor.is_home() || !found.is_region_open();
        self.declared.iter().filter(move |found| !is_met(found) && is_ours(found))
    }
}
