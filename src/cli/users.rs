//! `users create|list|disable|enable|set-password`.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Context, Format, output};
use crate::config::secret::Secret;
use crate::domain::user::Role;
use crate::password;
use crate::store::{self, Store};

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Create a user; the password comes from a prompt or from stdin
    Create(CreateArgs),
    /// List all users
    List {
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Lock a user out; the account and what it did stay
    Disable(EmailArgs),
    /// Let a disabled user in again
    Enable(EmailArgs),
    /// Give a user another password and end the user's sessions
    SetPassword {
        #[command(flatten)]
        user: EmailArgs,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct EmailArgs {
    /// Address of the user
    #[arg(value_name = "EMAIL")]
    email: String,
}

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Read the password from stdin (up to the end of the first line) instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordArgs {
    /// The hash of the password that is given. Nothing is asked of the database meanwhile.
    async fn hash(&self) -> anyhow::Result<Secret> {
        let password = if self.password_stdin { password_from_stdin()? } else { password_from_prompt()? };
        Ok(Secret::new(password::hash(password).await?))
    }
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Address that signs in
    #[arg(value_name = "EMAIL", required_unless_present = "email_option")]
    email: Option<String>,
    /// Address that signs in
    #[arg(long = "email", value_name = "EMAIL", conflicts_with = "email")]
    email_option: Option<String>,
    /// viewer reads, engineer also acts on drifts, admin also manages users
    #[arg(long, default_value = "viewer", value_name = "ROLE")]
    role: Role,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

pub(super) async fn users(context: &Context, command: UsersCommand) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let done = match command {
        UsersCommand::Create(args) => create(&database.store, args).await,
        UsersCommand::List { format } => list(&database.store, format).await,
        UsersCommand::Disable(EmailArgs { email }) => set_active(&database.store, &email, false).await,
        UsersCommand::Enable(EmailArgs { email }) => set_active(&database.store, &email, true).await,
        UsersCommand::SetPassword { user, password } => set_password(&database.store, &user.email, &password).await,
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(store: &Store, args: CreateArgs) -> anyhow::Result<()> {
    let password_hash = args.password.hash().await?;
    let user = store::user::NewUser {
        email: args.email.or(args.email_option).unwrap_or_default(),
        password_hash,
        first_name: args.first_name,
        last_name: args.last_name,
        role: args.role,
    };
    let mut conn = store.conn().await?;
    let user = store::user::create(&mut conn, &user).await?;
    Ok(output::line(format_args!("{} created as {} ({})", user.email, user.role, user.id))?)
}

async fn set_active(store: &Store, email: &str, is_active: bool) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    let user = store::user::set_active(&mut tx, email, is_active).await?;
    tx.commit().await?;
    let word = if is_active { "enabled" } else { "disabled" };
    Ok(output::line(format_args!("{} is {word}", user.email))?)
}

async fn set_password(store: &Store, email: &str, password: &PasswordArgs) -> anyhow::Result<()> {
    let hash = password.hash().await?;
    let mut tx = store.begin().await?;
    let user = store::user::set_password(&mut tx, email, &hash).await?;
    tx.commit().await?;
    Ok(output::line(format_args!("{} has a new password; sessions that were open are ended", user.email))?)
}

fn password_from_stdin() -> anyhow::Result<Secret> {
    let mut text = String::new();
    std::io::stdin().take(64 * 1024).read_to_string(&mut text).context("read the password from stdin")?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn password_from_prompt() -> anyhow::Result<Secret> {
    let ask = |prompt: &str| rpassword::prompt_password(prompt);
    let first = ask("Password: ").context("ask for the password (without a terminal, use --password-stdin)")?;
    let second = ask("Once more: ").context("ask for the password again")?;
    anyhow::ensure!(first == second, "the two passwords differ");
    Ok(Secret::new(first))
}

async fn list(store: &Store, format: Format) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let users = store::user::list(&mut conn).await?;
    if format == Format::Json {
        return output::json(&users);
    }
    let mut table = output::table(&["E-mail", "Role", "Active", "Name", "Last sign-in"]);
    for user in users {
        let name = [user.first_name, user.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let last =
            user.last_login_at.map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
        table.add_row([user.email, user.role.to_string(), yes_no(user.is_active), name, last]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4]);
    Ok(output::line(table)?)
}

fn yes_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}
