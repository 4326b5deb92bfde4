//! The one transaction: what a shard found becomes drifts, audit records, events, alerts, deliveries, jobs and costs.
//!
//! Everything is written in the caller's transaction and set-wise, so that ten thousand findings take seconds. The
//! scope is locked first: of two shards of one scope the second one sees what the first one wrote. It must never write
//! a drift that breaks the patch law, nor write anything for a shard that is recorded already or is older than one that
//! is.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::lifecycle::{Changed, Ended, Plan, plan};
use super::trail::Trail;
use crate::domain::alert::AlertType;
use crate::domain::diff::law_holds;
use crate::domain::drift::{DetectedBy, DriftStatus, Finding};
use crate::domain::id::{AlertId, DriftId, ScanId, Scope};
use crate::domain::route::{AlertFacts, Route, channels_of};
use crate::domain::rule::{AutoApproveRule, TriageRule};
use crate::domain::state::holds_nul;
use crate::domain::story::{Story, TITLE_MAX};
use crate::domain::words::{clean, cut};
use crate::jobs::DeliverAlert;
use crate::queue::{self, EnqueueOptions};
use crate::store::alert::NewAlert;
use crate::store::drift::{NewDrifts, StoredDrift, kept_cost};
use crate::store::event::DriftEvent;
use crate::store::{self, StoreError};

/// Drifts that are written at a time: their states are large, and a statement is held in memory as a whole.
const BATCH: usize = 1000;
/// Alerts are told before the shards that wait: people come first.
const ALERT_PRIORITY: i16 = 1;
/// Characters of a resource id at most, as the database keeps it.
const RESOURCE_ID_MAX: usize = 255;
/// Characters of an id that cannot be stored that are told.
const ID_TOLD_MAX: usize = 80;

/// What a shard found.
#[derive(Debug, Clone)]
pub struct ShardOutcome {
    /// The scan.
    pub scan_id: ScanId,
    /// What the shard covers.
    pub scope: Scope,
    /// Configured name of the account.
    pub account_name: Option<String>,
    /// Who made the scan happen.
    pub detected_by: DetectedBy,
    /// Resources that are not as declared, at most one per resource.
    pub findings: Vec<Finding>,
    /// Standing drifts whose resource was read in full and is as declared now.
    pub matching: Vec<DriftId>,
    /// Standing drifts whose resource nothing declares any more; empty unless all declarations could be read.
    pub undeclared: Vec<DriftId>,
    /// Whether everything could be read.
    pub complete: bool,
    /// When reading began.
    pub read_started_at: DateTime<Utc>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// New drifts.
    pub created: u64,
    /// Drifts that got another difference.
    pub changed: u64,
    /// Drifts that are over.
    pub resolved: u64,
    /// Alerts.
    pub alerts: u64,
    /// Why nothing was written, if so.
    pub skipped: Option<Skipped>,
}

/// Why an outcome is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// The shard is closed: its job ran twice.
    Closed,
    /// A read of the same scope that began later is recorded.
    Stale,
}

/// Records a shard in the caller's transaction. The caller closes the shard in the same one.
///
/// # Errors
/// If a finding must not be stored (it breaks the patch law), or the database refuses. Nothing may be committed then.
pub async fn record(
    conn: &mut PgConnection,
    outcome: &ShardOutcome,
    routes: &[Route],
    now: DateTime<Utc>,
) -> Result<Recorded, StoreError> {
    record_by(conn, outcome, Policy { routes, ..Policy::default() }, now).await
}

/// What the configuration says of new drifts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy<'a> {
    /// Where alerts go.
    pub routes: &'a [Route],
    /// What is triaged at once.
    pub triage: &'a [TriageRule],
    /// What is approved without anybody; empty unless remediation applies anything.
    pub auto_approve: &'a [AutoApproveRule],
}

/// As [`record`], with rules that decide at once.
///
/// # Errors
/// As [`record`].
pub async fn record_by(
    conn: &mut PgConnection,
    outcome: &ShardOutcome,
    policy: Policy<'_>,
    now: DateTime<Utc>,
) -> Result<Recorded, StoreError> {
    outcome.findings.iter().try_for_each(|finding| check(&outcome.scope, finding))?;
    let standing = store::drift::lock_standing(conn, &outcome.scope).await?;
    if let Some(skipped) = why_not(conn, outcome).await? {
        return Ok(Recorded { skipped: Some(skipped), ..Recorded::default() });
    }
    let mut plan = plan(&standing, outcome);
    // What was read before it was put back is out of date.
    let put_back = store::remediation::put_back_since(conn, &outcome.scope, outcome.read_started_at).await?;
    plan.create.retain(|finding| !put_back.contains(&finding.key.resource_id));
    let mut recorder = Recorder { conn, outcome, policy, now, alerts: 0 };
    recorder.accrue(&plan).await?;
    recorder.end(&plan.end).await?;
    recorder.change(&plan.change).await?;
    recorder.create(&plan.create).await?;
    Ok(Recorded {
        created: plan.create.len() as u64,
        changed: plan.change.len() as u64,
        resolved: plan.end.len() as u64,
        alerts: recorder.alerts,
        skipped: None,
    })
}

async fn why_not(conn: &mut PgConnection, outcome: &ShardOutcome) -> Result<Option<Skipped>, StoreError> {
    if !store::scan::lock_open_shard(conn, outcome.scan_id, &outcome.scope).await? {
        return Ok(Some(Skipped::Closed));
    }
    let is_stale = store::scan::newer_read_exists(conn, &outcome.scope, outcome.read_started_at).await?;
    Ok(is_stale.then_some(Skipped::Stale))
}

/// Parts findings that can be stored from those that cannot, of which it is told why. A finding that cannot is
/// *unknown*: the drift that may stand of its resource goes on as it is.
pub(super) fn sift(scope: &Scope, findings: Vec<Finding>) -> (Vec<Finding>, Vec<String>) {
    let (mut storable, mut refused) = (Vec::with_capacity(findings.len()), Vec::new());
    for finding in findings {
        match check(scope, &finding) {
            Ok(()) => storable.push(finding),
            Err(error) => refused.push(clean(&error.to_string())),
        }
    }
    (storable, refused)
}

/// Whether a finding may be stored.
fn check(scope: &Scope, finding: &Finding) -> Result<(), StoreError> {
    let refuse = |reason: &str| {
        let key = finding.key.scope.key(&cut(&finding.key.resource_id, ID_TOLD_MAX));
        Err(StoreError::Unstorable { subject: format!("the drift of {key}"), reason: reason.to_owned() })
    };
    if finding.key.scope != *scope {
        return refuse("it lies outside the shard that reports it");
    }
    if finding.key.resource_id.chars().count() > RESOURCE_ID_MAX {
        return refuse("its id has more than 255 characters");
    }
    if finding.key.resource_id.contains('\0') {
        return refuse("its id holds a NUL character, which the database cannot keep");
    }
    if [&finding.expected, &finding.actual, &finding.difference].into_iter().any(holds_nul) {
        return refuse("its state holds a NUL character, which the database cannot keep");
    }
    if !law_holds(&finding.expected, &finding.difference, &finding.actual) {
        return refuse("its difference does not turn the expected into the actual state");
    }
    Ok(())
}

/// What an alert says of a drift beside the finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) drift_id: DriftId,
    pub(super) since: DateTime<Utc>,
    pub(super) status: DriftStatus,
    /// Whether it came back after it was put back.
    pub(super) is_recurring: bool,
}

impl Told {
    fn first(drift_id: DriftId, now: DateTime<Utc>) -> Self {
        Self { drift_id, since: now, status: DriftStatus::Detected, is_recurring: false }
    }

    fn again(drift: &StoredDrift) -> Self {
        Self { drift_id: drift.id, since: drift.detected_at, status: drift.status, is_recurring: false }
    }
}

/// Writes a plan.
pub(super) struct Recorder<'a> {
    pub(super) conn: &'a mut PgConnection,
    pub(super) outcome: &'a ShardOutcome,
    pub(super) policy: Policy<'a>,
    pub(super) now: DateTime<Utc>,
    alerts: u64,
}

impl<'a> Recorder<'a> {
    fn trail(&self) -> Trail<'a> {
        Trail { outcome: self.outcome, now: self.now }
    }

    /// Adds a cost record to every open drift whose cost of the time since the last one is certain: those that a
    /// complete read has seen to go on, and those that change or end now. Before anything else, because the time that
    /// has passed costs what was stored for it.
    async fn accrue(&mut self, plan: &Plan<'_>) -> Result<(), StoreError> {
        let kept = plan.keep.iter().filter(|_| self.outcome.complete).filter(|drift| drift.status.is_open());
        let ended = plan.end.iter().filter(|ended| ended.drift.status.is_open());
        let drifts: Vec<(DriftId, Option<Decimal>)> = kept
            .map(|drift| (drift.id, drift.cost))
            .chain(plan.change.iter().map(|changed| (changed.before.id, kept_cost(&changed.finding.cost).0)))
            .chain(ended.map(|ended| (ended.drift.id, Some(Decimal::ZERO))))
            .collect();
        store::cost::accrue(self.conn, &drifts, self.now).await
    }

    async fn end(&mut self, ended: &[Ended<'_>]) -> Result<(), StoreError> {
        let trail = self.trail();
        for batch in ended.chunks(BATCH) {
            let undecided: Vec<&Ended<'_>> = batch.iter().filter(|ended| ended.is_undecided()).collect();
            let rejections: Vec<_> = undecided.iter().map(|ended| (ended.drift.id, ended.reason)).collect();
            store::drift::reject_all(self.conn, &rejections, self.now).await?;
            let ends: Vec<_> = batch.iter().map(|ended| (ended.drift.id, ended.how)).collect();
            store::drift::resolve_all(self.conn, &ends, self.now).await?;
            let audit: Vec<_> = undecided.iter().map(|ended| trail.audit_of_rejection(ended)).collect();
            store::audit::append_all(self.conn, &audit, self.now).await?;
            let events = undecided.iter().map(|ended| trail.event_of_end(DriftEvent::Rejected, ended));
            store::event::append_all(self.conn, &events.collect::<Vec<_>>(), self.now).await?;
            // Later than the rejection, so that who sorts by time reads the steps in their order.
            let then = self.now + TimeDelta::microseconds(1);
            let audit: Vec<_> = batch.iter().map(|ended| trail.audit_of_end(ended)).collect();
            store::audit::append_all(self.conn, &audit, then).await?;
            let events = batch.iter().map(|ended| trail.event_of_end(DriftEvent::Resolved, ended));
            store::event::append_all(self.conn, &events.collect::<Vec<_>>(), then).await?;
        }
        Ok(())
    }

    async fn change(&mut self, changed: &[Changed<'_>]) -> Result<(), StoreError> {
        let trail = self.trail();
        for batch in changed.chunks(BATCH) {
            let drifts: Vec<_> = batch.iter().map(|changed| (changed.before.id, changed.finding)).collect();
            store::drift::update_all(self.conn, &drifts).await?;
            let events: Vec<_> = batch.iter().map(|changed| trail.event_of_change(changed)).collect();
            store::event::append_all(self.conn, &events, self.now).await?;
            let became_known = batch.iter().filter(|changed| changed.before.cost.is_none());
            let became_known: Vec<_> =
                became_known.filter_map(|c| Some((c.before.id, kept_cost(&c.finding.cost).0?))).collect();
            store::cost::begin(self.conn, &became_known, self.now).await?;
            let worse = batch.iter().filter(|changed| changed.finding.severity > changed.before.severity);
            let worse: Vec<_> = worse.map(|Changed { before, finding }| (Told::again(before), *finding)).collect();
            self.alert(AlertType::DriftDetected, &worse).await?;
        }
        Ok(())
    }

    async fn create(&mut self, findings: &[&Finding]) -> Result<(), StoreError> {
        let trail = self.trail();
        for batch in findings.chunks(BATCH) {
            let drifts: Vec<(DriftId, &Finding)> = batch.iter().map(|finding| (DriftId::new(), *finding)).collect();
            let new = NewDrifts {
                scope: &self.outcome.scope,
                account_name: self.outcome.account_name.as_deref(),
                detected_by: self.outcome.detected_by,
                drifts,
            };
            store::drift::insert_all(self.conn, &new, self.now).await?;
            let audit = new.drifts.iter().map(|(id, finding)| trail.audit_of_creation(*id, finding));
            let audit = audit.collect::<Result<Vec<_>, _>>()?;
            store::audit::append_all(self.conn, &audit, self.now).await?;
            let events: Vec<_> = new.drifts.iter().map(|(id, finding)| trail.event_of_creation(*id, finding)).collect();
            store::event::append_all(self.conn, &events, self.now).await?;
            let costs = new.drifts.iter().filter_map(|(id, finding)| Some((*id, kept_cost(&finding.cost).0?)));
            store::cost::begin(self.conn, &costs.collect::<Vec<_>>(), self.now).await?;
            let recurring = self.note_recurring(&new.drifts).await?;
            let told = new.drifts.iter().map(|(id, finding)| {
                let told = Told::first(*id, self.now);
                (Told { is_recurring: recurring.contains(id), ..told }, *finding)
            });
            let told: Vec<_> = told.collect();
            self.alert(AlertType::DriftDetected, &told).await?;
            self.decide_at_once(&told).await?;
        }
        Ok(())
    }

    /// One alert per drift, its deliveries by the routes, and the jobs that make them.
    pub(super) async fn alert(&mut self, alert_type: AlertType, drifts: &[(Told, &Finding)]) -> Result<(), StoreError> {
        let account_name = self.outcome.account_name.as_deref();
        let mut alerts = Vec::with_capacity(drifts.len());
        let mut deliveries = Vec::new();
        for (told, finding) in drifts {
            let mut story = Story::from(*finding).in_account(account_name).stored_as(told.drift_id, told.since);
            (story.status, story.is_recurring) = (told.status, told.is_recurring);
            let (title, message) = match alert_type {
                AlertType::ApprovalNeeded => {
                    (cut(&format!("Approval needed: {}", story.title()), TITLE_MAX), story.text())
                }
                _ => (story.title(), story.text()),
            };
            let (id, drift_id, severity) = (AlertId::new(), told.drift_id, finding.severity);
            alerts.push(NewAlert { id, drift_id, alert_type, severity, title, message });
            let facts = AlertFacts { alert_type: alert_type.as_str(), severity, key: &finding.key, account_name };
            deliveries.extend(channels_of(self.policy.routes, facts).into_iter().map(|channel| (id, channel)));
        }
        store::alert::insert_all(self.conn, &alerts, self.now).await?;
        store::delivery::insert_all(self.conn, &deliveries).await?;
        let options = EnqueueOptions { priority: ALERT_PRIORITY, ..EnqueueOptions::default() };
        let job = |(alert_id, channel): (AlertId, &str)| {
            (DeliverAlert { alert_id, channel: channel.to_owned() }, options.clone())
        };
        queue::enqueue_all_with(self.conn, deliveries.into_iter().map(job)).await?;
        self.alerts += alerts.len() as u64;
        Ok(())
    }
}
