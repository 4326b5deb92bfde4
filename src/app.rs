//! Composition root: the only file that knows every part.

use std::sync::Arc;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use tracing::{info, warn};

use crate::clock::{SharedClock, SystemClock};
use crate::config::secret::Secret;
use crate::config::{Config, KindSpec, RemediationMode, Vocabulary};
use crate::embedded::{Host, Postgres, PostgresOptions, Site};
use crate::expected::Expected;
use crate::http::{self, HttpState};
use crate::notify::deliver::DeliverAlertHandler;
use crate::queue::{Announcer, Workers, WorkersBuilder};
use crate::remediate::auto::AutoApproveHandler;
use crate::remediate::run::RemediateHandler;
use crate::remediate::{DeclaredNow, Remediator};
use crate::resource::aws::AwsPool;
use crate::scan::Scanner;
use crate::scan::schedule::{Scheduler, next_tick, parse_cron};
use crate::scan::shard::ScanShardHandler;
use crate::shutdown::Shutdown;
use crate::store::{self, Store};
use crate::{expected, notify, prices, resource};

/// How often shards whose job is gone are looked for.
const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(15);

/// Connections that a private PostgreSQL takes: the daemon's and those of a few commands beside it.
const PRIVATE_CONNECTIONS: u32 = 60;

/// Parts that tests replace.
#[derive(Clone)]
pub struct Parts {
    /// Business time.
    pub clock: SharedClock,
    /// Credentials instead of the SDK's default chain.
    pub credentials: Option<Credentials>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), credentials: None }
    }
}

/// What the daemon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Turns ticks into scans.
    Scheduler,
    /// Runs jobs: shards, deliveries.
    Worker,
    /// Serves HTTP.
    Api,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Scheduler, Self::Worker, Self::Api];
}

/// The program without its database.
pub struct App {
    /// Configuration.
    pub config: Arc<Config>,
    /// Business time.
    pub clock: SharedClock,
    /// What reads and judges.
    pub scanner: Arc<Scanner>,
    /// What puts drift back.
    pub remediator: Arc<Remediator>,
    channels: notify::Channels,
}

/// The kinds that the configuration may name.
#[must_use]
pub fn vocabulary() -> Vocabulary {
    Vocabulary {
        resource_types: resource::BUILTIN.iter().map(|kind| kind.name()).collect(),
        expected: expected::BUILTIN.iter().map(|kind| KindSpec { name: kind.name, check: kind.check }).collect(),
        channels: notify::kinds(),
    }
}

impl App {
    /// Builds the parts from the configuration.
    ///
    /// # Errors
    /// If a part cannot be built; nothing is asked of AWS or the database yet.
    pub fn build(config: Config, parts: Parts) -> anyhow::Result<Self> {
        crate::crypto::install();
        let pool = match parts.credentials {
            Some(credentials) => AwsPool::with_credentials(&config.aws, credentials),
            None => AwsPool::new(&config.aws),
        };
        let with = expected::Parts { aws: Some(pool.clone()), ..expected::Parts::from(resource::BUILTIN) };
        let expected = Expected::build(&config.expected, with).map_err(problems)?;
        let channels = notify::build_all(&config.channels).map_err(problems)?;
        let changing = pool.for_remediation();
        let scanner = Scanner::new(pool, expected, prices::load(), config.rules.clone(), Arc::clone(&parts.clock));
        let scanner = Arc::new(scanner);
        let remediator = Arc::new(Remediator {
            pool: changing,
            declared: declared_now(&scanner),
            config: config.remediation.clone(),
            rules: config.rules.clone(),
            clock: Arc::clone(&parts.clock),
        });
        Ok(Self { config: Arc::new(config), clock: parts.clock, scanner, remediator, channels })
    }

    /// Lets the sources of expected state that lie in the database read it.
    pub fn use_database(&self, store: &Store) {
        self.scanner.expected().database().open(store);
    }

    /// Queue workers that can run every job kind.
    #[must_use]
    pub fn workers(&self, store: &Store, shutdown: &Shutdown) -> WorkersBuilder {
        self.use_database(store);
        Workers::builder(store.clone(), shutdown.clone())
            .concurrency(self.config.queue.concurrency)
            .lease(self.config.queue.lease)
            .add(ScanShardHandler {
                store: store.clone(),
                scanner: Arc::clone(&self.scanner),
                routes: self.config.routes.clone().into(),
                auto_approve: match self.config.remediation.mode {
                    RemediationMode::Apply => self.config.remediation.auto_approve.clone().into(),
                    RemediationMode::Off | RemediationMode::Plan => Arc::default(),
                },
                clock: Arc::clone(&self.clock),
            })
            .add(RemediateHandler {
                store: store.clone(),
                remediator: Arc::clone(&self.remediator),
                routes: self.config.routes.clone().into(),
            })
            .add(AutoApproveHandler { store: store.clone(), remediator: Arc::clone(&self.remediator) })
            .add(DeliverAlertHandler::new(store.clone(), self.channels.clone(), Arc::clone(&self.clock)))
    }

    /// What each channel says when it is asked whether it could send: its name, and words or the reason why not.
    pub async fn probe_channels(&self) -> Vec<(String, Result<String, String>)> {
        let mut said = Vec::new();
        for (name, channel) in &self.channels {
            said.push((name.clone(), channel.probe().await.map_err(|error| error.to_string())));
        }
        said
    }

    /// When each schedule ticks next, in words.
    #[must_use]
    pub fn next_ticks(&self) -> Vec<String> {
        let now = self.clock.now();
        let words = |schedule: &crate::config::Schedule| {
            let cron = parse_cron(&schedule.cron).ok()?;
            let next = next_tick(&cron, schedule.timezone, now)?.with_timezone(&schedule.timezone);
            Some(format!("{}: next at {}", schedule.name, next.format("%Y-%m-%d %H:%M:%S %Z")))
        };
        self.config.schedules.iter().filter_map(words).collect()
    }

    /// The scheduler of the configured schedules.
    #[must_use]
    pub fn scheduler(&self, store: &Store) -> Arc<Scheduler> {
        let schedules = &self.config.schedules;
        Arc::new(Scheduler::new(schedules, store.clone(), Arc::clone(&self.scanner), Arc::clone(&self.clock)))
    }

    /// Starts the roles as tasks of `shutdown`. Returns the address that HTTP listens on, if it does.
    ///
    /// # Errors
    /// If the HTTP address cannot be bound.
    pub async fn serve(
        &self,
        store: &Store,
        roles: &[Role],
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<std::net::SocketAddr>> {
        self.use_database(store);
        let mut address = None;
        if roles.contains(&Role::Api) {
            let listen = self.config.api.listen;
            let listener = http::bind(listen).await.with_context(|| format!("listen on {listen} ([api].listen)"))?;
            address = Some(listener.local_addr()?);
            let state = HttpState { store: store.clone(), pool: self.scanner.pool().clone() };
            shutdown.spawn("http", http::serve(listener, state, shutdown.clone()));
        }
        if roles.contains(&Role::Worker) {
            self.workers(store, shutdown).build().start();
        } else {
            // What is enqueued here is run elsewhere, and at once.
            Announcer::start(store, shutdown);
        }
        if roles.contains(&Role::Scheduler) {
            self.start_scheduler(store, shutdown);
        }
        let (scanner, stop) = (Arc::clone(&self.scanner), shutdown.soft().clone());
        shutdown.spawn("estate-tidy", async move { scanner.expected().keep_tidy(&stop).await });
        let roles: Vec<String> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
        info!(roles = %roles.join(","), schedules = self.config.schedules.len(), "driftsentry is running");
        if self.config.schedules.is_empty() {
            warn!("no [[schedules]] configured: scans happen only when they are asked for");
        }
        Ok(address)
    }

    fn start_scheduler(&self, store: &Store, shutdown: &Shutdown) {
        let (scheduler, stop) = (self.scheduler(store), shutdown.clone());
        shutdown.spawn("scheduler", async move {
            if let Err(error) = scheduler.run(&stop).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the scheduler ended");
            }
        });
        shutdown.spawn("scan-sweep", sweep(store.clone(), Arc::clone(&self.clock), shutdown.clone()));
    }
}

/// Asks the sources of expected state what a resource is declared as.
fn declared_now(scanner: &Arc<Scanner>) -> DeclaredNow {
    let scanner = Arc::clone(scanner);
    Arc::new(move |key| {
        let scanner = Arc::clone(&scanner);
        Box::pin(async move {
            let estate = scanner.estate().await.map_err(|error| error.to_string())?;
            let scope = estate.scope(&key.scope);
            if scope.is_undecided(&key.resource_id) {
                return Err(format!("a source of expected state contradicts another, or is faulty, about {key}"));
            }
            let found = scope.find(&key.resource_id).map(|found| found.unpack().state);
            if found.is_none() && !estate.is_complete() {
                return Err("a source of expected state cannot be read".to_owned());
            }
            Ok(found)
        })
    })
}

/// Closes shards whose job is gone, so that no scan stays open for ever.
async fn sweep(store: Store, clock: SharedClock, shutdown: Shutdown) {
    while shutdown.soft().run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        let swept = async {
            let mut tx = store.begin().await?;
            let closed = store::scan::close_orphans(&mut tx, clock.now()).await?;
            tx.commit().await.map_err(store::StoreError::from)?;
            Ok::<_, store::StoreError>(closed)
        };
        match swept.await {
            Ok(closed) if closed.is_empty() => {}
            Ok(closed) => warn!(scans = closed.len(), "{} scans closed whose jobs were gone", closed.len()),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "open shards could not be looked for"),
        }
    }
}

/// A database that is open: the configured one, or a private PostgreSQL under the data directory.
pub struct Database {
    /// The database.
    pub store: Store,
    private: Option<Postgres>,
}

impl Database {
    /// Opens it. With `migrate`, brings the schema up to date first; without, refuses one that is not.
    ///
    /// # Errors
    /// If it cannot be reached or its schema is not current; says what to do.
    pub async fn open(config: &Config, host: &Host, migrate: bool) -> anyhow::Result<Self> {
        let (url, private) = match &config.database.url {
            Some(url) => (url.clone(), None),
            None => {
                let site = Site::Kept(config.database.data_dir.clone());
                let options = PostgresOptions { site, max_connections: PRIVATE_CONNECTIONS };
                let private = Postgres::start(host, &options)
                    .await
                    .context("start the private PostgreSQL (set [database].url or DATABASE_URL to use your own)")?;
                (Secret::new(private.url()), Some(private))
            }
        };
        let store = Store::connect(&url, config.database.max_connections).await?;
        if migrate {
            store.migrate().await?;
        } else if !store.is_current().await? {
            anyhow::bail!("the database schema is not current: run `driftsentry migrate`");
        }
        Ok(Self { store, private })
    }

    /// Closes the connections and stops the private server, if this process started it.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

/// Problems of the configuration that a part found while it was built.
#[allow(clippy::needless_pass_by_value, reason = "it is the shape that map_err wants")]
pub(crate) fn problems(problems: Vec<crate::config::ConfigProblem>) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", lines.join("\n"))
}
