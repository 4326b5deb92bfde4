//! The HTML part of a mail: one column that a phone shows without zooming, in light and dark.
//!
//! Styles stand at the elements, because many readers drop style sheets; the sheet only adds the dark colours. Nothing
//! is loaded from anywhere: no image, no font, no script. maud escapes every text.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::domain::drift::DriftKind;
use crate::domain::severity::Severity;
use crate::domain::story::{ChangeWords, LISTED_CHANGES, NextStep, Story, What};
use crate::notify::Message;

const DARK: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
@media (prefers-color-scheme:dark){\
.page{background:#0f1318!important}.card{background:#1a2027!important;border-left-color:#323b46!important;\
border-right-color:#323b46!important;border-bottom-color:#323b46!important}\
.card,.strong{color:#e6edf3!important}.soft{color:#9aa7b4!important}\
.box{background:#11161c!important;border-color:#323b46!important;color:#e6edf3!important}\
.old{color:#ff9d96!important}.new{color:#7ee2a0!important}.line{border-color:#323b46!important}}";

const SANS: &str = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const MONO: &str = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;\
font-size:13px;line-height:1.5;overflow-wrap:anywhere;word-break:break-word;";
const BOX: &str = "background:#f5f7f9;border:1px solid #dde3e9;border-radius:6px;padding:8px 10px;margin:0 0 8px;";
const HEADING: &str = "margin:22px 0 8px;font-size:13px;font-weight:600;color:#5b6773;";

/// The page for a message.
pub(super) fn page(message: &Message) -> Markup {
    let story = message.story();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (message.subject()) }
                style { (PreEscaped(DARK)) }
            }
            body class="page" style="margin:0;padding:0;background:#eef1f4;" {
                table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                    style="background:#eef1f4;" {
                    tr { td align="center" style="padding:16px 8px;" { (card(message, &story)) } }
                }
            }
        }
    }
}

fn card(message: &Message, story: &Story<'_>) -> Markup {
    let (colour, word) = (colour(story.severity), story.severity.as_str().to_uppercase());
    html! {
        table class="card" role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
            style={ "max-width:640px;background:#ffffff;border:1px solid #dde3e9;border-top:5px solid " (colour)
                ";border-radius:8px;color:#1b232b;text-align:left;" (SANS) } {
            tr { td style="padding:18px 18px 22px;" {
                span style={ "display:inline-block;padding:3px 9px;border-radius:4px;font-size:12px;font-weight:700;\
                    letter-spacing:.04em;color:#ffffff;background:" (colour) ";" } { (word) }
                h1 class="strong" style="margin:12px 0 4px;font-size:19px;line-height:1.35;overflow-wrap:anywhere;" {
                    (story.resource())
                }
                @if story.kind == DriftKind::Changed {
                    p class="strong" style="margin:0 0 4px;font-size:16px;line-height:1.4;overflow-wrap:anywhere;" {
                        (story.what_changed())
                    }
                }
                p class="soft" style="margin:0;font-size:15px;line-height:1.45;color:#5b6773;" {
                    "It " (story.happened()) "."
                }
                @if let Some(lead) = message.lead() { (lead_box(&lead, colour)) }
                (changes(story))
                (facts(story))
                (next_steps(&story.next_steps()))
            } }
        }
    }
}

fn lead_box(lead: &str, colour: &str) -> Markup {
    html! {
        div class="box" style={ (BOX) "margin-top:14px;border-left:4px solid " (colour) ";font-size:15px;\
            line-height:1.45;white-space:pre-line;overflow-wrap:anywhere;" } { (lead) }
    }
}

fn changes(story: &Story<'_>) -> Markup {
    let (listed, more) = story.changes(LISTED_CHANGES);
    html! {
        @if !listed.is_empty() {
            h2 class="soft" style=(HEADING) { "What changed: declared, then live" }
            @for change in &listed { (one_change(change)) }
            @if more > 0 { p class="soft" style="margin:0;font-size:14px;color:#5b6773;" { "… and " (more) " more" } }
        }
    }
}

fn one_change(change: &ChangeWords) -> Markup {
    html! {
        div class="box" style={ (BOX) (MONO) } {
            div class="strong" style="font-weight:600;" { (change.pointer) }
            @match &change.what {
                What::Value { from, to } => {
                    div class="old" style="color:#a8201a;" { "− " (from) }
                    div class="new" style="color:#12693a;" { "+ " (to) }
                }
                What::Policy { lines, more } => {
                    @for line in lines { div { (line) } }
                    @if *more > 0 { div { "… and " (more) " more" } }
                }
            }
        }
    }
}

fn facts(story: &Story<'_>) -> Markup {
    html! {
        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
            style="margin:20px 0 0;font-size:14px;line-height:1.45;" {
            @for (label, fact) in story.facts() {
                tr {
                    td class="soft line" valign="top" width="92"
                        style="padding:6px 10px 6px 0;border-top:1px solid #e6ebef;color:#5b6773;white-space:nowrap;" {
                        (label)
                    }
                    td class="strong line" valign="top"
                        style="padding:6px 0;border-top:1px solid #e6ebef;overflow-wrap:anywhere;word-break:break-word;" {
                        @if label == "Cost" { strong { (fact) } } @else { (fact) }
                    }
                }
            }
        }
    }
}

fn next_steps(steps: &[NextStep]) -> Markup {
    html! {
        @if !steps.is_empty() {
            h2 class="soft" style=(HEADING) { "What to do next" }
            @for step in steps {
                p class="strong" style="margin:0 0 3px;font-size:14px;" { (capitalised(step.purpose)) }
                div class="box" style={ (BOX) (MONO) } { (step.command) }
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#c4251c",
        Severity::Warning => "#a15c00",
        Severity::Info => "#1f6feb",
    }
}
