//! `doctor`: one line for each thing that has to work, with what to do if it does not.

use std::process::ExitCode;

use futures::StreamExt;

use super::ignores::{self, Standing};
use super::{Context, output};
use crate::app::{App, Database, Parts};
use crate::domain::id::{Region, ScannedAccount, Scope};
use crate::resource::{BUILTIN, ReadRequest, ResourceType, Undeclared};

/// Tells lines and remembers whether one was bad.
#[derive(Default)]
struct Report {
    failed: bool,
}

impl Report {
    fn tell(&mut self, what: &str, result: Result<String, String>) -> std::io::Result<()> {
        let (mark, text) = match result {
            Ok(text) => ("ok  ", text),
            Err(text) => {
                self.failed = true;
                ("FAIL", text)
            }
        };
        output::line(format_args!("{mark}  {what:<16} {}", text.replace('\n', "\n                        ")))
    }
}

pub(super) async fn doctor(context: &Context) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => {
            report.tell("configuration", Err(output::in_one_line(&error)))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let file = crate::config::find_file(context.global.config.as_deref(), &context.env);
    let file = file.map_or_else(|| "no file: the defaults are used".to_owned(), |file| file.display().to_string());
    report.tell("configuration", Ok(file))?;
    let database = context.database(&config).await;
    report.tell("database", describe(database.as_ref()).await)?;
    let checked = match App::build(config, Parts::default()) {
        Ok(app) => check_parts(&app, database.as_ref().ok(), &mut report).await,
        Err(error) => report.tell("configuration", Err(output::in_one_line(&error))),
    };
    if let Ok(database) = database {
        database.close().await;
    }
    checked?;
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn check_parts(app: &App, database: Option<&Database>, report: &mut Report) -> std::io::Result<()> {
    match database {
        Some(database) => app.use_database(&database.store),
        None => app.scanner.expected().database().refuse("the database cannot be used"),
    }
    check_aws(app, report).await?;
    for (name, result) in app.probe_channels().await {
        report.tell("channel", result.map(|said| format!("{name}: {said}")).map_err(|why| format!("{name}: {why}")))?;
    }
    if let Some(database) = database {
        report.tell("ignore rules", ignore_rules(app, database).await)?;
    }
    for schedule in app.next_ticks() {
        report.tell("schedule", Ok(schedule))?;
    }
    Ok(())
}

/// Accounts, what may be read in them, and what is declared of them.
async fn check_aws(app: &App, report: &mut Report) -> std::io::Result<()> {
    if let Err(problem) = app.config.aws.require_regions() {
        return report.tell("AWS", Err(problem.to_string()));
    }
    let accounts = match app.scanner.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return report.tell("AWS", Err(error.to_string())),
    };
    for account in &accounts {
        check_account(app, account, report).await?;
    }
    check_expected(app, report).await
}

async fn describe(database: Result<&Database, &anyhow::Error>) -> Result<String, String> {
    let database = database.map_err(output::in_one_line)?;
    let version = database.store.server_version().await.map_err(|error| error.to_string())?;
    Ok(format!("PostgreSQL {version}, schema current"))
}

/// How many there are, and whether some have outlived their use, which is no fault.
async fn ignore_rules(app: &App, database: &Database) -> Result<String, String> {
    let configured = &app.config.rules.ignore;
    let rules = ignores::all(&database.store, configured, app.clock.now()).await.map_err(|error| error.to_string())?;
    let count = |standing: Standing| rules.iter().filter(|rule| rule.standing == standing).count();
    let (expired, idle) = (count(Standing::Expired), count(Standing::Idle));
    let hint = if expired + idle > 0 {
        format!(": {expired} expired, {idle} covered nothing for long (`driftsentry ignores list --stale`)")
    } else {
        String::new()
    };
    Ok(format!("{}{hint}", output::count(rules.len(), "rule")))
}

/// What each source holds, or its first problem.
async fn check_expected(app: &App, report: &mut Report) -> std::io::Result<()> {
    let estate = match app.scanner.estate().await {
        Ok(estate) => estate,
        Err(error) => return report.tell("expected state", Err(error.to_string())),
    };
    for source in &estate.sources {
        let held = output::count(source.resources.values().sum::<usize>(), "resource");
        let problems = estate.problems.get(source.problems.clone()).unwrap_or_default();
        let told = match problems.first() {
            None => Ok(format!("{held} declared in {}", source.name)),
            Some(first) => Err(format!(
                "{}, the first in {}: {} (`driftsentry expected check` tells all)",
                output::count(problems.len(), "problem"),
                first.place,
                first.message
            )),
        };
        report.tell("expected state", told)?;
    }
    if estate.sources.is_empty() {
        report.tell("expected state", Ok("0 resources declared".to_owned()))?;
    }
    Ok(())
}

/// Who we are in the account, then the beginning of each type in its first region: the permission, the network.
async fn check_account(app: &App, account: &ScannedAccount, report: &mut Report) -> std::io::Result<()> {
    let name = account.name.clone().unwrap_or_else(|| account.id.to_string());
    let home = account.regions.first().cloned().unwrap_or_else(Region::global);
    // Without credentials every type would fail alike.
    if let Err(error) = app.scanner.pool().aws_for(&account.id, &home).await {
        return report.tell("AWS", Err(format!("{name}: {error}")));
    }
    report.tell("AWS", Ok(format!("{name}: credentials of account {}", account.id)))?;
    for kind in BUILTIN {
        let region = if kind.is_global() { Region::global() } else { home.clone() };
        let place = format!("{name}/{region}");
        let scope = Scope { account_id: account.id.clone(), region, resource_type: kind.name().to_owned() };
        let readable = check_type(app, *kind, scope).await;
        report
            .tell(kind.name(), readable.map(|()| format!("{place}: readable")).map_err(|e| format!("{place}: {e}")))?;
    }
    Ok(())
}

async fn check_type(app: &App, kind: &dyn ResourceType, scope: Scope) -> Result<(), String> {
    let aws = app.scanner.aws(&scope).await.map_err(|error| error.to_string())?;
    let request = ReadRequest {
        regions: vec![scope.region.clone()],
        scope,
        declared: std::collections::BTreeMap::new(),
        region_open: std::collections::BTreeSet::new(),
        is_home: false,
        undeclared: Undeclared::Read,
    };
    match kind.read(&aws, &request).next().await {
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(live)) => match live.unknown.into_iter().next() {
            Some((attribute, reason)) => Err(format!("{attribute}: {reason}")),
            None => Ok(()),
        },
        None => Ok(()),
    }
}
