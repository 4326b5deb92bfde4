//! `jobs retry` and `jobs cancel`.

use clap::Args;
use serde_json::json;

use super::super::{Format, output};
use super::when::When;
use crate::clock::{Clock, SystemClock};
use crate::domain::id::JobId;
use crate::store::job::{Cancelled, RetryFilter};
use crate::store::{self, Store};

/// Jobs that one transaction puts back.
const BATCH: i64 = 1000;

#[derive(Debug, Args)]
pub(in crate::cli) struct RetryArgs {
    /// Job ids
    #[arg(required_unless_present = "all_discarded")]
    ids: Vec<JobId>,
    /// Every job that was given up
    #[arg(long, conflicts_with = "ids")]
    all_discarded: bool,
    /// Of these those of this kind
    #[arg(long, value_name = "KIND", requires = "all_discarded", conflicts_with = "ids")]
    kind: Option<String>,
    /// Of these those whose last error holds this text, in whatever case
    #[arg(long, value_name = "TEXT", requires = "all_discarded", conflicts_with = "ids")]
    error: Option<String>,
    /// Of these those given up since: so long ago (`90m`, `2days`), or a time (`2026-01-31T12:00:00Z`)
    #[arg(long, value_name = "WHEN", requires = "all_discarded", conflicts_with = "ids")]
    since: Option<When>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn retry(store: &Store, args: RetryArgs) -> anyhow::Result<()> {
    let format = args.format;
    let retried =
        if args.all_discarded { retry_discarded(store, args).await? } else { retry_ids(store, &args.ids).await? };
    if format == Format::Json {
        return output::json(&json!({ "retried": retried }));
    }
    Ok(output::line(format_args!("{} will run again", output::count(retried, "job")))?)
}

/// All of them or none.
async fn retry_ids(store: &Store, ids: &[JobId]) -> anyhow::Result<u64> {
    let mut tx = store.begin().await?;
    for id in ids {
        store::job::retry(&mut tx, *id).await?;
    }
    tx.commit().await?;
    Ok(ids.len() as u64)
}

/// In batches: there may be very many. One that is interrupted is begun again by the same command.
async fn retry_discarded(store: &Store, args: RetryArgs) -> anyhow::Result<u64> {
    let now = SystemClock.now();
    let mut conn = store.conn().await?;
    let filter = RetryFilter {
        kind: args.kind,
        error: args.error,
        since: args.since.map(|when| when.before(now)),
        before: Some(store::job::now(&mut conn).await?),
    };
    drop(conn);
    let (mut retried, mut last) = (0, None);
    loop {
        let mut tx = store.begin().await?;
        let Some((count, id)) = store::job::retry_discarded(&mut tx, &filter, last, BATCH).await? else {
            return Ok(retried);
        };
        tx.commit().await?;
        retried += count;
        last = Some(id);
    }
}

/// All of them or none.
pub(super) async fn cancel(store: &Store, ids: Vec<JobId>, format: Format) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    let (mut cancelled, mut asked) = (Vec::new(), Vec::new());
    for id in ids {
        match store::job::cancel(&mut tx, id).await? {
            Cancelled::AtOnce => cancelled.push(id),
            Cancelled::Asked => asked.push(id),
        }
    }
    tx.commit().await?;
    if format == Format::Json {
        return output::json(&json!({ "cancelled": cancelled, "asked_to_stop": asked }));
    }
    if asked.is_empty() {
        return Ok(output::line(format_args!("{} cancelled", output::count(cancelled.len(), "job")))?);
    }
    for id in cancelled {
        output::line(format_args!("{id} waited and is cancelled"))?;
    }
    for id in asked {
        output::line(format_args!("{id} runs and is asked to stop"))?;
    }
    Ok(())
}
