//! What the demo plays on: its servers, its folder, its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::app::{App, Parts, Role, vocabulary};
use crate::clock::SystemClock;
use crate::config::secret::Secret;
use crate::demo::REGIONS;
use crate::domain::id::AccountId;
use crate::embedded::sink::Sink;
use crate::embedded::smtp::{Smtp, SmtpOptions};
use crate::embedded::{Folder, Host, Moto, Postgres, PostgresOptions, Site};
use crate::resource::aws::Credentials;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// The account that the emulator gives to credentials that it does not know.
const ACCOUNT: &str = "123456789012";

/// Where the pages are, unless somebody else listens there.
const LISTEN: &str = "127.0.0.1:8080";

/// The configuration's name in the demo's folder.
const CONFIG_FILE: &str = "driftsentry.toml";

/// Connections of the demo at most.
const MOST_CONNECTIONS: u32 = 10;

/// How long begun work may take after the signal to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Everything that the demo has started.
pub(super) struct Stage {
    pub(super) app: App,
    /// Where the API and the pages are.
    pub(super) address: Option<SocketAddr>,
    pub(super) store: Store,
    pub(super) smtp: Smtp,
    pub(super) sink: Sink,
    pub(super) shutdown: Shutdown,
    pub(super) config_file: PathBuf,
    folder: Folder,
    postgres: Postgres,
    moto: Moto,
}

impl Stage {
    /// Starts the servers and writes the configuration.
    pub(super) async fn set(host: &Host) -> anyhow::Result<Self> {
        let folder = Folder::create(host, "driftsentry-demo-").context("make the demo's folder")?;
        let database = PostgresOptions { site: Site::Temporary, max_connections: 100 };
        let (postgres, moto, smtp) = tokio::try_join!(
            async { Postgres::start(host, &database).await.context("start a private PostgreSQL") },
            async { Moto::start(host).await.context("start the AWS emulator") },
            async { Smtp::start(host, &SmtpOptions::default()).await.context("start a local mail server") },
        )?;
        let shutdown = Shutdown::new(STOP_DEADLINE);
        let sink = Sink::start(&shutdown).await.context("start a local webhook receiver")?;

        let config_file = folder.path().join(CONFIG_FILE);
        std::fs::create_dir(Self::expected_in(folder.path())).context("make the folder of expected state")?;
        let store = Store::connect(&Secret::new(postgres.url()), MOST_CONNECTIONS).await?;
        store.migrate().await?;
        let servers = Servers {
            folder: folder.path(),
            database: postgres.url(),
            aws: moto.endpoint(),
            smtp_port: smtp.port(),
            webhook: sink.url(),
        };
        let (app, address) = match servers.serve(&store, &shutdown, LISTEN).await {
            Ok(served) => served,
            // Somebody else listens there: any other port will do.
            Err(_) => servers.serve(&store, &shutdown, "127.0.0.1:0").await?,
        };
        Ok(Self { app, address, store, smtp, sink, shutdown, config_file, folder, postgres, moto })
    }

    /// The folder of the declared state.
    pub(super) fn expected(&self) -> PathBuf {
        Self::expected_in(self.folder.path())
    }

    /// The account that the estate is in.
    pub(super) fn account() -> AccountId {
        ACCOUNT.into()
    }

    /// Stops everything and removes every trace.
    pub(super) async fn strike(self) {
        self.shutdown.finish().await;
        self.store.close().await;
        tokio::join!(self.postgres.stop(), self.moto.stop(), self.smtp.stop(), self.folder.remove());
    }

    fn expected_in(folder: &Path) -> PathBuf {
        folder.join("expected")
    }
}

/// What the configuration names.
struct Servers<'a> {
    folder: &'a Path,
    database: &'a str,
    aws: &'a str,
    smtp_port: u16,
    webhook: &'a str,
}

impl Servers<'_> {
    /// Writes the configuration, builds the program under it, and lets it listen on `listen`.
    async fn serve(
        &self,
        store: &Store,
        shutdown: &Shutdown,
        listen: &str,
    ) -> anyhow::Result<(App, Option<SocketAddr>)> {
        let file = self.folder.join(CONFIG_FILE);
        std::fs::write(&file, self.config_text(listen)).with_context(|| format!("write {}", file.display()))?;
        // The user's own environment is left out: it may name a real database and a real account.
        let config = crate::config::load(Some(&file), Arc::default(), &vocabulary())?;
        let credentials = Credentials::new("test", "test", None, None, "driftsentry demo");
        let app = App::build(config, Parts { clock: Arc::new(SystemClock), credentials: Some(credentials) })?;
        let address = app.serve(store, &[Role::Api], shutdown).await?;
        Ok((app, address))
    }

    fn config_text(&self, listen: &str) -> String {
        let Self { folder, database, aws, smtp_port, webhook } = self;
        let [first, second] = REGIONS;
        let expected = toml::Value::from(Stage::expected_in(folder).to_string_lossy().into_owned());
        format!(
            r#"# The demo's configuration: a whole one, as short as it gets.

[database]
url = "{database}"

[aws]
regions = ["{first}", "{second}"]
endpoint_url = "{aws}"
max_requests_per_second = 200

[[aws.accounts]]
name = "shop"
id = "{ACCOUNT}"

[[expected]]
kind = "json"
path = {expected}

[[schedules]]
name = "every-minute"
cron = "0 * * * * *"

[[channels]]
name = "ops-mail"
kind = "email"
smtp_url = "smtp://127.0.0.1:{smtp_port}"
from = "driftsentry@example.com"
to = ["ops@example.com"]

[[channels]]
name = "on-call"
kind = "webhook"
url = "{webhook}/driftsentry"

[[routes]]
channels = ["ops-mail"]

[[routes]]
channels = ["on-call"]
min_severity = "critical"

[api]
listen = "{listen}"
"#
        )
    }
}
