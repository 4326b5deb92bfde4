//! `ignores list|remove`: every rule that says what is no drift, and which of them have outlived their use.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;

use super::actor::ActorArgs;
use super::{Context, Format, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::rule::IgnoreRule;
use crate::store::ignore::RuleUse;
use crate::store::{self, Store, StoreError};

/// A rule that covered nothing for this long is worth a look.
const IDLE: TimeDelta = TimeDelta::days(30);

#[derive(Debug, Subcommand)]
pub(super) enum IgnoresCommand {
    /// List the rules of the configuration and of the database: what each covered, which are expired or idle
    List {
        /// Expired and idle ones only
        #[arg(long)]
        stale: bool,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Take back a rule that `drifts ignore` made
    Remove {
        /// The rule's id, or the beginning or the end of it
        id: String,
        #[command(flatten)]
        actor: ActorArgs,
    },
}

/// How useful a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// It holds.
    Active,
    /// Its last day is past.
    Expired,
    /// It holds and covered nothing for 30 days, or since it was first applied if that is longer ago.
    Idle,
}

/// A rule as it is listed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Listed {
    /// Its id in the database, or its selectors.
    rule: String,
    /// `database` or `configuration`.
    kept_in: &'static str,
    /// Its selectors, for people.
    label: String,
    reason: Option<String>,
    until: Option<NaiveDate>,
    pub(super) standing: Standing,
    created_by_email: Option<String>,
    first_seen_at: Option<DateTime<Utc>>,
    last_matched_at: Option<DateTime<Utc>>,
    /// Changes that it covered, each scan counted.
    total: i64,
}

impl Listed {
    fn of(rule: &IgnoreRule, use_: Option<&RuleUse>, created_by_email: Option<String>, now: DateTime<Utc>) -> Self {
        let last_sign = use_.map(|use_| use_.last_matched_at.unwrap_or(use_.first_seen_at));
        let standing = match last_sign {
            _ if !rule.holds_on(now.date_naive()) => Standing::Expired,
            Some(last) if now - last >= IDLE => Standing::Idle,
            _ => Standing::Active,
        };
        Self {
            rule: rule.key(),
            kept_in: if rule.id.is_some() { "database" } else { "configuration" },
            label: rule.selector.to_string(),
            reason: rule.reason.clone(),
            until: rule.until,
            standing,
            created_by_email,
            first_seen_at: use_.map(|use_| use_.first_seen_at),
            last_matched_at: use_.and_then(|use_| use_.last_matched_at),
            total: use_.map_or(0, |use_| use_.total),
        }
    }

    /// What people want to know of its use.
    fn use_in_words(&self) -> String {
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
        match (self.last_matched_at, self.first_seen_at) {
            (Some(last), _) => format!("{} in all, last {}", output::count(self.total, "change"), day(last)),
            (None, Some(first)) => format!("nothing since {}", day(first)),
            (None, None) => "not applied yet".to_owned(),
        }
    }

    fn standing_in_words(&self) -> String {
        let until = self.until.map(|until| until.to_string());
        match (self.standing, until) {
            (Standing::Expired, Some(until)) => format!("expired after {until}"),
            (Standing::Expired, None) => "expired".to_owned(),
            (Standing::Idle, _) => format!("idle for {} days", IDLE.num_days()),
            (Standing::Active, Some(until)) => format!("until {until}"),
            (Standing::Active, None) => "active".to_owned(),
        }
    }
}

/// Every rule, those of the configuration first.
pub(super) async fn all(
    store: &Store,
    configured: &[IgnoreRule],
    now: DateTime<Utc>,
) -> Result<Vec<Listed>, StoreError> {
    let mut conn = store.conn().await?;
    let uses: BTreeMap<String, RuleUse> = store::ignore::uses(&mut conn).await?;
    let stored = store::ignore::list(&mut conn).await?;
    let configured = configured.iter().map(|rule| Listed::of(rule, uses.get(&rule.key()), None, now));
    let stored = stored.iter().map(|s| Listed::of(&s.rule, uses.get(&s.rule.key()), s.created_by_email.clone(), now));
    Ok(configured.chain(stored).collect())
}

pub(super) async fn ignores(context: &Context, command: IgnoresCommand) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let store = &database.store;
    let done = match command {
        IgnoresCommand::List { stale, format } => list(store, &config.rules.ignore, stale, format).await,
        IgnoresCommand::Remove { id, actor } => remove(store, &id, &actor).await,
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(store: &Store, configured: &[IgnoreRule], stale: bool, format: Format) -> anyhow::Result<()> {
    let mut rules = all(store, configured, SystemClock.now()).await?;
    rules.retain(|rule| !stale || rule.standing != Standing::Active);
    if format == Format::Json {
        return output::json(&rules);
    }
    if rules.is_empty() {
        return Ok(output::line(if stale { "no ignore rule is expired or idle" } else { "no ignore rules" })?);
    }
    let mut table = output::table(&["Rule", "Kept in", "Standing", "Covered", "Reason"]);
    for rule in rules {
        let (standing, covered) = (rule.standing_in_words(), rule.use_in_words());
        let id = if rule.rule == rule.label { String::new() } else { format!("\n{}", rule.rule) };
        let by = rule.created_by_email.map(|email| format!(" ({email})")).unwrap_or_default();
        let reason = format!("{}{by}", rule.reason.unwrap_or_default());
        table.add_row([format!("{}{id}", rule.label), rule.kept_in.to_owned(), standing, covered, reason]);
    }
    output::no_narrower(&mut table, 0, 38);
    Ok(output::line(table)?)
}

async fn remove(store: &Store, id: &str, actor: &ActorArgs) -> anyhow::Result<()> {
    let actor = actor.actor(store).await?;
    let mut tx = store.begin().await?;
    let id = store::ignore::remove(&mut tx, id, &actor, SystemClock.now()).await?;
    tx.commit().await?;
    Ok(output::line(format_args!("{id} is taken back: what it covered is drift again from the next scan on"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rule::Selector;

    #[test]
    fn a_rule_is_expired_after_its_last_day_and_idle_after_thirty_days_without_a_match() {
        let now: DateTime<Utc> = "2026-03-31T12:00:00Z".parse().expect("a time");
        let standing = |until: Option<&str>, seen: Option<i64>, matched: Option<i64>| {
            let until = until.map(|until| until.parse().expect("a day"));
            let rule = IgnoreRule { id: None, selector: Selector::default(), reason: None, until };
            let days_ago = |days: i64| now - TimeDelta::days(days);
            let known = seen.map(|seen| RuleUse {
                first_seen_at: days_ago(seen),
                last_matched_at: matched.map(days_ago),
                total: 0,
            });
            Listed::of(&rule, known.as_ref(), None, now).standing
        };
        assert_eq!(standing(None, None, None), Standing::Active, "not applied yet");
        assert_eq!(standing(None, Some(29), None), Standing::Active);
        assert_eq!(standing(None, Some(30), None), Standing::Idle);
        assert_eq!(standing(None, Some(90), Some(3)), Standing::Active);
        assert_eq!(standing(None, Some(90), Some(31)), Standing::Idle);
        assert_eq!(standing(Some("2026-03-31"), Some(1), None), Standing::Active, "the last day counts");
        assert_eq!(standing(Some("2026-03-30"), Some(90), Some(1)), Standing::Expired);
    }
}
