//! `[[expected]]`, `[[channels]]` and `[[routes]]`: sections whose kinds higher layers know, and what refers to them.

use super::known::{Known, region_or_global};
use super::{Context, refuse_duplicates};
use crate::config::options::Options;
use crate::config::section::{Placed, Section};
use crate::config::{Channel, ExpectedSource, KindSpec, Route, suggest};
use crate::domain::route::ALERT_TYPES;
use crate::domain::severity::Severity;

/// Reads the sources of expected state.
pub(super) fn read_sources(sections: Vec<Section<'_>>, known: &Known<'_>, context: Context<'_>) -> Vec<ExpectedSource> {
    let source = |mut section: Section<'_>| {
        let kind = kind(&mut section, "json", &context.vocabulary.expected);
        let account = section.parsed("account", "the name of an account in quotes", |text| known.account(text));
        let options = options(section, kind, context)?;
        Some(ExpectedSource { kind: kind?.name.to_owned(), account: account.map(|account| account.value), options })
    };
    sections.into_iter().filter_map(source).collect()
}

/// Reads the channels and the names that routes may use, those of faulty channels included.
pub(super) fn read_channels(sections: Vec<Section<'_>>, context: Context<'_>) -> (Vec<Channel>, Vec<String>) {
    let mut names: Vec<Placed<String>> = Vec::new();
    let mut channels = Vec::new();
    for mut section in sections {
        section.require("name", "\"ops-mail\"");
        let name = section.text("name");
        let kind = kind(&mut section, "email", &context.vocabulary.channels);
        let options = options(section, kind, context);
        if let (Some(name), Some(kind), Some(options)) = (&name, kind, options) {
            channels.push(Channel { name: name.value.clone(), kind: kind.name.to_owned(), options });
        }
        names.extend(name);
    }
    refuse_duplicates(context.report, "name", &names);
    (channels, names.into_iter().map(|name| name.value).collect())
}

fn kind(section: &mut Section<'_>, example: &str, kinds: &[KindSpec]) -> Option<KindSpec> {
    section.require("kind", &format!("\"{example}\""));
    let parse = |text: &str| {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        let found = kinds.iter().copied().find(|kind| kind.name == text);
        found.ok_or_else(|| format!("no kind is called `{text}`: {}", suggest::instead(text, &names)))
    };
    section.parsed("kind", "the name of a kind in quotes", parse).map(|kind| kind.value)
}

/// The kind's own options, checked by it; `None` if the kind is unknown, because then its keys are as well.
fn options(section: Section<'_>, kind: Option<KindSpec>, context: Context<'_>) -> Option<Options> {
    let kind = kind?;
    let options = section.into_options(context.env);
    for problem in (kind.check)(&options) {
        context.report.add(problem);
    }
    Some(options)
}

/// Reads the routes.
pub(super) fn read_routes(sections: Vec<Section<'_>>, known: &Known<'_>, channels: &[String]) -> Vec<Route> {
    sections.into_iter().map(|section| route(section, known, channels)).collect()
}

fn route(mut section: Section<'_>, known: &Known<'_>, channels: &[String]) -> Route {
    section.require("channels", "[\"ops-mail\"]");
    let severity = section.parsed("min_severity", "\"info\", \"warning\" or \"critical\"", str::parse::<Severity>);
    let route = Route {
        channels: values(section.list("channels", "[\"ops-mail\"]", |text| channel(text, channels))),
        min_severity: severity.map_or(Severity::Info, |severity| severity.value),
        types: values(section.list("types", "[\"drift_detected\"]", alert_type)),
        resource_types: values(section.list("resource_types", "[\"EC2\"]", |text| known.resource_type(text))),
        accounts: values(section.list("accounts", "[\"prod\"]", |text| known.account(text))),
        regions: values(section.list("regions", "[\"us-east-1\"]", region_or_global)),
    };
    if section.is_empty_list("channels") {
        section.fault("channels", "an empty list leads nowhere: name at least one channel");
    }
    for key in ["types", "resource_types", "accounts", "regions"] {
        if section.is_empty_list(key) {
            section.fault(key, "an empty list would select nothing: leave the key out to select everything");
        }
    }
    section.finish();
    route
}

fn channel(text: &str, channels: &[String]) -> Result<String, String> {
    if channels.iter().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> = channels.iter().map(String::as_str).collect();
    Err(format!("no channel is called `{text}`: {}", suggest::instead(text, &names)))
}

fn alert_type(text: &str) -> Result<String, String> {
    if ALERT_TYPES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("no type of alert is called `{text}`: {}", suggest::instead(text, &ALERT_TYPES)))
}

fn values<T>(placed: Vec<Placed<T>>) -> Vec<T> {
    placed.into_iter().map(|placed| placed.value).collect()
}
