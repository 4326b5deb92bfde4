//! What the demo shows: headings, the mails and webhooks that arrived, and where to go from there.

use std::net::SocketAddr;
use std::path::Path;

use super::super::output;
use crate::embedded::sink::Received;
use crate::embedded::smtp::Mail;

/// A step begins.
pub(super) fn heading(text: &str) -> std::io::Result<()> {
    output::line(format_args!("\n── {text} ──"))
}

/// The mails and webhooks: the first of each in full, the rest by their first lines.
pub(super) fn alerts(mails: &[Mail], webhooks: &[Received]) -> anyhow::Result<()> {
    anyhow::ensure!(!mails.is_empty() && !webhooks.is_empty(), "neither mail nor webhook may be missing");
    heading(&format!("{} mails have arrived; this is one", mails.len()))?;
    // The worst ones say so in their subject.
    let shown = mails.iter().find(|mail| mail.subject.to_lowercase().contains("critical")).unwrap_or(&mails[0]);
    mail(shown)?;
    output::line("\nAll subjects:")?;
    for mail in mails {
        output::line(format_args!("  {}", mail.subject))?;
    }
    heading(&format!("{} webhooks have arrived; this is one", webhooks.len()))?;
    webhook(&webhooks[0])
}

fn mail(mail: &Mail) -> anyhow::Result<()> {
    let text = mail.text.as_deref().unwrap_or_default();
    let head = format!("From: {}\nTo: {}\nSubject: {}\n", mail.from, mail.to.join(", "), mail.subject);
    Ok(output::line(indented(&format!("{head}\n{}", text.trim_end())))?)
}

fn webhook(request: &Received) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(&request.json())?;
    Ok(output::line(indented(&format!("POST {}\n\n{json}", request.path)))?)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  │ {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// What can be done while it serves.
pub(super) fn how_to_go_on(address: Option<SocketAddr>, program: &Path, config: &Path) -> std::io::Result<()> {
    heading("It goes on: a scan every minute, until Ctrl-C")?;
    if let Some(address) = address {
        output::line(format_args!("Health, metrics http://{address}/readyz, http://{address}/metrics"))?;
    }
    let (program, config) = (program.display(), config.display());
    output::line("Look around     in another terminal, with credentials that the emulator takes:")?;
    output::line("                export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")?;
    output::line(format_args!("                {program} --config {config} drifts list"))
}
