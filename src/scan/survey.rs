//! One shard read and judged, without a database: what the daemon records and what a dry run prints.
//!
//! Resources stream through; only what differs is held. A stream that ended early is never taken for a short listing.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::StreamExt;
use serde_json::Value;

use super::assess::{Context, Judgement, Standing, Verdict};
use super::unread::Unread;
use crate::config::Unmanaged;
use crate::domain::drift::{DriftKind, Finding};
use crate::domain::id::{DriftId, ScannedAccount, Scope};
use crate::domain::rule::RuleMatches;
use crate::domain::scan::ScanStatus;
use crate::expected::{Estate, Found, ScopeDeclarations};
use crate::resource::{Aws, Live, ReadRequest, ResourceType, Undeclared};

/// A drift of the scope that is not resolved, as it was before the shard began to read.
#[derive(Debug, Clone)]
pub struct StandingDrift {
    /// The drift.
    pub id: DriftId,
    /// The resource.
    pub resource_id: String,
    /// Its expected state.
    pub expected: Value,
    /// Its actual state.
    pub actual: Value,
}

/// What a shard found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Resources that are not as declared.
    pub findings: Vec<Finding>,
    /// Standing drifts whose resource is as declared now.
    pub matching: Vec<DriftId>,
    /// Standing drifts whose resource nothing declares any more.
    pub undeclared: Vec<DriftId>,
    /// Live resources that were compared.
    pub scanned: u64,
    /// Resources of which something could not be read.
    pub unknown: u64,
    /// Changes that ignore rules covered.
    pub ignored: u64,
    /// The same by rule; rules that covered none are left out.
    pub ignored_by: Vec<RuleMatches>,
    /// HTTP requests sent to AWS.
    pub api_calls: u64,
    /// Whether the listing was read to its end.
    pub listed_all: bool,
    /// What could not be read and why.
    pub errors: Vec<String>,
}

impl Survey {
    /// How the shard ended: `failed` if nothing could be read, `partial` if something could not.
    #[must_use]
    pub fn status(&self) -> ScanStatus {
        match (self.errors.is_empty(), self.listed_all || self.scanned > 0) {
            (true, _) => ScanStatus::Succeeded,
            (false, true) => ScanStatus::Partial,
            (false, false) => ScanStatus::Failed,
        }
    }

    /// All errors in one text; `None` if there is none.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        // What AWS says may hold any character, but the database keeps no NUL.
        (!self.errors.is_empty()).then(|| self.errors.join("; ").replace('\0', "\\0"))
    }
}

/// What a survey is made with.
pub struct Surveyor<'a> {
    /// How to judge.
    pub context: Context<'a>,
    /// What is declared.
    pub estate: &'a Estate,
    /// The account of the scope.
    pub account: &'a ScannedAccount,
    /// Whether undeclared resources are findings.
    pub unmanaged: Unmanaged,
}

impl Surveyor<'_> {
    /// Reads and judges the scope. `on_resource` is called after each resource, for progress.
    pub async fn survey(&self, aws: &Aws, standing: &[StandingDrift], on_resource: &(dyn Fn() + Sync)) -> Survey {
        let declared = self.estate.scope(self.context.scope);
        let request = self.request(&declared);
        let mut tally = Tally::new(self, declared, standing);
        let mut live = self.context.kind.read(aws, &request);
        loop {
            match live.next().await {
                Some(Ok(live)) => tally.add(&live),
                Some(Err(error)) => break tally.survey.errors.push(error.to_string()),
                None => break tally.survey.listed_all = true,
            }
            on_resource();
        }
        let mut survey = tally.finish();
        survey.api_calls = aws.calls.get();
        survey
    }

    /// Whether this shard answers for resources in no scanned region.
    fn is_home(&self) -> bool {
        self.account.regions.first() == Some(&self.context.scope.region) || self.context.kind.is_global()
    }

    /// What to ask of the type's reader.
    fn request(&self, declared: &ScopeDeclarations<'_>) -> ReadRequest {
        ReadRequest {
            scope: self.context.scope.clone(),
            declared: declared.attribute_names(),
            region_open: declared.region_open(),
            is_home: self.is_home(),
            regions: self.account.regions.clone(),
            undeclared: match self.unmanaged {
                Unmanaged::Ignore => Undeclared::Skip,
                Unmanaged::Report => Undeclared::Read,
            },
        }
    }
}

/// The running count of a survey. It grows with what is declared and what differs, not with what is there.
struct Tally<'a> {
    surveyor: &'a Surveyor<'a>,
    declared: ScopeDeclarations<'a>,
    standing: HashMap<&'a str, Vec<&'a StandingDrift>>,
    /// Which declarations were met, by their index.
    met: Vec<bool>,
    /// Undeclared resources that were met, as far as a drift of them stands.
    met_undeclared: HashSet<&'a str>,
    unread: Unread,
    /// Changes that each ignore rule covered, by its place among the rules.
    ignored_by: BTreeMap<usize, u64>,
    survey: Survey,
}

impl<'a> Tally<'a> {
    fn new(surveyor: &'a Surveyor<'a>, declared: ScopeDeclarations<'a>, standing: &'a [StandingDrift]) -> Self {
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
            unread: Unread::default(),
            ignored_by: BTreeMap::new(),
            survey: Survey::default(),
        }
    }

    fn add(&mut self, live: &Live) {
        let id = live.resource_id.as_str();
        let Some(found) = self.declared.find(id) else { return self.add_undeclared(live) };
        if let Some(met) = self.met.get_mut(found.index()) {
            *met = true;
        }
        if live.elsewhere {
            return self.note_matching(id);
        }
        // Most resources are plainly as declared; the rest is compared by meaning.
        let is_read_whole = live.unsettled.is_none() && live.unknown.is_empty();
        let judgement = if is_read_whole && found.plainly_says(&live.state) {
            Judgement::matches()
        } else {
            self.surveyor.context.judge_declared(&found.unpack(), live, self.standing_of(id))
        };
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
            let judgement = self.surveyor.context.judge_unmanaged(live, self.standing_of(id));
            self.take(id, judgement);
        }
    }

    fn standing_of(&self, resource_id: &str) -> Option<Standing<'a>> {
        let drift = self.standing.get(resource_id)?.last()?;
        Some(Standing { expected: &drift.expected, actual: &drift.actual })
    }

    fn take(&mut self, resource_id: &str, judgement: Judgement) {
        self.survey.ignored += judgement.ignored.len() as u64;
        for rule in judgement.ignored {
            *self.ignored_by.entry(rule).or_default() += 1;
        }
        self.survey.unknown += u64::from(!judgement.unknown.is_empty());
        for (attribute, reason) in judgement.unknown {
            self.unread.note(resource_id, attribute, reason);
        }
        match judgement.verdict {
            Verdict::Unjudged(_) => return,
            Verdict::Matches => self.note_matching(resource_id),
            Verdict::Drifted(finding) => self.survey.findings.push(*finding),
        }
        self.survey.scanned += 1;
    }

    fn note_matching(&mut self, resource_id: &str) {
        let standing = self.standing.get(resource_id).into_iter().flatten();
        self.survey.matching.extend(standing.map(|drift| drift.id));
    }

    fn finish(mut self) -> Survey {
        if self.survey.listed_all {
            self.judge_unseen();
        } else {
            let unseen = self.met.iter().filter(|met| !**met).count();
            self.survey.unknown += unseen as u64;
        }
        let rules = &self.surveyor.context.rules.ignore;
        let matches = self.ignored_by.iter().filter_map(|(rule, changes)| Some((rules.get(*rule)?, *changes)));
        self.survey.ignored_by = matches.map(|(rule, changes)| RuleMatches::of(rule, changes)).collect();
        self.survey.errors.extend(std::mem::take(&mut self.unread).into_words());
        let problems = &self.surveyor.estate.problems;
        if let Some(first) = problems.first() {
            let more = if problems.len() > 1 { format!(" (and {} more)", problems.len() - 1) } else { String::new() };
            self.survey.errors.push(format!("expected state is incomplete: {}: {}{more}", first.place, first.message));
        }
        self.survey
    }

    /// After a complete listing: what is declared and was not seen is gone; what stands and is no longer declared is over.
    fn judge_unseen(&mut self) {
        for (id, judgement) in self.judge_missing() {
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
        let is_met = |found: &Found<'_>| self.met.get(found.index()).copied().unwrap_or(false);
        let is_ours = |found: &Found<'_>| self.surveyor.is_home() || !found.is_region_open();
        let missing = self.declared.iter().filter(|found| !is_met(found) && is_ours(found));
        let judge = |found: Found<'_>| self.surveyor.context.judge_missing(found.id(), &found.unpack());
        missing.map(|found| (found.id().to_owned(), judge(found))).collect()
    }
}

/// The account of a scope among those that are scanned.
#[must_use]
pub fn account_of<'a>(accounts: &'a [ScannedAccount], scope: &Scope) -> Option<&'a ScannedAccount> {
    accounts.iter().find(|account| account.id == scope.account_id)
}

/// A type by its name, as a scope carries it.
#[must_use]
pub fn kind_of(scope: &Scope) -> Option<&'static dyn ResourceType> {
    crate::resource::find(&scope.resource_type)
}
