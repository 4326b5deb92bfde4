//! Engine versions: `16.4`, `8.0.43`, `19.0.0.0.ru-2024-01.rur-2024-01.r1`.
//!
//! Compared by segments, never as text or as a number: `16.10` is newer than `16.4`.

use std::cmp::Ordering;

/// Whether `declared` names `live` or the series that it belongs to: `8.0` names `8.0.43`, `8` does not name `80.1`.
pub(super) fn is_prefix(declared: &str, live: &str) -> bool {
    live.strip_prefix(declared).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether `live` is a newer version than `declared` of the same major one: what an automatic minor upgrade brings.
pub(super) fn is_minor_upgrade(declared: &str, live: &str) -> bool {
    let (declared, live) = (segments(declared), segments(live));
    // `16.4` has a major version of one segment, `8.0.43` of two.
    let major = if live.len() > 2 { 2 } else { 1 };
    declared.iter().zip(&live).take(major).all(|(a, b)| a == b) && compare(&declared, &live) == Ordering::Less
}

/// Whether going from `live` to `declared`, a version and no series of them, is a minor upgrade.
pub(super) fn is_minor_upgrade_to(live: &str, declared: &str) -> bool {
    segments(declared).len() >= segments(live).len() && is_minor_upgrade(live, declared)
}

/// Whether `version` is newer than `other`.
pub(super) fn is_newer(version: &str, other: &str) -> bool {
    compare(&segments(other), &segments(version)) == Ordering::Less
}

fn segments(version: &str) -> Vec<&str> {
    version.split('.').collect()
}

fn compare(a: &[&str], b: &[&str]) -> Ordering {
    let segment = |(a, b): (&&str, &&str)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    };
    let first = a.iter().zip(b).map(segment).find(|order| order.is_ne());
    first.unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_upgrade_stays_in_the_major_version() {
        let upgrades = [("16.4", "16.10"), ("8.0.39", "8.0.43"), ("10.6.14", "10.6.21"), ("15.00.4073", "15.00.4322")];
        for (declared, live) in upgrades {
            assert!(is_minor_upgrade(declared, live), "{declared} to {live}");
        }
        let others =
            [("16.10", "16.4"), ("16.4", "17.2"), ("8.0.43", "8.4.3"), ("8.0", "8.4.3"), ("10.6.14", "10.11.2")];
        for (declared, live) in others {
            assert!(!is_minor_upgrade(declared, live), "{declared} to {live}");
        }
    }

    #[test]
    fn a_series_is_no_version_to_upgrade_to() {
        assert!(is_minor_upgrade_to("16.4", "16.10") && is_minor_upgrade_to("10.5.12", "10.5.29"));
        for (live, declared) in [("10.5.12", "10.6"), ("15.4", "16"), ("16.10", "16.4"), ("5.7.44", "8.0.43")] {
            assert!(!is_minor_upgrade_to(live, declared), "{live} to {declared}");
        }
        assert!(is_newer("16", "15.4") && is_newer("10.6", "10.5.12") && !is_newer("16.4", "16.10"));
    }
}
