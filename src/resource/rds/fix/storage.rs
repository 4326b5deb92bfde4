//! Storage: size, type, IOPS, throughput. It only ever grows, and AWS wants some figures together.

use serde_json::Value;

use super::draft::Draft;
use super::rules::figure;
use crate::domain::diff::Change;
use crate::resource::fix::Disruption;

const SIZE: &str = "AllocatedStorage";
const KIND: &str = "StorageType";
const IOPS: &str = "Iops";
const THROUGHPUT: &str = "StorageThroughput";
const LIMIT: &str = "MaxAllocatedStorage";

pub(super) fn plan(draft: &mut Draft<'_>) {
    let open = |draft: &Draft<'_>, name: &str| draft.change_of(name).filter(|change| !draft.is_taken(change)).cloned();
    if let Some(change) = open(draft, SIZE) {
        grow(draft, &change);
    }
    if let Some(change) = open(draft, KIND) {
        change_kind(draft, &change);
    }
    if let Some(change) = open(draft, IOPS) {
        draft.modify.iops = tune(draft, &change);
    }
    if let Some(change) = open(draft, THROUGHPUT) {
        draft.modify.storage_throughput = tune(draft, &change);
    }
    if let Some(change) = open(draft, LIMIT) {
        limit(draft, &change);
    }
    complete(draft);
}

fn grow(draft: &mut Draft<'_>, change: &Change) {
    let (Some(declared), Some(live)) = (figure(change.from.as_ref()), figure(change.to.as_ref())) else { return };
    if declared < live {
        let instead = "move the data to a database with less, or declare what is live";
        return draft.leave(change, "storage only ever grows", instead);
    }
    if i64::from(declared) * 10 < i64::from(live) * 11 {
        let instead = "declare what is live, or at least a tenth more";
        return draft.leave(change, "storage grows by at least a tenth, which is more than is declared", instead);
    }
    draft.modify.allocated_storage = Some(declared);
    draft.take(change, Disruption::Degraded, false);
}

/// To or from magnetic storage, the database is out for a while.
fn change_kind(draft: &mut Draft<'_>, change: &Change) {
    let Some(kind) = change.from_str() else { return };
    let is_magnetic = kind == "standard" || change.to_str() == Some("standard");
    draft.modify.storage_type = Some(kind.to_owned());
    draft.take(change, if is_magnetic { Disruption::Restart } else { Disruption::Degraded }, false);
}

/// The declared figure. A declared 0 leaves the choice to the storage type: it comes with a change of the type, and no
/// call sets it.
fn tune(draft: &mut Draft<'_>, change: &Change) -> Option<i32> {
    let declared = figure(change.from.as_ref()).filter(|figure| *figure > 0);
    if declared.is_none() && draft.modify.storage_type.is_none() {
        let instead = "declare the figure that is live, or another one";
        draft.leave(change, "the storage type decides it, and this one has a figure of its own", instead);
        return None;
    }
    draft.take(change, Disruption::Degraded, false);
    declared
}

/// Autoscaling is turned off by a limit that is the size itself.
fn limit(draft: &mut Draft<'_>, change: &Change) {
    let size = draft.modify.allocated_storage.or_else(|| figure(draft.live(SIZE)));
    let limit = figure(change.from.as_ref()).filter(|limit| *limit > 0).or(size);
    draft.modify.max_allocated_storage = limit;
    if limit.is_some() {
        draft.take(change, Disruption::None, false);
    }
}

/// Adds what AWS wants beside: IOPS where the size, the type or the throughput changes, the size where IOPS do.
fn complete(draft: &mut Draft<'_>) {
    let size = draft.modify.allocated_storage.or_else(|| figure(draft.live(SIZE)));
    let kind = draft.modify.storage_type.as_deref().or_else(|| draft.live(KIND).and_then(Value::as_str));
    let engine = draft.live("Engine").and_then(Value::as_str).unwrap_or_default();
    let modify = &draft.modify;
    let is_storage = modify.allocated_storage.is_some()
        || modify.storage_type.is_some()
        || modify.iops.is_some()
        || modify.storage_throughput.is_some();
    if !is_storage || !takes_iops(kind.unwrap_or_default(), size.unwrap_or_default(), engine) {
        return;
    }
    if draft.modify.iops.is_none() {
        let live = || figure(draft.live(IOPS));
        draft.modify.iops = figure(draft.wanted(IOPS)).filter(|iops| *iops > 0).or_else(live).filter(|iops| *iops > 0);
    }
    draft.modify.allocated_storage = size;
}

/// Whether IOPS are the owner's choice: of general-purpose storage only from a size on that depends on the engine.
fn takes_iops(kind: &str, size: i32, engine: &str) -> bool {
    match kind {
        "io1" | "io2" => true,
        "gp3" if engine.starts_with("sqlserver") => true,
        "gp3" if engine.starts_with("oracle") => size >= 200,
        "gp3" if engine.starts_with("db2") => size >= 100,
        "gp3" => size >= 400,
        _ => false,
    }
}
