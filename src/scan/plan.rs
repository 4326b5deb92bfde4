//! Fan-out: from "scan this" to the shards that it is made of, and the rows that make them happen.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::config::{ScanFilter, UnmanagedByType};
use crate::domain::drift::DetectedBy;
use crate::domain::id::{Region, ScanId, ScannedAccount, Scope};
use crate::jobs::ScanShard;
use crate::queue;
use crate::resource::ResourceType;
use crate::store::{self, StoreError};

/// A filter that names what does not exist.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// No such account.
    #[error("no account is called `{name}`: configured are {known}")]
    Account {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such region in any chosen account.
    #[error("region `{name}` is scanned in no chosen account: scanned are {known}")]
    Region {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such type.
    #[error("no resource type is called `{name}`: known are {known}")]
    ResourceType {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// The shards of a scan, sorted. Account-wide types have one per account, whatever regions are chosen.
///
/// # Errors
/// If the filter names an account, region or type that does not exist.
pub fn shards(
    filter: &ScanFilter,
    accounts: &[ScannedAccount],
    kinds: &[&dyn ResourceType],
) -> Result<Vec<Scope>, FilterError> {
    check(filter, accounts, kinds)?;
    let mut scopes = Vec::new();
    for account in accounts.iter().filter(|account| chosen(&filter.accounts, |name| account.is_called(name))) {
        for kind in kinds.iter().filter(|kind| chosen(&filter.resource_types, |name| name == kind.name())) {
            let regions = if kind.is_global() { vec![Region::global()] } else { account.regions.clone() };
            let wanted = |region: &Region| kind.is_global() || chosen(&filter.regions, |r| r == region);
            scopes.extend(regions.into_iter().filter(wanted).map(|region| Scope {
                account_id: account.id.clone(),
                region,
                resource_type: kind.name().to_owned(),
            }));
        }
    }
    scopes.sort();
    Ok(scopes)
}

fn chosen<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(is)
}

fn check(filter: &ScanFilter, accounts: &[ScannedAccount], kinds: &[&dyn ResourceType]) -> Result<(), FilterError> {
    if let Some(name) = filter.accounts.iter().find(|name| !accounts.iter().any(|account| account.is_called(name))) {
        let known = accounts.iter().map(|a| a.name.clone().unwrap_or_else(|| a.id.to_string()));
        return Err(FilterError::Account { name: name.clone(), known: known.collect::<Vec<_>>().join(", ") });
    }
    let chosen_accounts = || accounts.iter().filter(|account| chosen(&filter.accounts, |name| account.is_called(name)));
    let regions = || chosen_accounts().flat_map(|account| &account.regions);
    if let Some(name) = filter.regions.iter().find(|name| !regions().any(|region| region == *name)) {
        let known: std::collections::BTreeSet<&str> = regions().map(Region::as_str).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(FilterError::Region { name: name.to_string(), known });
    }
    if let Some(name) = filter.resource_types.iter().find(|name| !kinds.iter().any(|kind| kind.name() == *name)) {
        let known = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        return Err(FilterError::ResourceType { name: name.clone(), known });
    }
    Ok(())
}

/// A scan to be begun.
#[derive(Debug, Clone)]
pub struct NewScan {
    /// Its id.
    pub id: ScanId,
    /// The schedule whose tick makes it happen.
    pub schedule: Option<String>,
    /// Who makes it happen.
    pub detected_by: DetectedBy,
    /// Whether undeclared resources are reported.
    pub unmanaged: UnmanagedByType,
}

/// Writes a scan, its shards and their jobs in the caller's transaction. A scan without shards is done at once.
///
/// # Errors
/// If the database refuses.
pub async fn start(
    conn: &mut PgConnection,
    scan: &NewScan,
    scopes: &[Scope],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = store::scan::NewScan {
        id: scan.id,
        schedule: scan.schedule.as_deref(),
        detected_by: scan.detected_by,
        started_at: now,
    };
    let job = |scope: &Scope| ScanShard {
        scan_id: scan.id,
        scope: scope.clone(),
        unmanaged: scan.unmanaged.of(&scope.resource_type),
        detected_by: scan.detected_by,
    };
    let jobs: Vec<ScanShard> = scopes.iter().map(job).collect();
    let ids = queue::enqueue_all(&mut *conn, jobs).await?;
    let shards: Vec<_> = scopes.iter().cloned().zip(ids).collect();
    store::scan::insert(&mut *conn, &row, &shards).await?;
    if shards.is_empty() {
        store::scan::close_if_done(&mut *conn, scan.id, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::BUILTIN;

    fn accounts() -> [ScannedAccount; 2] {
        let account = |name: &str, id: &str, region: &str| ScannedAccount {
            name: Some(name.to_owned()),
            id: id.into(),
            regions: vec![region.into()],
        };
        [account("prod", "123456789012", "us-east-1"), account("dev", "222222222222", "eu-west-1")]
    }

    #[test]
    fn a_region_must_be_scanned_in_a_chosen_account() {
        let filter = |account: &str| ScanFilter {
            accounts: vec![account.to_owned()],
            regions: vec!["eu-west-1".into()],
            resource_types: Vec::new(),
        };
        let regions = |scopes: Vec<Scope>| scopes.into_iter().map(|scope| scope.region.to_string()).collect::<Vec<_>>();
        let scopes = shards(&filter("dev"), &accounts(), BUILTIN).map(regions);
        assert!(scopes.is_ok_and(|regions| regions.iter().all(|r| r == "eu-west-1" || r == "global")));
        let error = shards(&filter("prod"), &accounts(), BUILTIN).expect_err("prod is not scanned there");
        assert_eq!(error.to_string(), "region `eu-west-1` is scanned in no chosen account: scanned are us-east-1");
    }
}
