//! The command line: one file, one command. Results go to stdout, logs and progress to stderr.

mod actor;
mod baseline;
mod config;
mod coverage;
mod demo;
mod doctor;
mod drift_plan;
mod drift_table;
mod drifts;
mod expected;
mod iam_policy;
mod ignores;
mod jobs;
mod migrate;
mod outcome;
mod output;
mod progress;
mod remediation;
mod run;
mod scan;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::app::{App, Database, Parts};
use crate::config::Config;
use crate::config::options::Env;
use crate::embedded::Host;
use crate::telemetry::{self, LogFormat, Verbosity};

use output::Format;

/// Finds what in your AWS accounts no longer matches what you declared: how bad it is, what it costs, who must know.
#[derive(Debug, Parser)]
#[command(name = "driftsentry", version, max_term_width = 120, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  driftsentry demo --once                        see all of it work on this machine, without AWS
  driftsentry config default > driftsentry.toml  begin a configuration
  driftsentry baseline capture --out expected/   declare what is there now
  driftsentry scan --detailed-exitcode           one scan: 0 no drift, 2 drift, 1 error
  driftsentry run                                the daemon";

/// Options of every command.
#[derive(Debug, Clone, Args)]
struct Global {
    #[allow(clippy::doc_markdown, reason = "this is what --help prints")]
    /// Configuration file [default: $DRIFTSENTRY_CONFIG, ./config/driftsentry.toml, /etc/driftsentry/driftsentry.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How logs on stderr are written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    /// Do not bring the database schema up to date; fail if it is not
    #[arg(long, global = true)]
    no_migrate: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all of it on this machine: a private PostgreSQL, an AWS emulator, an estate that drifts, a scan, alerts
    Demo(demo::DemoArgs),
    /// Run the daemon: schedules, queue workers, HTTP
    Run(run::RunArgs),
    /// Scan now and print what drifted
    Scan(scan::ScanArgs),
    /// List drifts, look at one, act on one
    #[command(subcommand)]
    Drifts(drifts::DriftsCommand),
    /// Stop everything that changes AWS, let it go on, see how it stands
    #[command(subcommand)]
    Remediation(remediation::RemediationCommand),
    /// Capture live state as expected state, look at what was captured
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Look at the rules of what is no drift
    #[command(subcommand)]
    Ignores(ignores::IgnoresCommand),
    /// Look at the declared state
    #[command(subcommand)]
    Expected(expected::ExpectedCommand),
    /// Look into the job queue
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Manage users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Bring the database to the current schema
    Migrate,
    /// Check a configuration file, or print the commented default
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the least-privilege IAM policy
    #[command(subcommand)]
    IamPolicy(iam_policy::IamPolicyCommand),
    /// Check database, AWS identity and permissions, expected state, channels
    Doctor,
}

/// What a command works with.
struct Context {
    global: Global,
    env: Env,
}

impl Context {
    /// The configuration, found and checked.
    fn config(&self) -> anyhow::Result<Config> {
        let file = crate::config::find_file(self.global.config.as_deref(), &self.env);
        Ok(crate::config::load(file.as_deref(), self.env.clone(), &crate::app::vocabulary())?)
    }

    /// The parts that the configuration asks for.
    fn app(&self) -> anyhow::Result<App> {
        let config = self.config()?;
        config.aws.require_regions().map_err(|problem| anyhow::anyhow!("{problem}"))?;
        App::build(config, Parts::default())
    }

    /// The database, its schema brought up to date unless that is not wanted.
    async fn database(&self, config: &Config) -> anyhow::Result<Database> {
        Database::open(config, &self.host()?, !self.global.no_migrate).await
    }

    /// The database, for commands that can do without one: opened if a source of expected state lies in it. That it
    /// cannot be opened is told by what the source yields. Nothing is changed in it.
    async fn database_of_sources(&self, app: &App) -> anyhow::Result<Option<Database>> {
        let expected = app.scanner.expected();
        if !expected.needs_database() {
            return Ok(None);
        }
        match Database::open(&app.config, &self.host()?, false).await {
            Ok(database) => {
                app.use_database(&database.store);
                Ok(Some(database))
            }
            Err(error) => {
                expected.database().refuse(output::in_one_line(&error));
                Ok(None)
            }
        }
    }

    /// This machine, for parts that have to be started on it; says on stderr what takes long.
    fn host(&self) -> anyhow::Result<Host> {
        let program = std::env::current_exe().context("find this program's own file")?;
        Ok(Host::new(program, self.env.clone(), Arc::new(|step: &str| output::note(step))))
    }
}

/// Runs the command line. Usage errors end with 1, because 2 means drift.
pub async fn main(env: Env) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::from(error.use_stderr());
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let verbosity = if matches!(cli.command, Command::Run(_)) { Verbosity::Daemon } else { Verbosity::Command };
    let filter = env.get("RUST_LOG").map(String::as_str).filter(|filter| !filter.is_empty());
    telemetry::start(cli.global.log_format, filter, verbosity);
    let context = Context { global: cli.global, env };
    match dispatch(context, cli.command).await {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(context: Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::demo(&context, args).await,
        Command::Run(args) => run::run(&context, args).await,
        Command::Scan(args) => scan::scan(&context, args).await,
        Command::Drifts(command) => drifts::drifts(&context, command).await,
        Command::Remediation(command) => remediation::remediation(&context, command).await,
        Command::Baseline(command) => baseline::baseline(&context, command).await,
        Command::Ignores(command) => ignores::ignores(&context, command).await,
        Command::Expected(command) => expected::expected(&context, command).await,
        Command::Jobs(command) => jobs::jobs(&context, command).await,
        Command::Users(command) => users::users(&context, command).await,
        Command::Migrate => migrate::migrate(&context).await,
        Command::Config(command) => config::config(&context, &command),
        Command::IamPolicy(command) => iam_policy::iam_policy(&context, &command),
        Command::Doctor => doctor::doctor(&context).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn no_two_arguments_of_a_command_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
