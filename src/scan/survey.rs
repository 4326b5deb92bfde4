//! One shard read and judged, without a database: what the daemon records and what a dry run prints.
//!
//! Resources stream through; only what differs is held. A stream that ended early is never taken for a short listing.

use futures::StreamExt;
use serde_json::Value;

use super::assess::Context;
use super::tally::Tally;
use crate::config::Unmanaged;
use crate::domain::coverage::{Coverage, Note};
use crate::domain::drift::Finding;
use crate::domain::id::{DriftId, ScannedAccount, Scope};
use crate::domain::rule::RuleMatches;
use crate::domain::scan::ScanStatus;
use crate::expected::{Estate, ScopeDeclarations};
use crate::resource::{Aws, ReadError, ReadRequest, ResourceType, Undeclared};

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

/// Notes that are kept of a shard.
pub const NOTES_KEPT: usize = 100;

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
    /// What is known of the scope, and what is not.
    pub coverage: Coverage,
    /// What is to be known of single resources beside drifts and failed reads; the first [`NOTES_KEPT`].
    pub notes: Vec<Note>,
    /// Changes that ignore rules covered, by rule; rules that covered none are left out.
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
                Some(Err(error)) => break tally.break_off(&error),
                None => break tally.end(aws.bystanders.get()),
            }
            on_resource();
        }
        let mut survey = tally.finish();
        survey.api_calls = aws.calls.get();
        survey
    }

    /// What is to be said if AWS cannot be asked at all: everything that is declared is unknown.
    #[must_use]
    pub fn unreached(&self, error: &ReadError) -> Survey {
        let mut tally = Tally::new(self, self.estate.scope(self.context.scope), &[]);
        tally.break_off(error);
        tally.finish()
    }

    /// Whether this shard answers for resources in no scanned region.
    pub(super) fn is_home(&self) -> bool {
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
