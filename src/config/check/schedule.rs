//! `[[schedules]]`.

use chrono_tz::Tz;

use super::known::{Known, region};
use super::{Context, refuse_duplicates, word};
use crate::config::section::{Placed, Section};
use crate::config::tree::Value;
use crate::config::{Aws, ScanFilter, Schedule, Unmanaged, UnmanagedByType, cron, suggest};
use crate::domain::id::Region;

/// Reads the schedules.
pub(super) fn read(sections: Vec<Section<'_>>, known: &Known<'_>, aws: &Aws, context: Context<'_>) -> Vec<Schedule> {
    let mut names = Vec::new();
    let mut schedules = Vec::new();
    for section in sections {
        let (name, schedule) = schedule(section, known, aws);
        names.extend(name);
        schedules.extend(schedule);
    }
    refuse_duplicates(context.report, "name", &names);
    schedules
}

fn schedule(mut section: Section<'_>, known: &Known<'_>, aws: &Aws) -> (Option<Placed<String>>, Option<Schedule>) {
    section.require("name", "\"everything\"");
    section.require("cron", "\"0 */15 * * * *\"");
    let name = section.text("name");
    let parse_cron = |text: &str| cron::parse(text).map(|_| text.trim().to_owned());
    let cron = section.parsed("cron", "a cron expression in quotes", parse_cron);
    let timezone = section.parsed("timezone", "the name of a time zone in quotes", time_zone);
    let unmanaged = unmanaged(&mut section, known);
    let filter = filter(&mut section, known, aws);
    section.finish();
    let schedule = name.as_ref().zip(cron).map(|(name, cron)| Schedule {
        name: name.value.clone(),
        cron: cron.value,
        timezone: timezone.map_or(Tz::UTC, |zone| zone.value),
        filter,
        unmanaged,
    });
    (name, schedule)
}

/// One word for all types, a word for each of some types, or the list of types that are reported.
fn unmanaged(section: &mut Section<'_>, known: &Known<'_>) -> UnmanagedByType {
    const KEY: &str = "unmanaged";
    let parse = |text: &str| word(text, &[("ignore", Unmanaged::Ignore), ("report", Unmanaged::Report)]);
    match section.node(KEY).map(|node| &node.value) {
        Some(Value::Table(_)) => {
            let mut table = section.table(KEY);
            let types = known.context.vocabulary.resource_types.iter().filter_map(|name| {
                let word = table.parsed(name, "\"ignore\" or \"report\"", parse)?;
                Some(((*name).to_owned(), word.value))
            });
            let types = UnmanagedByType::of_types(types.collect());
            table.finish();
            types
        }
        Some(Value::List(_)) => {
            let types = section.list(KEY, "[\"SECURITY_GROUP\"]", |text| known.resource_type(text));
            UnmanagedByType::of_types(types.into_iter().map(|name| (name.value, Unmanaged::Report)).collect())
        }
        _ => {
            let word = section.parsed(KEY, "\"ignore\", \"report\", or a table by type", parse);
            word.map(|word| word.value).unwrap_or_default().into()
        }
    }
}

/// A time zone by its name.
pub(super) fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let near = suggest::nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let instead = near.map_or_else(
            || "write a name such as \"UTC\" or \"Europe/Berlin\"".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        format!("no time zone is called `{text}`: {instead}")
    })
}

fn filter(section: &mut Section<'_>, known: &Known<'_>, aws: &Aws) -> ScanFilter {
    let accounts = section.list("accounts", "[\"prod\"]", |text| known.account(text));
    let regions = section.list("regions", "[\"us-east-1\"]", region);
    let types = section.list("resource_types", "[\"EC2\"]", |text| known.resource_type(text));
    for key in ["accounts", "regions", "resource_types"] {
        if section.is_empty_list(key) {
            section.fault(key, "an empty list would select nothing: leave the key out to select everything");
        }
    }
    let accounts: Vec<String> = accounts.into_iter().map(|account| account.value).collect();
    let scanned = scanned_regions(&accounts, aws);
    for region in regions.iter().filter(|region| !scanned.is_empty() && !scanned.contains(&&region.value)) {
        let message =
            format!("no account of this schedule is scanned in {}: add it to the regions under [aws]", region.value);
        section.report_at(&region.place, message);
    }
    ScanFilter {
        accounts,
        regions: regions.into_iter().map(|region| region.value).collect(),
        resource_types: types.into_iter().map(|name| name.value).collect(),
    }
}

/// The regions of the chosen accounts; empty if they are not known.
fn scanned_regions<'a>(accounts: &[String], aws: &'a Aws) -> Vec<&'a Region> {
    let is_chosen =
        |name: &str, id: &str| accounts.is_empty() || accounts.iter().any(|text| text == name || text == id);
    let chosen = aws.accounts.iter().filter(|account| is_chosen(&account.name, account.id.as_str()));
    if aws.accounts.is_empty() {
        aws.regions.iter().collect()
    } else {
        chosen.flat_map(|account| &account.regions).collect()
    }
}
