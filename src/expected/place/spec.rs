//! Options that say where documents lie, read and checked before anything is asked for.
//!
//! It must never repeat a part of a URL in which a secret may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::glob::Pattern;
use crate::config::ExpectedSource;
use crate::config::options::{Entry, Env, Options, Reader};
use crate::config::secret::Secret;

const FORMS: &str = "write a file, a folder, a glob, s3://bucket/key or https://…";

/// Where documents lie.
#[derive(Debug, Clone)]
pub(in crate::expected) enum Spec {
    /// A file or a folder, unless the pattern says which of many.
    Local {
        /// As typed.
        path: String,
        /// The globs in it.
        pattern: Option<Pattern>,
    },
    /// An object or a prefix, unless the pattern says which of many.
    S3 {
        /// Bucket and key.
        location: S3Location,
        /// The globs in the key.
        pattern: Option<Pattern>,
    },
    /// A URL.
    Http(Target),
    /// What is piped into this process.
    StandardInput,
}

/// A bucket, and a key or the beginning of keys in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// The key, a prefix, or a glob; empty: the whole bucket.
    pub key: String,
}

/// A URL and what is sent with the request. Must not be shown, but for [`Target::shown`].
#[derive(Clone)]
pub(in crate::expected) struct Target {
    pub(super) url: Url,
    pub(super) login: Option<(String, Secret)>,
    pub(super) headers: HeaderMap,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.shown()).finish()
    }
}

impl Target {
    /// The URL for people: without its query, which may hold a token.
    pub(super) fn shown(&self) -> String {
        let mut url = self.url.clone();
        let query = if url.query().is_some() { "?…" } else { "" };
        url.set_query(None);
        format!("{url}{query}")
    }
}

impl Spec {
    /// Reads `path` and what belongs to it.
    pub(super) fn read(reader: &mut Reader<'_>, example: &str, stdin: bool) -> Option<Self> {
        let path = reader.text("path", example);
        let login = Login::read(reader);
        let path = path?;
        if path == "-" && stdin {
            return Some(Self::StandardInput);
        }
        let spec = match path.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("http" | "https") => return target(reader, &path, &login).map(Self::Http),
            Some("s3") => s3(&path),
            Some(scheme) => Err(format!("`{scheme}` is no place that can be read: {FORMS}")),
            None if path == "-" => Err("standard input is for `driftsentry expected check`: name a place".to_owned()),
            None => Pattern::parse(&path).map(|pattern| Self::Local { path: path.clone(), pattern }),
        };
        login.refuse(reader);
        spec.map_err(|message| reader.fault::<()>("path", &message)).ok()
    }
}

fn s3(path: &str) -> Result<Spec, String> {
    let location = location(path).ok_or("names no bucket: write s3://bucket/key or s3://bucket/prefix/")?;
    let pattern = Pattern::parse(&location.key)?;
    Ok(Spec::S3 { location, pattern })
}

/// `s3://bucket/key` in parts.
fn location(path: &str) -> Option<S3Location> {
    let rest = path.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("s3://")).map(|_| &path[5..])?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let is_bucket = (3..=63).contains(&bucket.len()) && bucket.bytes().all(is_name);
    is_bucket.then(|| S3Location { bucket: bucket.to_owned(), key: key.to_owned() })
}

/// Where in S3 the documents of the sources lie: for the policies that allow to read them.
#[must_use]
pub fn s3_locations(sources: &[ExpectedSource]) -> BTreeSet<S3Location> {
    sources.iter().filter_map(|source| location(&source.options.reader().optional_text("path")?)).collect()
}

/// What is sent with a request so that it is answered.
struct Login {
    username: Option<String>,
    password: Option<Secret>,
    headers: BTreeMap<String, Secret>,
    allow_http: bool,
}

impl Login {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            username: reader.optional_text("username"),
            password: reader.optional_secret("password"),
            headers: reader.secret_table("headers"),
            allow_http: reader.flag("allow_http", false),
        }
    }

    /// Notes that there is nobody to log in to.
    fn refuse(&self, reader: &mut Reader<'_>) {
        let given = [
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("headers", !self.headers.is_empty()),
            ("allow_http", self.allow_http),
        ];
        for (key, _) in given.iter().filter(|(_, is_given)| *is_given) {
            reader.fault::<()>(key, "only a path that begins with https:// takes this: remove it");
        }
    }

    fn pair(&self, reader: &mut Reader<'_>) -> Option<(String, Secret)> {
        match (&self.username, &self.password) {
            (Some(username), Some(password)) => Some((username.clone(), password.clone())),
            (None, Some(_)) if !reader.has("username") => {
                reader.fault("username", "missing: write the user that the password belongs to")
            }
            (Some(_), None) if !reader.has("password") => {
                reader.fault("password", "missing: write password = { env = \"STATE_PASSWORD\" }")
            }
            _ => None,
        }
    }

    fn header_map(&self, reader: &mut Reader<'_>) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, secret) in &self.headers {
            let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(secret.expose()).ok());
            let Some((key, mut value)) = header else {
                reader.fault::<()>("headers", &format!("{name}: this name or its value cannot be sent as a header"));
                continue;
            };
            value.set_sensitive(true);
            map.insert(key, value);
        }
        map
    }
}

fn target(reader: &mut Reader<'_>, path: &str, login: &Login) -> Option<Target> {
    let headers = login.header_map(reader);
    let pair = login.pair(reader);
    match good_url(path, login.allow_http) {
        Ok(url) => Some(Target { url, login: pair, headers }),
        Err(message) => reader.fault("path", &message),
    }
}

fn good_url(path: &str, allow_http: bool) -> Result<Url, String> {
    let mut url = Url::parse(path).map_err(|error| format!("this is no URL ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password: write them as `username` and `password` beside it".to_owned());
    }
    if !url.has_host() {
        return Err("names no host: write one such as https://states.example.com/web".to_owned());
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err("a state may hold secrets, and http:// shows them to everyone on the way: write https://, or \
                    allow_http = true beside it"
            .to_owned());
    }
    url.set_fragment(None);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A source of one place, as a command line names it. What Terraform's own variables say of an HTTP backend holds here.
#[must_use]
pub fn source_at(kind: &str, path: &str, env: &Env) -> ExpectedSource {
    let entry = |text: &str| Entry { value: toml::Value::String(text.to_owned()), line: None };
    let mut entries = BTreeMap::from([("path".to_owned(), entry(path))]);
    if path.starts_with("http") {
        for (key, name) in [("username", "TF_HTTP_USERNAME"), ("password", "TF_HTTP_PASSWORD")] {
            entries.extend(env.get(name).filter(|text| !text.is_empty()).map(|text| (key.to_owned(), entry(text))));
        }
    }
    let options = Options::new(format!("--{kind}"), None, entries, env.clone());
    ExpectedSource { kind: kind.to_owned(), account: None, options }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::ConfigProblem;

    fn read(toml: &str) -> Result<Option<Spec>, Vec<String>> {
        let table: toml::Table = toml.parse().expect("TOML");
        let entries = table.into_iter().map(|(key, value)| (key, Entry { value, line: None })).collect();
        let options = Options::new("expected[0]", None, entries, Env::default());
        let mut reader = options.reader();
        let spec = Spec::read(&mut reader, "\"expected/\"", false);
        let told = |problems: Vec<ConfigProblem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        reader.finish().map_err(told)?;
        Ok(spec)
    }

    #[test]
    fn each_form_of_a_path_is_its_place() {
        assert!(matches!(read("path = \"expected/\""), Ok(Some(Spec::Local { pattern: None, .. }))));
        assert!(matches!(read("path = \"a/**/*.tfstate\""), Ok(Some(Spec::Local { pattern: Some(_), .. }))));
        let Ok(Some(Spec::S3 { location, pattern: None })) = read("path = \"s3://states/env/web.tfstate\"") else {
            panic!("an object in S3");
        };
        assert_eq!((location.bucket.as_str(), location.key.as_str()), ("states", "env/web.tfstate"));
        assert!(matches!(read("path = \"s3://states/*/web\""), Ok(Some(Spec::S3 { pattern: Some(_), .. }))));
        for url in ["https://states.example.com/web", "http://127.0.0.1:8080/web", "http://localhost/", "http://[::1]/"]
        {
            assert!(matches!(read(&format!("path = \"{url}\"")), Ok(Some(Spec::Http(_)))), "{url}");
        }
        assert!(read("path = \"http://states.example.com/web\"\nallow_http = true").is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_without_what_may_be_secret() {
        for (toml, words) in [
            ("path = \"s3://\"", "names no bucket"),
            ("path = \"s3://Bad_Bucket/key\"", "names no bucket"),
            ("path = \"gs://bucket/key\"", "`gs` is no place"),
            ("path = \"https://geheim:geheim@example.com/x\"", "`username` and `password`"),
            ("path = \"http://example.com/x?token=geheim\"", "allow_http = true"),
            ("path = \"https://\"", "no URL"),
            ("path = \"-\"", "standard input"),
            ("path = \"https://example.com\"\nusername = \"u\"", "password: missing"),
            ("path = \"https://example.com\"\npassword = \"geheim\"", "username: missing"),
            ("path = \"https://example.com\"\nheaders = { \"a b\" = \"geheim\" }", "a b:"),
            ("path = \"states/\"\npassword = \"geheim\"", "only a path that begins with https://"),
            ("path = \"states/\"\nbucket = \"x\"", "unknown key"),
        ] {
            let problems = read(toml).expect_err(toml).join("\n");
            assert!(problems.contains(words) && !problems.contains("geheim"), "{toml}: {problems}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let Ok(Some(Spec::Http(target))) = read("path = \"https://example.com/x?token=geheim#part\"") else {
            panic!("a URL");
        };
        assert_eq!(target.shown(), "https://example.com/x?…");
        assert_eq!(format!("{target:?}"), "Target(\"https://example.com/x?…\")");
        assert_eq!(target.url.as_str(), "https://example.com/x?token=geheim");
    }
}
