//! A time as people give it: how long ago, or when.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// `90m`, `2days`, or `2026-01-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(DateTime<Utc>),
}

impl When {
    /// The time that it was, seen from `now`.
    pub(super) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::UNIX_EPOCH)
                .max(DateTime::UNIX_EPOCH),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(ago) = humantime::parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        text.parse()
            .map(Self::At)
            .map_err(|_| format!("`{text}` is no time: write how long ago (`90m`, `2days`), or `2026-01-31T12:00:00Z`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_as_people_say_them() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().expect("a time");
        let at = |text: &str| text.parse::<When>().map(|when| when.before(now));
        assert_eq!(at("90m"), Ok("2026-01-31T10:30:00Z".parse().expect("a time")));
        assert_eq!(at("2026-01-01T00:00:00Z"), Ok("2026-01-01T00:00:00Z".parse().expect("a time")));
        assert_eq!(at("5000years"), Ok(DateTime::UNIX_EPOCH));
        assert!(at("yesterday").is_err_and(|error| error.contains("`yesterday` is no time")));
    }
}
