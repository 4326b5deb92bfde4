//! The tables of mutations, each driven through the whole program: configuration, queue, scan, database.
//!
//! For each type a baseline is captured and scanned without a drift. Then each single change of each attribute must
//! lead to exactly one drift that says what the table says, and undoing it must end that drift.

use std::collections::BTreeSet;

use driftsentry::domain::drift::{Drift, DriftStatus};
use driftsentry::resource::{Aws, find};

use crate::mutation::{How, Mutation};
use crate::support::{Effect, Rule, Setup, TestApp};
use crate::{mutations_ec2, mutations_iam_role, mutations_rds, mutations_s3, mutations_security_group};

#[tokio::test]
async fn every_change_of_an_instance_is_one_drift_until_it_is_undone() {
    let table = mutations_ec2::mutations();
    each_is_one_drift(&["EC2"], async |aws| mutations_ec2::create(aws).await, table).await;
}

#[tokio::test]
async fn every_change_of_a_role_is_one_drift_until_it_is_undone() {
    let table = mutations_iam_role::mutations();
    each_is_one_drift(&["IAM_ROLE"], async |aws| mutations_iam_role::create(aws).await, table).await;
}

#[tokio::test]
async fn every_change_of_a_database_is_one_drift_until_it_is_undone() {
    let table = mutations_rds::mutations();
    each_is_one_drift(&["RDS"], async |aws| mutations_rds::create(aws).await, table).await;
}

#[tokio::test]
async fn every_change_of_a_bucket_is_one_drift_until_it_is_undone() {
    let table = mutations_s3::mutations();
    each_is_one_drift(&["S3"], async |aws| mutations_s3::create(aws).await, table).await;
}

#[tokio::test]
async fn every_change_of_a_security_group_is_one_drift_until_it_is_undone() {
    let table = mutations_security_group::mutations();
    each_is_one_drift(&["SECURITY_GROUP"], async |aws| mutations_security_group::create(aws).await, table).await;
}

async fn each_is_one_drift(
    types: &'static [&'static str],
    create: impl AsyncFnOnce(&Aws) -> String,
    table: Vec<Mutation>,
) {
    every_attribute_has_a_mutation(types[0], &table);
    let app = TestApp::start(Setup::of(types)).await;
    let aws = app.aws().await;
    let id = create(&aws).await;
    let captured = app.capture_baseline().await;
    let baseline = captured.into_iter().find(|resource| resource.resource_id == id).expect("it is captured").state;
    app.scan_later().await;
    assert_eq!(app.drifts().await, [], "what was captured has not drifted");
    // From here on only the one is read: what it needs beside it is not changed.
    app.edit_baseline(|resources| resources.retain(|resource| resource["resource_id"] == id.as_str()));
    let mut faults = Vec::new();
    for mutation in table {
        let mutation = mutation.of(&id, &baseline);
        apply(&app, &aws, &id, &mutation).await;
        app.scan_later().await;
        let found = app.open_drifts().await;
        faults.extend(fault(&mutation, &id, &found).map(|fault| format!("{}: {fault}", mutation.pointer)));
        undo(&app, &aws, &id, &mutation).await;
        app.scan_later().await;
        faults.extend(not_over(&app, &found).await.map(|fault| format!("{} undone: {fault}", mutation.pointer)));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn every_attribute_has_a_mutation(type_name: &str, table: &[Mutation]) {
    let kind = find(type_name).expect("the type is listed");
    let changed: BTreeSet<&str> = table.iter().map(|mutation| mutation.attribute).collect();
    assert_eq!(changed, kind.attributes().iter().map(|attribute| attribute.name).collect());
}

async fn apply(app: &TestApp, aws: &Aws, id: &str, mutation: &Mutation) {
    match &mutation.how {
        How::Api { apply, .. } => apply(aws, id).await,
        How::Rewrite { operation, from, to } => {
            let rule = Rule::on(operation, Effect::Rewrite(from.clone(), to.clone()));
            // A listing tells of all resources, a bucket's answers of that bucket alone.
            app.proxy.add(if operation.starts_with("GET ?") { rule.about(id) } else { rule });
        }
    }
}

async fn undo(app: &TestApp, aws: &Aws, id: &str, mutation: &Mutation) {
    match &mutation.how {
        How::Api { undo, .. } => undo(aws, id).await,
        How::Rewrite { .. } => app.proxy.clear_rules(),
    }
}

/// What the table and the program disagree on.
fn fault(mutation: &Mutation, id: &str, found: &[Drift]) -> Option<String> {
    let [drift] = found else {
        let resources: Vec<&str> = found.iter().map(|drift| drift.key.resource_id.as_str()).collect();
        return Some(format!("one drift is wanted, found are {resources:?}"));
    };
    let [change] = drift.changes.as_slice() else {
        return Some(format!("one change is wanted, found are {:#?}", drift.changes));
    };
    let cost = drift.cost_impact_monthly.map(|usd| format!("{usd:.2}"));
    let found = (drift.key.resource_id.as_str(), &change.pointer, &change.from, &change.to);
    let wanted = (id, &mutation.pointer, &mutation.from, &mutation.to);
    let (rated, to_rate) = ((drift.severity, cost.as_deref()), (mutation.severity, mutation.cost));
    (found != wanted || rated != to_rate).then(|| format!("wanted {wanted:?} {to_rate:?}\n found {found:?} {rated:?}"))
}

/// What is wrong with the end of these drifts.
async fn not_over(app: &TestApp, found: &[Drift]) -> Option<String> {
    let drifts = app.drifts().await;
    if let Some(open) = drifts.iter().find(|drift| drift.status.is_open()) {
        return Some(format!("still open: {:?}", open.changes));
    }
    let ended = drifts.iter().filter(|drift| found.iter().any(|one| one.id == drift.id));
    let mut badly = ended.filter(|drift| {
        (drift.status, drift.resolved_how.as_deref()) != (DriftStatus::Resolved, Some("manual-fix"))
            || drift.resolved_at <= Some(drift.detected_at)
    });
    badly.next().map(|drift| format!("badly ended: {drift:?}"))
}
