//! From the tree to the checked configuration: every section read once, every fault noted, references last.
//!
//! A faulty value is replaced by its default so that reading goes on; the result is thrown away if there was any fault.

mod aws;
mod known;
mod remediation;
mod routing;
mod rules;
mod schedule;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::env::non_empty;
use super::options::Env;
use super::section::{Place, Placed, Report, Section};
use super::tree::Table;
use super::{Api, Config, Database, Queue, Vocabulary, suggest};

const LEASE: Duration = Duration::from_secs(30);
/// A lease is extended every third of it: less would take a slow second of the database for a dead process.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);
const LONGEST_LEASE: Duration = Duration::from_hours(1);

/// What the sections are checked with.
#[derive(Clone, Copy)]
struct Context<'a> {
    report: &'a Report,
    env: &'a Env,
    vocabulary: &'a Vocabulary,
}

/// Reads the whole tree. Its result is good only if nothing was reported.
pub(super) fn check(root: &Table, env: &Env, vocabulary: &Vocabulary, report: &Report) -> Config {
    let context = Context { report, env, vocabulary };
    let mut root = Section::root(root, report);
    let (aws, known) = aws::read(root.table("aws"), context);
    let (channels, channel_names) = routing::read_channels(root.tables("channels"), context);
    let config = Config {
        database: database(root.table("database"), env),
        expected: routing::read_sources(root.tables("expected"), &known, context),
        schedules: schedule::read(root.tables("schedules"), &known, &aws, context),
        rules: rules::read(root.tables("ignore"), root.tables("severity"), root.tables("triage"), &known),
        routes: routing::read_routes(root.tables("routes"), &known, &channel_names),
        remediation: remediation::read(root.table("remediation"), &known, context),
        api: api(root.table("api")),
        queue: queue(root.table("queue")),
        aws,
        channels,
    };
    root.finish();
    config
}

fn database(mut section: Section<'_>, env: &Env) -> Database {
    let url = match non_empty(env, "DATABASE_URL") {
        Some(url) => {
            section.know("url");
            let place = Place { path: "DATABASE_URL".to_owned(), line: None };
            Some(Placed { value: super::secret::Secret::new(url), place })
        }
        None => section.secret("url", env),
    };
    if let Some(url) = &url {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.value.expose().starts_with(scheme));
        if !is_postgres {
            section.report_at(&url.place, "not a PostgreSQL URL: write postgres://USER@HOST/DATABASE");
        }
    }
    let data_dir = section.text("data_dir").map(|dir| PathBuf::from(dir.value));
    let database = Database {
        url: url.map(|url| url.value),
        data_dir: data_dir.unwrap_or_else(|| default_data_dir(nix::unistd::geteuid().is_root(), env)),
        max_connections: section.number("max_connections", 1..=1_000, 10),
    };
    section.finish();
    database
}

/// `/var/lib` for root, the user's own data folder for others.
fn default_data_dir(is_root: bool, env: &Env) -> PathBuf {
    let data_home = match (non_empty(env, "XDG_DATA_HOME"), non_empty(env, "HOME")) {
        _ if is_root => return PathBuf::from("/var/lib/driftsentry"),
        (Some(data_home), _) => PathBuf::from(data_home),
        (None, Some(home)) => PathBuf::from(home).join(".local/share"),
        (None, None) => std::env::temp_dir(),
    };
    data_home.join("driftsentry")
}

fn api(mut section: Section<'_>) -> Api {
    let form = "write an IP address and a port, such as \"127.0.0.1:8080\"";
    let parse = |text: &str| text.parse::<SocketAddr>().map_err(|_| format!("`{text}` is no address: {form}"));
    let listen = section.parsed("listen", "an IP address and a port in quotes", parse);
    section.finish();
    Api { listen: listen.map_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)), |listen| listen.value) }
}

fn queue(mut section: Section<'_>) -> Queue {
    let concurrency = section.number("concurrency", 1..=1_000, 8);
    let lease = section.duration_within("lease", SHORTEST_LEASE..=LONGEST_LEASE, LEASE);
    section.finish();
    Queue { concurrency: usize::try_from(concurrency).unwrap_or(1), lease }
}

/// One of a few words.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(format!("`{text}` is no choice here: {}", suggest::instead(text, &known)))
        }
    }
}

/// Refuses a name that stands twice: others refer to it.
fn refuse_duplicates<'n>(report: &Report, what: &str, names: impl IntoIterator<Item = &'n Placed<String>>) {
    let mut seen: Vec<&Placed<String>> = Vec::new();
    for name in names {
        match seen.iter().find(|earlier| earlier.value == name.value) {
            Some(earlier) => {
                let message =
                    format!("`{}` is the {what} of {} too: give each its own", name.value, earlier.place.path);
                report.fault(&name.place, message);
            }
            None => seen.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_private_database_lives_where_its_user_may_write() {
        let env = |pairs: &[(&str, &str)]| -> Env {
            Arc::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        let home = env(&[("HOME", "/home/ada")]);
        assert_eq!(default_data_dir(true, &home), PathBuf::from("/var/lib/driftsentry"));
        assert_eq!(default_data_dir(false, &home), PathBuf::from("/home/ada/.local/share/driftsentry"));
        let xdg = env(&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data/ada")]);
        assert_eq!(default_data_dir(false, &xdg), PathBuf::from("/data/ada/driftsentry"));
        assert!(default_data_dir(false, &env(&[])).is_absolute());
    }
}
