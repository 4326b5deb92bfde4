//! Where a declared resource lives: its account and region, as the declaration, its source and the estate tell them.

use super::Types;
use super::loaded::Packed;
use crate::domain::id::{AccountId, GLOBAL, Region, ScannedAccount};
use crate::resource::ResourceType;

/// Account, type and region; the region is `None` where the declaration leaves it open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Home {
    pub(super) account_id: AccountId,
    pub(super) resource_type: String,
    pub(super) region: Option<Region>,
}

/// What is found out about a declaration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// It is scanned here.
    At(Home),
    /// It lies where nothing is scanned: `eu-west-3 of account 123456789012`.
    Unscanned(String),
}

/// Tells where declarations belong.
pub(super) struct Placer<'a> {
    /// The accounts that are scanned; empty if they are not known, which leaves open what they would decide.
    pub(super) accounts: &'a [ScannedAccount],
    /// The types.
    pub(super) types: Types,
}

impl Placer<'_> {
    /// The place of a declaration whose source names `default_account`.
    ///
    /// # Errors
    /// If nothing makes it certain, with what to write.
    pub(super) fn place(&self, declared: &Packed, default_account: Option<&str>) -> Result<Placement, String> {
        let resource_type = declared.resource_type.to_string();
        let kind = self.types.iter().copied().find(|kind| kind.name() == resource_type);
        let explicit = declared.region.as_deref();
        check_region_of_kind(kind, explicit)?;
        let home = |account_id: AccountId, region| Placement::At(Home { account_id, resource_type, region });
        let account = match self.account(declared.account_id.as_deref(), default_account)? {
            Account::Scanned(account) => account,
            Account::Unscanned(text) => return Ok(Placement::Unscanned(format!("account {text}"))),
            Account::Unknown(id) => return Ok(home(id, region_of_kind(kind, explicit))),
        };
        if kind.is_some_and(ResourceType::is_global) {
            return Ok(home(account.id.clone(), Some(Region::global())));
        }
        match (explicit, account.regions.as_slice()) {
            (Some(region), []) => Ok(home(account.id.clone(), Some(region.into()))),
            (Some(region), regions) if regions.iter().any(|r| r.as_str() == region) => {
                Ok(home(account.id.clone(), Some(region.into())))
            }
            (Some(region), _) => Ok(Placement::Unscanned(format!("{region} of account {}", account.id))),
            (None, [only]) => Ok(home(account.id.clone(), Some(only.clone()))),
            (None, []) => Ok(home(account.id.clone(), None)),
            (None, _) if kind.is_some_and(ResourceType::region_may_be_open) => Ok(home(account.id.clone(), None)),
            (None, regions) => {
                let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
                Err(format!("names no region, and {} are scanned: write \"region\"", names.join(", ")))
            }
        }
    }

    fn account(&self, explicit: Option<&str>, default: Option<&str>) -> Result<Account<'_>, String> {
        let named = explicit.or(default);
        match (named, self.accounts) {
            (named, []) => Ok(Account::Unknown(AccountId::from(named.unwrap_or_default()))),
            (Some(text), accounts) => Ok(accounts
                .iter()
                .find(|account| account.is_called(text))
                .map_or_else(|| Account::Unscanned(text.to_owned()), Account::Scanned)),
            (None, [only]) => Ok(Account::Scanned(only)),
            (None, _) => Err("names no account, and several are scanned: write \"account_id\", or `account` at the \
                              source in the configuration"
                .to_owned()),
        }
    }
}

enum Account<'a> {
    Scanned(&'a ScannedAccount),
    Unscanned(String),
    /// The accounts are not known; the text is what stands for its id.
    Unknown(AccountId),
}

/// The region as far as the declaration alone tells it.
fn region_of_kind(kind: Option<&dyn ResourceType>, explicit: Option<&str>) -> Option<Region> {
    if kind.is_some_and(ResourceType::is_global) { Some(Region::global()) } else { explicit.map(Region::from) }
}

fn check_region_of_kind(kind: Option<&dyn ResourceType>, explicit: Option<&str>) -> Result<(), String> {
    let Some((kind, region)) = kind.zip(explicit) else { return Ok(()) };
    // What is told begins with the resource, its type included.
    match (kind.is_global(), region == GLOBAL) {
        (true, false) => Err("belongs to no region: write \"region\": \"global\", or leave it out".to_owned()),
        (false, true) => Err("belongs to a region: write its name instead of \"global\"".to_owned()),
        _ => Ok(()),
    }
}
