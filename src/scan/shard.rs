//! The job that reads, judges and records one shard, and always closes its row.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tracing::{debug, info, warn};

use super::record::{Policy, ShardOutcome, record_by, sift};
use super::survey::{StandingDrift, Survey};
use super::{Scanner, Stored};
use crate::clock::SharedClock;
use crate::domain::coverage::{Note, figure};
use crate::domain::drift::Finding;
use crate::domain::id::Scope;
use crate::domain::route::Route;
use crate::domain::rule::{AutoApproveRule, IgnoreRule};
use crate::domain::scan::ScanStatus;
use crate::domain::words::clean;
use crate::jobs::ScanShard;
use crate::queue::{Handler, JobContext, JobError};
use crate::store::scan::ShardReport;
use crate::store::{self, Store, StoreError};

/// Runs [`ScanShard`] jobs.
pub struct ScanShardHandler {
    /// The database.
    pub store: Store,
    /// What reads and judges.
    pub scanner: Arc<Scanner>,
    /// Where alerts go.
    pub routes: Arc<[Route]>,
    /// What is approved without anybody; empty unless remediation applies anything.
    pub auto_approve: Arc<[AutoApproveRule]>,
    /// Business time.
    pub clock: SharedClock,
}

/// What the database held when a shard began.
struct Begun {
    standing: Vec<StandingDrift>,
    ignore: Vec<IgnoreRule>,
}

impl ScanShardHandler {
    async fn scan(&self, args: ScanShard) -> Result<(), JobError> {
        let read_started_at = self.clock.now();
        let Some(begun) = self.begin(&args, read_started_at).await? else { return Ok(()) };
        let known = Stored { standing: &begun.standing, ignore: &begun.ignore };
        let survey = self.scanner.survey(args.scan_id, &args.scope, args.unmanaged, known, &|| {}).await;
        log(&args, &survey);
        self.finish(&args, survey, &begun.ignore, read_started_at).await?;
        Ok(())
    }

    /// Marks the shard as begun and tells what the database holds for it; `None` if it was done before.
    async fn begin(&self, args: &ScanShard, now: DateTime<Utc>) -> Result<Option<Begun>, StoreError> {
        let mut conn = self.store.conn().await?;
        if !store::scan::start_shard(&mut conn, args.scan_id, &args.scope, now).await? {
            return Ok(None);
        }
        let standing = store::drift::standing(&mut conn, &args.scope).await?;
        let standing = standing.into_iter().map(|drift| StandingDrift {
            id: drift.id,
            resource_id: drift.resource_id,
            expected: drift.expected_state,
            actual: drift.actual_state,
        });
        Ok(Some(Begun { standing: standing.collect(), ignore: store::ignore::rules(&mut conn).await? }))
    }

    async fn finish(
        &self,
        args: &ScanShard,
        mut survey: Survey,
        ignore: &[IgnoreRule],
        read_started_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ignored_by = std::mem::take(&mut survey.ignored_by);
        let (mut report, findings) = report_of(&mut survey, &args.scope);
        let outcome = ShardOutcome {
            scan_id: args.scan_id,
            account_name: self.scanner.account_name(&args.scope.account_id).await,
            scope: args.scope.clone(),
            detected_by: args.detected_by,
            complete: report.status == ScanStatus::Succeeded,
            findings,
            matching: survey.matching,
            undeclared: survey.undeclared,
            read_started_at,
        };
        let triage = &self.scanner.rules().triage;
        let policy = Policy { routes: &self.routes, triage, auto_approve: &self.auto_approve };
        let mut tx = self.store.begin().await?;
        let recorded = record_by(&mut tx, &outcome, policy, now).await?;
        report.drifts_resolved = recorded.resolved;
        let is_first = store::scan::finish_shard(&mut tx, args.scan_id, &args.scope, &report, now).await?;
        let closed = store::scan::close_if_done(&mut tx, args.scan_id, now).await?;
        if is_first {
            let rules: Vec<String> = self.scanner.rules().ignore.iter().chain(ignore).map(IgnoreRule::key).collect();
            store::ignore::note_matches(&mut tx, args.scan_id, &rules, &ignored_by, now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        if let Some(scan) = closed {
            info!(scan.id = %args.scan_id, scan.status = %scan.status, "scan {} {}", args.scan_id, scan.status);
        }
        Ok(())
    }

    /// Closes a shard whose job was given up, in the transaction that gives it up.
    async fn give_up(&self, conn: &mut PgConnection, args: ScanShard, error: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let report = ShardReport { error: Some(error.to_owned()), ..ShardReport::default() };
        store::scan::finish_shard(&mut *conn, args.scan_id, &args.scope, &report, now).await?;
        store::scan::close_if_done(conn, args.scan_id, now).await?;
        Ok(())
    }
}

/// What is kept of a survey, and its findings that can be stored.
fn report_of(survey: &mut Survey, scope: &Scope) -> (ShardReport, Vec<Finding>) {
    let found = std::mem::take(&mut survey.findings);
    let drifts_found = found.len() as u64;
    let (findings, refused) = sift(scope, found);
    survey.coverage.resources_unknown += figure(refused.len());
    survey.errors.extend(refused);
    let report = ShardReport {
        status: survey.status(),
        resources_scanned: survey.scanned,
        drifts_found,
        drifts_resolved: 0,
        api_calls: survey.api_calls,
        error: survey.error(),
        coverage: std::mem::take(&mut survey.coverage),
        notes: std::mem::take(&mut survey.notes).into_iter().map(storable).collect(),
    };
    (report, findings)
}

/// A note without the characters that the database cannot keep.
fn storable(mut note: Note) -> Note {
    for text in [&mut note.resource_id, &mut note.pointer, &mut note.text] {
        *text = clean(text);
    }
    note
}

fn log(args: &ScanShard, survey: &Survey) {
    let (scan, scope, status) = (args.scan_id, &args.scope, survey.status());
    if let Some(error) = survey.error() {
        warn!(scan.id = %scan, shard.scope = %scope, shard.status = %status, "{scope}: {error}");
    }
    debug!(scan.id = %scan, shard.scope = %scope, shard.status = %status, resources = survey.scanned,
        drifts = survey.findings.len(), api_calls = survey.api_calls,
        "{scope}: {} resources compared, {} differ", survey.scanned, survey.findings.len());
}

impl Handler for ScanShardHandler {
    type Args = ScanShard;

    fn run<'a>(&'a self, _job: &'a JobContext, args: ScanShard) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.scan(args))
    }

    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        args: ScanShard,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.give_up(conn, args, error))
    }
}
