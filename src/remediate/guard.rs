//! The guards: what may be put back, and when. Pure decisions over a plan, the same for `drifts plan` and for the job.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::{Disruptive, Remediation, RemediationMode};
use crate::domain::diff::Change;
use crate::domain::drift::{Drift, DriftKind};
use crate::domain::rule::Subject;
use crate::resource::fix::Disruption;
use crate::resource::{FixPlan, FixStep};
use crate::store::remediation::Switch;

/// What a guard says against something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// The key of the configuration, or the command, that it comes from.
    pub guard: &'static str,
    /// Why.
    pub reason: String,
    /// Whether it passes by itself or by `remediation resume`: the job waits for that.
    pub waits: bool,
    /// When it passes, if that is known.
    pub until: Option<DateTime<Utc>>,
}

impl Objection {
    fn refusal(guard: &'static str, reason: impl Into<String>) -> Self {
        Self { guard, reason: reason.into(), waits: false, until: None }
    }
}

impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.reason, self.guard)
    }
}

/// What speaks against putting a drift back at all.
#[must_use]
pub fn of_drift(config: &Remediation, drift: &Drift, changes: &[Change], plan: &FixPlan) -> Vec<Objection> {
    let mut objections = Vec::new();
    if config.mode != RemediationMode::Apply {
        let reason = format!("[remediation] mode is \"{}\": nothing is changed in AWS", config.mode.as_str());
        objections.push(Objection::refusal("mode", reason));
    }
    if drift.kind != DriftKind::Changed {
        let reason = "what is missing is never made anew, and what nothing declares is never deleted";
        objections.push(Objection::refusal("never", reason));
        return objections;
    }
    let subject = Subject { key: &drift.key, account_name: drift.account_name.as_deref() };
    for change in changes {
        if !config.allow.iter().any(|selector| selector.matches(subject, &change.pointer)) {
            let reason = format!("no entry of [remediation] allow covers {}", change.pointer);
            objections.push(Objection::refusal("allow", reason));
        }
    }
    if !plan.manual.is_empty() {
        let parts: Vec<&str> = plan.manual.iter().map(|part| part.pointer.as_str()).collect();
        let reason = format!("{} is left to people, and half a drift is not put back", parts.join(", "));
        objections.push(Objection::refusal("manual", reason));
    }
    objections
}

/// What speaks against one call.
#[must_use]
pub fn of_step(config: &Remediation, step: &FixStep, now: DateTime<Utc>) -> Vec<Objection> {
    let mut objections = Vec::new();
    if step.loosens && !config.allow_loosening {
        let reason = format!("{} lets somebody do more than now", step.operation);
        objections.push(Objection::refusal("allow_loosening", reason));
    }
    if step.disruption >= Disruption::Restart {
        objections.extend(disruption(config, step, now));
    }
    objections
}

fn disruption(config: &Remediation, step: &FixStep, now: DateTime<Utc>) -> Option<Objection> {
    match config.disruptive {
        Disruptive::Always => None,
        Disruptive::Never => {
            let reason = format!("{} disrupts the workload", step.operation);
            Some(Objection::refusal("disruptive", reason))
        }
        Disruptive::Window if config.windows.iter().any(|window| window.is_open(now)) => None,
        Disruptive::Window => {
            let until = config.windows.iter().filter_map(|window| window.opens_after(now)).min();
            let when =
                until.map_or_else(String::new, |at| format!(", which opens at {}", at.format("%Y-%m-%d %H:%M UTC")));
            let reason = format!("{} disrupts the workload and waits for a window{when}", step.operation);
            Some(Objection { guard: "disruptive", reason, waits: true, until })
        }
    }
}

/// What the global stop says.
#[must_use]
pub fn of_switch(switch: &Switch) -> Option<Objection> {
    if !switch.stopped {
        return None;
    }
    let who = switch.by.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
    let why = switch.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let reason = format!("remediation is stopped{who}{why}");
    Some(Objection { guard: "remediation stop", reason, waits: true, until: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Window;

    fn step() -> FixStep {
        FixStep::new("ec2", "StopInstances", &["ec2:StopInstances"], &json!({}))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn what_loosens_needs_to_be_allowed() {
        let opens = step().loosening(true);
        let mut config = Remediation::default();
        assert_eq!(of_step(&config, &opens, at("2026-03-02T09:00:00Z"))[0].guard, "allow_loosening");
        config.allow_loosening = true;
        assert_eq!(of_step(&config, &opens, at("2026-03-02T09:00:00Z")), []);
        assert_eq!(of_step(&Remediation::default(), &step(), at("2026-03-02T09:00:00Z")), []);
    }

    #[test]
    fn what_disrupts_is_refused_waits_for_a_window_or_goes() {
        let stops = step().disrupting(Disruption::StopStart);
        let window = Window {
            cron: "0 0 22 * * *".to_owned(),
            duration: std::time::Duration::from_hours(2),
            timezone: chrono_tz::Tz::UTC,
        };
        let config = |disruptive| Remediation { disruptive, windows: vec![window.clone()], ..Remediation::default() };
        let said = |disruptive, now| of_step(&config(disruptive), &stops, at(now));
        assert!(!said(Disruptive::Never, "2026-03-02T22:30:00Z")[0].waits);
        assert_eq!(said(Disruptive::Window, "2026-03-02T22:30:00Z"), []);
        let waiting = &said(Disruptive::Window, "2026-03-02T09:00:00Z")[0];
        assert_eq!((waiting.waits, waiting.until), (true, Some(at("2026-03-02T22:00:00Z"))));
        assert_eq!(said(Disruptive::Always, "2026-03-02T09:00:00Z"), []);
        let slows = step().disrupting(Disruption::Degraded);
        assert_eq!(of_step(&config(Disruptive::Never), &slows, at("2026-03-02T09:00:00Z")), []);
    }
}
