//! Expected state as the scans ask for it: loaded when first needed, again when a source changed, dropped when idle.
//!
//! Concurrent callers share one load. An idle daemon holds no estate.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::estate::LoadedSource;
use super::{BUILTIN, Estate, Loaded, Parts, Problem, Source, Types};
use crate::config::problem::ConfigProblem;
use crate::config::{ExpectedSource, suggest};
use crate::domain::id::ScannedAccount;
use crate::store::LateStore;

/// An estate that nobody asked for during this time is dropped.
const IDLE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// All sources of expected state.
pub struct Expected {
    sources: Vec<ConfiguredSource>,
    types: Types,
    database: LateStore,
    cache: Mutex<Option<Cached>>,
}

struct ConfiguredSource {
    source: Box<dyn Source>,
    account: Option<String>,
}

struct Cached {
    fingerprints: Vec<String>,
    accounts: Vec<ScannedAccount>,
    estate: Arc<Estate>,
    asked_at: Instant,
}

impl Expected {
    /// Builds the configured sources with `parts`; the resource types alone do where all lies on this machine.
    ///
    /// # Errors
    /// With every fault of the options. A loaded configuration has none.
    pub fn build(configured: &[ExpectedSource], parts: impl Into<Parts>) -> Result<Self, Vec<ConfigProblem>> {
        let parts = parts.into();
        let types = parts.types;
        let mut sources = Vec::new();
        let mut problems = Vec::new();
        for (index, source) in configured.iter().enumerate() {
            match build(index, source, &parts) {
                Ok(source) => sources.push(source),
                Err(mut found) => problems.append(&mut found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        // Of two sources that say the same, the one that people write is named as the place of a declaration.
        sources.sort_by_key(|configured: &ConfiguredSource| configured.source.needs_database());
        Ok(Self { sources, types, database: parts.database, cache: Mutex::new(None) })
    }

    /// Where whoever opens the database says so, for the sources that lie in it.
    #[must_use]
    pub fn database(&self) -> &LateStore {
        &self.database
    }

    /// Whether a source lies in the database.
    #[must_use]
    pub fn needs_database(&self) -> bool {
        self.sources.iter().any(|configured| configured.source.needs_database())
    }

    /// What is declared, for the accounts that are scanned. Without `accounts` (not known, as before AWS was asked)
    /// it is checked in itself, but not for where resources lie.
    pub async fn estate(&self, accounts: &[ScannedAccount]) -> Arc<Estate> {
        // Held while loading, so that whoever asks meanwhile waits for the same load.
        let mut cache = self.cache.lock().await;
        let fingerprints = self.fingerprints().await;
        if let (Some(cached), Some(fingerprints)) = (cache.as_mut(), &fingerprints)
            && cached.fingerprints == *fingerprints
            && cached.accounts == accounts
        {
            cached.asked_at = Instant::now();
            return Arc::clone(&cached.estate);
        }
        // The old one must not stand beside the new one in memory.
        *cache = None;
        let estate = Arc::new(self.load(accounts).await);
        *cache = fingerprints.map(|fingerprints| Cached {
            fingerprints,
            accounts: accounts.to_vec(),
            estate: Arc::clone(&estate),
            asked_at: Instant::now(),
        });
        estate
    }

    /// Drops the estate when nobody has asked for it for a while, until `stop`.
    pub async fn keep_tidy(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            self.drop_if_idle_for(IDLE).await;
        }
    }

    /// Drops the estate if nobody holds it and nobody has asked for it for `idle`; whether it did.
    pub async fn drop_if_idle_for(&self, idle: Duration) -> bool {
        let mut cache = self.cache.lock().await;
        let is_idle = |cached: &mut Cached| Arc::strong_count(&cached.estate) == 1 && cached.asked_at.elapsed() >= idle;
        cache.take_if(is_idle).is_some()
    }

    /// `None` if a source cannot tell whether it changed.
    async fn fingerprints(&self) -> Option<Vec<String>> {
        let mut fingerprints = Vec::with_capacity(self.sources.len());
        for configured in &self.sources {
            fingerprints.push(configured.source.fingerprint().await?);
        }
        Some(fingerprints)
    }

    async fn load(&self, accounts: &[ScannedAccount]) -> Estate {
        let mut sources = Vec::with_capacity(self.sources.len());
        for ConfiguredSource { source, account } in &self.sources {
            let (name, loaded) = (source.describe(), source.load().await);
            sources.push(LoadedSource { name, account: account.clone(), loaded });
        }
        let (accounts, types) = (accounts.to_vec(), self.types);
        let merging = tokio::task::spawn_blocking(move || Estate::merge(sources, &accounts, types));
        merging.await.unwrap_or_else(|error| {
            let message = format!("merging the sources broke off: {error}");
            let mut loaded = Loaded::default();
            loaded.problems.push(Problem { place: "expected state".to_owned(), pointer: String::new(), message });
            loaded.note_lost();
            let source = LoadedSource { name: "expected state".to_owned(), account: None, loaded };
            Estate::merge(vec![source], &[], types)
        })
    }
}

fn build(index: usize, configured: &ExpectedSource, parts: &Parts) -> Result<ConfiguredSource, Vec<ConfigProblem>> {
    let Some(kind) = BUILTIN.iter().find(|kind| kind.name == configured.kind) else {
        let names: Vec<&str> = BUILTIN.iter().map(|kind| kind.name).collect();
        let instead = suggest::instead(&configured.kind, &names);
        let message = format!("no kind is called `{}`: {instead}", configured.kind);
        return Err(vec![ConfigProblem { path: format!("expected[{index}].kind"), line: None, message }]);
    };
    let parts = Parts { account: configured.account.clone(), ..parts.clone() };
    let source = (kind.build)(&configured.options, &parts)?;
    Ok(ConfiguredSource { source, account: configured.account.clone() })
}
