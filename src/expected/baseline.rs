//! Sources of kind `baseline`: expected state that `baseline capture` and `drifts reject --accept` keep in the database.
//!
//! Without a database nothing is known of what it declares, so nothing may be taken as undeclared then.

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use super::{Built, Declaration, Loaded, Origin, Parts, Problem, Source, SourceKind, Types};
use crate::config::options::Options;
use crate::config::problem::ConfigProblem;
use crate::domain::baseline::{BaselineEntry, DOCUMENT, place_in_document};
use crate::store::{self, LateStore, StoreError};

/// The kind.
pub(super) const KIND: SourceKind = SourceKind { name: "baseline", check, build };

/// Entries that are checked at a time.
const BATCH: usize = 500;

fn check(options: &Options) -> Vec<ConfigProblem> {
    options.reader().finish().err().unwrap_or_default()
}

fn build(options: &Options, parts: &Parts) -> Built {
    options.reader().finish()?;
    Ok(Box::new(BaselineSource { database: parts.database.clone(), types: parts.types }))
}

struct BaselineSource {
    database: LateStore,
    types: Types,
}

impl BaselineSource {
    /// Reads the newest version into `loaded`, as far as it goes.
    async fn read(&self, loaded: &mut Loaded) -> Result<(), String> {
        let mut conn = self.database.get()?.conn().await.map_err(words)?;
        let version = store::baseline::newest(&mut conn).await.map_err(words)?;
        loaded.documents = usize::from(version > 0);
        let mut batches = store::baseline::entries(&mut conn, version).try_chunks(BATCH);
        let types = self.types;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| words(error.1))?;
            let declare_all = move |loaded: &mut Loaded| batch.into_iter().for_each(|e| declare(e, types, loaded));
            *loaded = std::mem::take(loaded).extended(declare_all).await;
        }
        Ok(())
    }
}

/// The error and its cause.
#[allow(clippy::needless_pass_by_value, reason = "it is the shape that map_err wants")]
fn words(error: StoreError) -> String {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

impl Source for BaselineSource {
    fn describe(&self) -> String {
        DOCUMENT.to_owned()
    }

    fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async move {
            let mut conn = self.database.get().ok()?.conn().await.ok()?;
            let version = store::baseline::newest(&mut conn).await.ok()?;
            Some(format!("version {version}"))
        })
    }

    fn needs_database(&self) -> bool {
        true
    }

    fn load(&self) -> BoxFuture<'_, Loaded> {
        Box::pin(async move {
            let mut loaded = Loaded::default();
            if let Err(reason) = self.read(&mut loaded).await {
                let message = format!("cannot be read, so nothing is known of what it declares: {reason}");
                loaded.lose(DOCUMENT.to_owned(), message);
            }
            loaded
        })
    }
}

/// Declares what the baseline says of a resource, checked again: an earlier version of this program may have written it.
fn declare(entry: BaselineEntry, types: Types, loaded: &mut Loaded) {
    let BaselineEntry { key, since_version, mut state } = entry;
    let resource_type = &key.scope.resource_type;
    let Some(kind) = types.iter().find(|kind| kind.name() == resource_type) else {
        return refuse(
            &key.resource_id,
            resource_type,
            &format!("no resource type is called `{resource_type}`"),
            loaded,
        );
    };
    if let Some(fault) = kind.check(&state).first() {
        let message = format!("{}: {}", fault.pointer, fault.message);
        return refuse(&key.resource_id, resource_type, &message, loaded);
    }
    kind.normalize(&mut state);
    loaded.declare(Declaration {
        resource_id: key.resource_id,
        account_id: Some(key.scope.account_id),
        region: Some(key.scope.region),
        resource_type: key.scope.resource_type,
        state,
        origin: Origin { document: DOCUMENT.to_owned(), line: None, pointer: place_in_document(since_version) },
    });
}

fn refuse(resource_id: &str, resource_type: &str, why: &str, loaded: &mut Loaded) {
    let message = format!("{resource_type} {resource_id}: {why}: capture it anew, or take it out by `baseline remove`");
    loaded.problems.push(Problem { place: DOCUMENT.to_owned(), pointer: String::new(), message });
    loaded.note_faulty(resource_type, resource_id);
}
