//! The servers that all tests of a process share. They are started when first asked for; their guardians end them
//! when the process ends.

use std::path::PathBuf;
use std::sync::Arc;

use driftsentry::embedded::{Host, Moto, Postgres, PostgresOptions, Site};
use tokio::sync::OnceCell;

/// Emulators run in Python, one core each; more would only take memory.
const MOTO_SERVERS: usize = 2;

/// The machine, as the embedded parts see it.
pub fn host() -> Host {
    let env = Arc::new(std::env::vars().collect());
    let progress = Arc::new(|step: &str| eprintln!("{step}"));
    Host::new(PathBuf::from(env!("CARGO_BIN_EXE_driftsentry")), env, progress)
}

/// URL of the shared PostgreSQL.
pub async fn postgres_url() -> &'static str {
    static SERVER: OnceCell<Postgres> = OnceCell::const_new();
    let start = async || {
        let options = PostgresOptions { site: Site::Temporary, max_connections: 400 };
        Postgres::start(&host(), &options).await.unwrap_or_else(|error| panic!("{}", chain(&error)))
    };
    SERVER.get_or_init(start).await.url()
}

/// Address of the emulator that holds the account. Bucket names are shared by all accounts of an emulator.
pub async fn moto_endpoint(account_id: &str) -> &'static str {
    static SERVERS: [OnceCell<Moto>; MOTO_SERVERS] = [const { OnceCell::const_new() }; MOTO_SERVERS];
    let index = account_id.bytes().map(usize::from).sum::<usize>() % MOTO_SERVERS;
    let start = async || Moto::start(&host()).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    SERVERS[index].get_or_init(start).await.endpoint()
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
