//! What a channel is given to send: the alert, the drift as it stands, and the words for both.
//!
//! Every kind takes its words from here, so that a mail and a chat message of one alert say the same.

use chrono::{DateTime, Utc};

use crate::domain::alert::AlertType;
use crate::domain::story::Story;
use crate::domain::words;
use crate::store::delivery::AlertToSend;

/// Characters of a lead at most.
const LEAD_MAX: usize = 2000;

/// What is said of a drift that waits for a decision, if its alert says nothing more.
const DECIDE: &str = "A decision is needed: approve this drift to have it put back, or reject it to let it stand.";

/// An alert on its way.
#[derive(Debug, Clone)]
pub struct Message {
    /// The alert and its drift.
    pub alert: AlertToSend,
    /// When this attempt is made.
    pub sent_at: DateTime<Utc>,
}

impl Message {
    /// The drift's story, as bad as it was when the alert was made.
    #[must_use]
    pub fn story(&self) -> Story<'_> {
        let drift = &self.alert.drift;
        let story = Story::from(drift).in_account(self.alert.account_name.as_deref());
        Story { severity: self.alert.severity, ..story }
    }

    /// One line, the same at every attempt.
    #[must_use]
    pub fn subject(&self) -> String {
        words::clean(&self.alert.title)
    }

    /// What has to be said before the drift's own story: why a decision is needed, what went wrong. It is what the
    /// alert's text says before it comes to the drift. `None` for a drift that was found, whose story says it all.
    #[must_use]
    pub fn lead(&self) -> Option<String> {
        let story = self.story();
        let first_line = format!("{}: {}", story.severity.as_str().to_uppercase(), story.resource());
        let lines = self.alert.message.trim().lines().map(words::clean);
        let said: Vec<String> = lines.take_while(|line| !line.starts_with(&first_line)).collect();
        match (self.alert.alert_type, said.join("\n").trim()) {
            (AlertType::DriftDetected, _) | (AlertType::RemediationFailed, "") => None,
            (AlertType::ApprovalNeeded, "") => Some(DECIDE.to_owned()),
            (_, said) => Some(words::cut(said, LEAD_MAX)),
        }
    }

    /// The whole message as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let story = self.story().text();
        self.lead().map_or_else(|| story.clone(), |lead| format!("{lead}\n\n{story}"))
    }

    /// The name of the event for programs: `drift.detected`.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self.alert.alert_type {
            AlertType::DriftDetected => "drift.detected",
            AlertType::ApprovalNeeded => "drift.approval_needed",
            AlertType::RemediationFailed => "drift.remediation_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::alert::AlertType;
    use crate::notify::sample;

    #[test]
    fn the_story_is_not_told_twice() {
        let mut message = sample::opened_port();
        message.alert.alert_type = AlertType::ApprovalNeeded;
        message.alert.message = message.story().text();
        assert_eq!(message.lead().as_deref(), Some(super::DECIDE));
        message.alert.alert_type = AlertType::RemediationFailed;
        message.alert.message = format!("AWS refused.\nTwice.\n\n{}", message.story().text());
        assert_eq!(message.lead().as_deref(), Some("AWS refused.\nTwice."));
        message.alert.alert_type = AlertType::DriftDetected;
        assert_eq!(message.lead(), None);
    }
}
