//! `[remediation]`: how far putting drift back may go. Every guard is on unless it is taken away.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::cron;
use crate::domain::rule::{AutoApproveRule, Selector};

/// `[remediation]`
#[derive(Debug, Clone)]
pub struct Remediation {
    /// How far it may go.
    pub mode: RemediationMode,
    /// What it may touch; nothing if empty.
    pub allow: Vec<Selector>,
    /// Whether calls that restart, stop or fail over something may be made.
    pub disruptive: Disruptive,
    /// When they may be made, if only in a window.
    pub windows: Vec<Window>,
    /// Whether calls that let anybody do more than now may be made.
    pub allow_loosening: bool,
    /// Whether changes that AWS can put off to its own maintenance window (RDS) are made at once.
    pub apply_immediately: bool,
    /// Drifts of one scan that are put back at most.
    pub max_per_run: u32,
    /// Drifts that are put back in an hour at most.
    pub max_per_hour: u32,
    /// The same in per cent of all declared resources; one is always possible.
    pub max_percent: u32,
    /// How long to wait until AWS shows the declared state; databases get [`Remediation::DATABASE_FACTOR`] times that.
    pub verify_timeout: Duration,
    /// What is approved without anybody.
    pub auto_approve: Vec<AutoApproveRule>,
}

impl Remediation {
    /// How much longer a database may take than anything else.
    pub const DATABASE_FACTOR: u32 = 4;
}

impl Default for Remediation {
    fn default() -> Self {
        Self {
            mode: RemediationMode::Off,
            allow: Vec::new(),
            disruptive: Disruptive::Never,
            windows: Vec::new(),
            allow_loosening: false,
            apply_immediately: false,
            max_per_run: 10,
            max_per_hour: 20,
            max_percent: 10,
            verify_timeout: Duration::from_mins(15),
            auto_approve: Vec::new(),
        }
    }
}

/// How far remediation may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RemediationMode {
    /// Not at all.
    #[default]
    Off,
    /// Say what would be done.
    Plan,
    /// Do it.
    Apply,
}

impl RemediationMode {
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// Whether calls that restart, stop or fail over something may be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Disruptive {
    /// No.
    #[default]
    Never,
    /// In a maintenance window.
    Window,
    /// At any time.
    Always,
}

/// `[[remediation.windows]]`: a time in which disruption is borne.
#[derive(Debug, Clone)]
pub struct Window {
    /// Seconds-first cron expression of its beginning, known to be valid.
    pub cron: String,
    /// How long it is open.
    pub duration: Duration,
    /// Time zone of the expression.
    pub timezone: Tz,
}

impl Window {
    /// Whether it is open at `now`.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        let Ok(cron) = cron::parse(&self.cron) else { return false };
        let began = cron.find_previous_occurrence(&now.with_timezone(&self.timezone), true);
        began.is_ok_and(|began| (now - began.to_utc()).to_std().is_ok_and(|since| since < self.duration))
    }

    /// When it opens next after `now`.
    #[must_use]
    pub fn opens_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let cron = cron::parse(&self.cron).ok()?;
        Some(cron.find_next_occurrence(&now.with_timezone(&self.timezone), false).ok()?.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_from_its_beginning_for_its_length_in_its_own_time_zone() {
        let nights = Window {
            cron: "0 0 2 * * SUN".to_owned(),
            duration: Duration::from_hours(2),
            timezone: Tz::Europe__Berlin,
        };
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        // 2026-03-01 is a Sunday; Berlin is one hour ahead of UTC.
        for (now, open) in [
            ("2026-03-01T00:59:59Z", false),
            ("2026-03-01T01:00:00Z", true),
            ("2026-03-01T02:59:59Z", true),
            ("2026-03-01T03:00:00Z", false),
            ("2026-03-02T01:30:00Z", false),
        ] {
            assert_eq!(nights.is_open(at(now)), open, "{now}");
        }
        assert_eq!(nights.opens_after(at("2026-03-02T09:00:00Z")), Some(at("2026-03-08T01:00:00Z")));
    }
}
