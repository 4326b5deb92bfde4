//! The embedded price catalogue: AWS's public list prices, one text file per region under `src/prices/`.
//!
//! Embedded, so that a scan prices drift without asking AWS, with the same answer on every machine. It never fills a
//! gap: a price that no file holds is unknown, and is not borrowed from another region, platform or engine.
//!
//! A file is groups. A group opens with `[SERVICE UNIT AS-OF SOURCE]` (service `ec2`, `ebs` or `rds`; unit `hour`,
//! `gb-month`, `iops-month`, `mibps-month` or `gibps-month`, which is for 1,024 MiB/s) and holds lines of
//! `PREFIX NAME=USD NAME=USD …`, where prefix and name together are the key: `m5. large=0.096 xlarge=0.192` is
//! `m5.large` and `m5.xlarge`. Blank lines and lines that open with `#` say nothing.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::domain::cost::{Listing, Prices};

/// Region and its prices. A new region is a file and a line here.
const CATALOGUE: &[(&str, &str)] = &[
    ("ap-northeast-1", include_str!("prices/ap-northeast-1.txt")),
    ("ap-southeast-1", include_str!("prices/ap-southeast-1.txt")),
    ("eu-central-1", include_str!("prices/eu-central-1.txt")),
    ("eu-west-1", include_str!("prices/eu-west-1.txt")),
    ("us-east-1", include_str!("prices/us-east-1.txt")),
    ("us-west-2", include_str!("prices/us-west-2.txt")),
];

const SERVICES: &[&str] = &["ec2", "ebs", "rds"];
const UNITS: &[&str] = &["hour", "gb-month", "iops-month", "mibps-month", "gibps-month"];

/// A fault in a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the price list: {fault}")]
struct CatalogueError {
    line: usize,
    fault: &'static str,
}

/// The embedded catalogue. Takes milliseconds and most of a megabyte: load it once and share it.
///
/// # Panics
/// Never: the test of this file reads the same text.
#[must_use]
pub fn load() -> Prices {
    let mut prices = Prices::default();
    for (region, text) in CATALOGUE {
        read(&mut prices, region, text).expect("the embedded price lists are well-formed");
    }
    prices
}

/// Adds the prices of one region's file.
fn read(prices: &mut Prices, region: &str, text: &'static str) -> Result<(), CatalogueError> {
    let mut group = None;
    for (index, line) in text.lines().enumerate() {
        let fail = |fault| CatalogueError { line: index + 1, fault };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            group = Some(read_header(header).map_err(fail)?);
            continue;
        }
        let (service, listing) = group.ok_or_else(|| fail("a price before the first group"))?;
        for (key, usd) in read_prices(line).map_err(fail)? {
            if prices.find(region, service, &key).is_some() {
                return Err(fail("a price that was given before"));
            }
            prices.insert_listed(region, service, &key, usd, listing);
        }
    }
    Ok(())
}

/// `SERVICE UNIT AS-OF SOURCE]`
fn read_header(header: &'static str) -> Result<(&'static str, Listing), &'static str> {
    let parts: Vec<&'static str> = header.strip_suffix(']').ok_or("a group without `]`")?.splitn(4, ' ').collect();
    let [service, unit, as_of, source] = parts[..] else { return Err("a group is `[SERVICE UNIT AS-OF SOURCE]`") };
    if !SERVICES.contains(&service) || !UNITS.contains(&unit) {
        return Err("a group of an unknown service or unit");
    }
    let as_of = as_of.parse::<NaiveDate>().map_err(|_| "a group without a date such as 2025-11-03")?;
    Ok((service, Listing { source, as_of }))
}

/// `PREFIX NAME=USD NAME=USD …`
fn read_prices(line: &str) -> Result<Vec<(String, Decimal)>, &'static str> {
    let (prefix, entries) = line.split_once(' ').ok_or("a prefix without prices")?;
    let read = |entry: &str| {
        let (name, usd) = entry.split_once('=').ok_or("a price without `=`")?;
        let usd = Decimal::from_str_exact(usd).map_err(|_| "a price that is no decimal number")?;
        if usd.is_sign_negative() { Err("a negative price") } else { Ok((format!("{prefix}{name}"), usd)) }
    };
    entries.split(' ').map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn every_embedded_list_is_well_formed() {
        let mut prices = Prices::default();
        for (region, text) in CATALOGUE {
            read(&mut prices, region, text).unwrap_or_else(|error| panic!("{region}: {error}"));
        }
        assert_eq!(prices.iter().count(), 3996);
    }

    #[test]
    fn the_prices_are_those_that_were_compiled() {
        let mut digest = Sha256::new();
        for (region, service, key, usd) in load().iter() {
            digest.update(format!("{region},{service},{key},{}\n", usd.normalize()));
        }
        // Changes with every price: after an update, look at the differences of the files, then write the new value.
        assert_eq!(hex::encode(digest.finalize()), "9f54767bd07aae15c6330b50131633ca51fa55e5b6b59c2a6cef27fc8349c869");
    }

    /// The list that the catalogue was compiled from, where it lies in a folder around the repository.
    #[test]
    fn the_catalogue_is_its_source_list_and_nothing_else() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let list = repository.ancestors().map(|folder| folder.join("shared/reference/prices.csv"));
        let Some(list) = list.into_iter().find_map(|path| std::fs::read_to_string(path).ok()) else { return };
        let expected: BTreeMap<_, _> = list.lines().skip(1).map(csv_price).collect();
        let prices = load();
        let found: BTreeMap<_, _> = prices
            .iter()
            .map(|(region, service, key, usd)| {
                let listing = prices.listing(region, service, key).expect("a listing");
                ([region, service, key].map(str::to_owned), (usd, listing.source.to_owned(), listing.as_of))
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn csv_price(line: &str) -> ([String; 3], (Decimal, String, NaiveDate)) {
        let columns: Vec<&str> = line.split(',').collect();
        let [region, service, key, _unit, usd, source, as_of] = columns[..] else { panic!("seven columns: {line}") };
        let usd = usd.parse().expect("a decimal");
        ([region, service, key].map(str::to_owned), (usd, source.to_owned(), as_of.parse().expect("a date")))
    }

    #[test]
    fn a_price_has_its_list_and_an_absent_one_has_none() {
        let prices = load();
        assert_eq!(prices.find("us-east-1", "ec2", "m5.large"), Some("0.096".parse().unwrap()));
        assert_eq!(prices.find("eu-west-1", "rds", "postgres:multi-az:db.t3.medium"), Some("0.156".parse().unwrap()));
        assert_eq!(prices.find("sa-east-1", "ec2", "m5.large"), None);
        let listing = prices.listing("eu-west-1", "ec2", "m5.large").expect("a listing");
        assert_eq!(listing.as_of.to_string(), "2025-11-03");
        let (oldest, newest) = prices.as_of("eu-west-1", "rds").expect("dates");
        assert_eq!((oldest.to_string(), newest.to_string()), ("2024-09-28".to_owned(), "2025-04-04".to_owned()));
    }

    #[test]
    fn a_fault_names_its_line() {
        let faults = [
            ("m5. large=0.1", 1, "a price before the first group"),
            ("# x\n[ec2 hour 2025-11-03 list", 2, "a group without `]`"),
            ("[ec2 hour 2025-11-03]", 1, "a group is `[SERVICE UNIT AS-OF SOURCE]`"),
            ("[s3 hour 2025-11-03 list]", 1, "a group of an unknown service or unit"),
            ("[ec2 hour 2025-13-03 list]", 1, "a group without a date such as 2025-11-03"),
            ("[ec2 hour 2025-11-03 list]\nm5.", 2, "a prefix without prices"),
            ("[ec2 hour 2025-11-03 list]\nm5. large", 2, "a price without `=`"),
            ("[ec2 hour 2025-11-03 list]\nm5. large=free", 2, "a price that is no decimal number"),
            ("[ec2 hour 2025-11-03 list]\nm5. large=-1", 2, "a negative price"),
            ("[ec2 hour 2025-11-03 list]\nm5. large=1 large=1", 2, "a price that was given before"),
        ];
        for (text, line, fault) in faults {
            assert_eq!(read(&mut Prices::default(), "us-east-1", text), Err(CatalogueError { line, fault }), "{text}");
        }
    }
}
