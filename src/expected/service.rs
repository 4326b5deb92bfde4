//! Expected state as the scans ask for it: loaded when first needed, again when a source changed, dropped when idle.
//!
//! Concurrent callers share one load. An idle daemon holds no estate but a small one that came from afar.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::estate::LoadedSource;
use super::{BUILTIN, Estate, Loaded, Parts, Problem, Source, Types};
use crate::config::problem::ConfigProblem;
use crate::config::{ExpectedSource, suggest};
use crate::domain::id::{ScanId, ScannedAccount};
use crate::store::LateStore;

/// An estate that nobody asked for during this time is dropped, unless it is small and came over the network.
const IDLE: Duration = Duration::from_mins(1);
/// An estate of so many bytes at most is worth keeping: fetching it again costs more than it takes.
const SMALL: usize = 32 * 1024 * 1024;
/// How long the parts of one scan share one look at the sources.
const SHARED_FOR: Duration = Duration::from_mins(10);
/// Scans that are remembered to have looked.
const SCANS_KNOWN: usize = 16;
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
    /// `None` if a source could not tell, or could not be read: whoever looks next reads all again.
    fingerprints: Option<Vec<String>>,
    accounts: Vec<ScannedAccount>,
    estate: Arc<Estate>,
    asked_at: Instant,
    /// The scans that this look was for, and when the first of their parts looked.
    scans: VecDeque<(ScanId, Instant)>,
}

impl Cached {
    fn is_for(&self, scan: ScanId) -> bool {
        self.scans.iter().any(|(known, looked_at)| *known == scan && looked_at.elapsed() < SHARED_FOR)
    }

    fn note(&mut self, scan: Option<ScanId>) {
        self.asked_at = Instant::now();
        if let Some(scan) = scan.filter(|scan| !self.is_for(*scan)) {
            self.scans.retain(|(known, _)| *known != scan);
            self.scans.push_back((scan, self.asked_at));
            self.scans.drain(..self.scans.len().saturating_sub(SCANS_KNOWN));
        }
    }
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
        self.look(accounts, None).await
    }

    /// What is declared, as a scan sees it: its parts in this process share one look at the sources, so that they
    /// judge by the same declarations, and a source that is far is asked once.
    pub async fn estate_for(&self, scan: ScanId, accounts: &[ScannedAccount]) -> Arc<Estate> {
        self.look(accounts, Some(scan)).await
    }

    async fn look(&self, accounts: &[ScannedAccount], scan: Option<ScanId>) -> Arc<Estate> {
        // Held while loading, so that whoever asks meanwhile waits for the same load.
        let mut cache = self.cache.lock().await;
        if let Some(cached) = cache.as_mut()
            && cached.accounts == accounts
            && scan.is_some_and(|scan| cached.is_for(scan))
        {
            cached.note(scan);
            return Arc::clone(&cached.estate);
        }
        let fingerprints = self.fingerprints().await;
        if let Some(cached) = cache.as_mut()
            && cached.accounts == accounts
            && fingerprints.is_some()
            && cached.fingerprints == fingerprints
        {
            cached.note(scan);
            return Arc::clone(&cached.estate);
        }
        // The old one must not stand beside the new one in memory.
        *cache = None;
        let estate = Arc::new(self.load(accounts).await);
        let mut cached = Cached {
            fingerprints,
            accounts: accounts.to_vec(),
            estate: Arc::clone(&estate),
            asked_at: Instant::now(),
            scans: VecDeque::new(),
        };
        cached.note(scan);
        *cache = Some(cached);
        estate
    }

    /// Drops the estate when nobody has asked for it for a while, until `stop`.
    pub async fn keep_tidy(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            self.drop_if_idle_for(IDLE).await;
        }
    }

    /// Drops the estate if nobody holds it, nobody has asked for it for `idle`, and it is not worth keeping; whether it
    /// did. What came over the network and is small is worth it: unchanged, it is not fetched and read again.
    pub async fn drop_if_idle_for(&self, idle: Duration) -> bool {
        let mut cache = self.cache.lock().await;
        let is_remote = self.sources.iter().any(|configured| configured.source.is_remote());
        let is_kept = |cached: &Cached| is_remote && cached.fingerprints.is_some() && cached.estate.bytes() <= SMALL;
        let is_idle = |cached: &mut Cached| {
            Arc::strong_count(&cached.estate) == 1 && cached.asked_at.elapsed() >= idle && !is_kept(cached)
        };
        cache.take_if(is_idle).is_some()
    }

    /// Looks at every source. `None` if one cannot tell whether it changed.
    async fn fingerprints(&self) -> Option<Vec<String>> {
        let looks = self.sources.iter().map(|configured| configured.source.fingerprint());
        futures::future::join_all(looks).await.into_iter().collect()
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
