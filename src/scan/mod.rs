//! Scans: what is read, how it is judged, how it is recorded.
//!
//! A tick, the `scan` command or the API becomes one row in `scans` and one job per account, region and type
//! ([`plan`]); each job reads ([`survey`]), judges ([`assess`]) and records ([`record`]) its part in one transaction
//! ([`shard`]). A failed read is *unknown*: nothing here may turn it into "gone" or "as declared".

pub mod assess;
pub mod baseline;
pub mod capture;
mod decide;
mod lifecycle;
mod pending;
pub mod plan;
pub mod record;
pub mod schedule;
pub mod shard;
pub mod survey;
mod tally;
mod trail;
mod unread;

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::config::Unmanaged;
use crate::domain::cost::Prices;
use crate::domain::id::{AccountId, ScanId, ScannedAccount, Scope};
use crate::domain::rule::{IgnoreRule, Rules};
use crate::expected::{Estate, Expected};
use crate::resource::aws::AwsPool;
use crate::resource::{Aws, ReadError};

use survey::{StandingDrift, Survey, Surveyor, account_of, kind_of};

/// What the database holds that a shard is judged by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stored<'a> {
    /// Drifts of the scope that are not resolved.
    pub standing: &'a [StandingDrift],
    /// Ignore rules beside those of the configuration.
    pub ignore: &'a [IgnoreRule],
}

/// Reads and judges shards: everything that a scan needs except the database.
pub struct Scanner {
    pool: AwsPool,
    expected: Expected,
    prices: Prices,
    rules: Rules,
    clock: SharedClock,
}

impl Scanner {
    /// Puts the parts together.
    #[must_use]
    pub fn new(pool: AwsPool, expected: Expected, prices: Prices, rules: Rules, clock: SharedClock) -> Self {
        Self { pool, expected, prices, rules, clock }
    }

    /// AWS clients and counters.
    #[must_use]
    pub fn pool(&self) -> &AwsPool {
        &self.pool
    }

    /// The sources of expected state.
    #[must_use]
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// The accounts that are scanned, their ids known.
    ///
    /// # Errors
    /// If the account of the default credentials has to be asked for and AWS does not tell.
    pub async fn accounts(&self) -> Result<Vec<ScannedAccount>, ReadError> {
        self.pool.accounts().await
    }

    /// The configured name of an account.
    pub async fn account_name(&self, id: &AccountId) -> Option<String> {
        let accounts = self.accounts().await.ok()?;
        accounts.iter().find(|account| account.id == *id)?.name.clone()
    }

    /// What is declared.
    ///
    /// # Errors
    /// If the accounts cannot be told; faults of the sources are in the estate.
    pub async fn estate(&self) -> Result<Arc<Estate>, ReadError> {
        let accounts = self.accounts().await?;
        Ok(self.expected.estate(&accounts).await)
    }

    /// Clients for a scope, with a call counter of their own.
    ///
    /// # Errors
    /// If the account's role cannot be assumed.
    pub async fn aws(&self, scope: &Scope) -> Result<Aws, ReadError> {
        self.pool.aws(scope).await
    }

    /// The rules of the configuration.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Reads and judges one shard of `scan`, whose shards share one look at the declarations. What goes wrong is in the
    /// result.
    pub async fn survey(
        &self,
        scan: ScanId,
        scope: &Scope,
        unmanaged: Unmanaged,
        stored: Stored<'_>,
        on_resource: &(dyn Fn() + Sync),
    ) -> Survey {
        match self.try_survey(scan, scope, unmanaged, stored, on_resource).await {
            Ok(survey) => survey,
            Err(error) => Survey { errors: vec![error], ..Survey::default() },
        }
    }

    async fn try_survey(
        &self,
        scan: ScanId,
        scope: &Scope,
        unmanaged: Unmanaged,
        stored: Stored<'_>,
        on_resource: &(dyn Fn() + Sync),
    ) -> Result<Survey, String> {
        let kind = kind_of(scope).ok_or_else(|| format!("no resource type is called {}", scope.resource_type))?;
        let accounts = self.accounts().await.map_err(|error| error.to_string())?;
        let account = account_of(&accounts, scope)
            .ok_or_else(|| format!("account {} is not configured here", scope.account_id))?;
        let estate = self.expected.estate_for(scan, &accounts).await;
        let rules = self.rules.with_ignored(stored.ignore);
        let context = assess::Context {
            kind,
            scope,
            account_name: account.name.as_deref(),
            rules: &rules,
            today: self.clock.now().date_naive(),
            prices: &self.prices,
        };
        let surveyor = Surveyor { context, estate: &estate, account, unmanaged };
        Ok(match self.aws(scope).await {
            Ok(aws) => surveyor.survey(&aws, stored.standing, on_resource).await,
            Err(error) => surveyor.unreached(&error),
        })
    }
}
