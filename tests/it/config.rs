//! Configuration: what a good one loads to, and what is said of each mistake.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use driftsentry::config::options::Env;
use driftsentry::config::secret::Secret;
use driftsentry::config::{
    self, Config, ConfigErrors, ConfigProblem, KindSpec, RemediationMode, Unmanaged, Vocabulary,
};
use driftsentry::domain::id::Region;
use driftsentry::domain::severity::Severity;
use driftsentry::{expected, notify};
use proptest::prelude::*;

use crate::config_mistakes::{ENV_MISTAKES, MISTAKES};

fn vocabulary() -> Vocabulary {
    Vocabulary {
        resource_types: vec!["EC2", "RDS", "S3", "IAM_ROLE", "SECURITY_GROUP"],
        expected: expected::BUILTIN.iter().map(|kind| KindSpec { name: kind.name, check: kind.check }).collect(),
        channels: notify::kinds(),
    }
}

fn env(pairs: &[(&str, &str)]) -> Env {
    Arc::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn load(toml: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), toml).expect("it is written");
    config::load(Some(file.path()), env(pairs), &vocabulary())
}

const SECRETS: [(&str, &str); 5] = [
    ("GITLAB_TOKEN", "t"),
    ("PROD_EXTERNAL_ID", "hunter2-external"),
    ("SMTP_URL", "smtp://ops:hunter2@mail.example.com"),
    ("SLACK_URL", "https://hooks.example.com/hunter2"),
    ("WEBHOOK_SECRET", "hunter2-webhook"),
];

const CONTRACT: &str = r#"
[database]
url = "postgres://driftsentry@db.example.com/driftsentry"
data_dir = "/var/lib/driftsentry"

[aws]
regions = ["us-east-1", "eu-west-1"]

[[aws.accounts]]
name = "prod"
id = "123456789012"
role_arn = "arn:aws:iam::123456789012:role/driftsentry-scan"
external_id = { env = "PROD_EXTERNAL_ID" }
regions = ["us-east-1"]

[[expected]]
kind = "json"
path = "expected/"
account = "prod"

[[schedules]]
name = "everything"
cron = "0 */15 * * * *"
timezone = "UTC"
accounts = ["prod"]
regions = ["us-east-1"]
resource_types = ["EC2", "RDS", "S3", "IAM_ROLE", "SECURITY_GROUP"]
unmanaged = "ignore"

[[ignore]]
resource_type = "EC2"
resource_id = "i-*"
account = "prod"
region = "us-east-1"
path = "/Tags/LastBackup"
reason = "written by the backup job"
until = 2027-01-31

[[severity]]
resource_type = "S3"
path = "/PublicAccessBlock/**"
severity = "critical"

[[channels]]
name = "ops-mail"
kind = "email"
smtp_url = { env = "SMTP_URL" }
from = "driftsentry@example.com"
to = ["ops@example.com"]

[[routes]]
channels = ["ops-mail"]
min_severity = "warning"
types = ["drift_detected", "approval_needed", "remediation_failed"]

[remediation]
mode = "off"
allow = [{ resource_type = "SECURITY_GROUP", path = "/IngressRules/**" }]

[api]
listen = "127.0.0.1:8080"
"#;

#[test]
fn what_nothing_declares_may_be_reported_by_type() {
    let unmanaged = |value: &str| {
        let text = format!("[[schedules]]\nname = \"x\"\ncron = \"@daily\"\nunmanaged = {value}\n");
        let config = load(&text, &[]).expect("it is good");
        ["S3", "SECURITY_GROUP", "EC2"].map(|name| config.schedules[0].unmanaged.of(name) == Unmanaged::Report)
    };
    assert_eq!(unmanaged("\"report\""), [true; 3]);
    assert_eq!(unmanaged("{ SECURITY_GROUP = \"report\", S3 = \"ignore\" }"), [false, true, false]);
    assert_eq!(unmanaged("[\"S3\", \"EC2\"]"), [true, false, true]);
    assert_eq!(unmanaged("{}"), [false; 3]);
}

#[test]
fn the_documented_example_loads_as_written() {
    let config = load(CONTRACT, &SECRETS).expect("it is good");
    assert_eq!(config.aws.regions.len(), 2);
    let account = &config.aws.accounts[0];
    assert_eq!((account.name.as_str(), account.id.as_str()), ("prod", "123456789012"));
    assert_eq!(account.regions.iter().map(Region::as_str).collect::<Vec<_>>(), ["us-east-1"]);
    assert_eq!(account.external_id.as_ref().map(Secret::expose), Some("hunter2-external"));
    assert_eq!(config.expected[0].kind, "json");
    assert_eq!(config.schedules[0].unmanaged, Unmanaged::Ignore.into());
    assert_eq!(config.schedules[0].filter.resource_types.len(), 5);
    assert_eq!(config.rules.ignore[0].until, NaiveDate::from_ymd_opt(2027, 1, 31));
    assert_eq!(config.rules.severity[0].severity, Severity::Critical);
    assert_eq!(config.channels[0].kind, "email");
    assert_eq!(config.routes[0].min_severity, Severity::Warning);
    assert_eq!(config.remediation.mode, RemediationMode::Off);
    assert_eq!(config.remediation.allow.len(), 1);
}

#[test]
fn without_a_file_the_defaults_hold() {
    let config = config::load(None, Env::default(), &vocabulary()).expect("defaults");
    assert!(config.database.url.is_none());
    assert_eq!(config.database.max_connections, 10);
    assert_eq!(config.aws.call_timeout, Duration::from_secs(20));
    assert_eq!((config.aws.max_attempts, config.aws.max_requests_per_second), (5, 20));
    assert_eq!(config.queue.concurrency, 8);
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:8080");
    assert!(config.schedules.is_empty() && config.channels.is_empty() && config.aws.accounts.is_empty());
}

#[test]
fn the_default_file_changes_nothing_and_loads_with_every_example_taken_in() {
    let bare = load(config::DEFAULT, &[]).expect("the default file");
    let defaults = config::load(None, Env::default(), &vocabulary()).expect("defaults");
    assert_eq!(format!("{bare:?}"), format!("{defaults:?}"));

    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(example) if !example.starts_with(' ') && !example.is_empty() => example.to_owned(),
        _ => line.to_owned(),
    };
    let all: Vec<String> = config::DEFAULT.lines().map(uncommented).collect();
    let config = load(&all.join("\n"), &SECRETS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.channels.len(), 3);
    assert_eq!(config.remediation.allow.len(), 1);
    assert_eq!(config.rules.ignore.len(), 1);
}

#[test]
fn what_the_default_file_states_as_default_is_the_default() {
    let stated = [
        ("max_connections = 10", "max_connections"),
        ("call_timeout = \"20s\"", "call_timeout"),
        ("max_attempts = 5", "max_attempts"),
        ("max_requests_per_second = 20", "max_requests_per_second"),
        ("listen = \"127.0.0.1:8080\"", "listen"),
        ("concurrency = 8", "concurrency"),
        ("mode = \"off\"", "mode"),
    ];
    for (line, key) in stated {
        assert!(config::DEFAULT.lines().any(|l| l == format!("#{line}")), "{key}");
    }
}

#[test]
fn every_mistake_names_its_path_and_line_and_says_what_to_write() {
    assert!(MISTAKES.len() >= 40);
    for (toml, path, line, fragment) in MISTAKES {
        let errors = load(toml, &[]).map(drop).expect_err(toml);
        let problems = errors.problems();
        assert_eq!(problems.len(), 1, "one mistake, one problem:\n{toml}\n{errors}");
        let ConfigProblem { path: found, line: at, message } = &problems[0];
        assert_eq!((found.as_str(), *at), (*path, *line), "{toml}\n{errors}");
        assert!(message.contains(fragment), "{toml}\n{errors}");
    }
}

#[test]
fn every_mistake_in_the_environment_names_its_variable() {
    for (name, value, path, fragment) in ENV_MISTAKES {
        let errors = load("", &[(name, value)]).map(drop).expect_err(name);
        let problem = &errors.problems()[0];
        assert_eq!((problem.path.as_str(), problem.line), (*path, None), "{errors}");
        assert!(problem.message.contains(fragment), "{errors}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let together = "[api]\nlisten = 1\n[aws]\nregionz = []\n[[schedules]]\nname = \"x\"\n[queue]\nconcurrency = 0\n";
    let errors = load(together, &[]).map(drop).expect_err("four mistakes");
    let paths: Vec<&str> = errors.problems().iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["api.listen", "aws.regionz", "schedules[0].cron", "queue.concurrency"]);
    assert_eq!(errors.to_string().lines().count(), 4);
}

#[test]
fn each_line_of_the_error_begins_with_the_file_and_the_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("driftsentry.toml");
    std::fs::write(&file, "[queue]\nconcurrency = 0\n").expect("it is written");
    let errors = config::load(Some(&file), Env::default(), &vocabulary()).map(drop).expect_err("a mistake");
    let expected = format!("{}:2: queue.concurrency: write a whole number from 1 to 1000", file.display());
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = |path: &Path| {
        let errors = config::load(Some(path), Env::default(), &vocabulary()).map(drop).expect_err("no file");
        errors.to_string()
    };
    let missing = error(&folder.path().join("none.toml"));
    assert!(missing.contains("none.toml: there is no such file"), "{missing}");
    assert!(error(folder.path()).contains("this is a folder"));
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"# good\n# \xe9\n").expect("it is written");
    assert!(error(&latin).contains("latin.toml:2: not UTF-8"));
}

#[test]
fn the_environment_sets_any_key_and_wins_over_the_file() {
    let variables = [
        ("DRIFTSENTRY__API__LISTEN", "0.0.0.0:9090"),
        ("DRIFTSENTRY__QUEUE__CONCURRENCY", "3"),
        ("DRIFTSENTRY__AWS__REGIONS", "[\"eu-west-1\"]"),
        ("DRIFTSENTRY__AWS__ACCOUNTS__0__ID", "210987654321"),
        ("DRIFTSENTRY__AWS__ACCOUNTS__0__ROLE_ARN", "arn:aws:iam::210987654321:role/x"),
        ("DRIFTSENTRY__SCHEDULES__0__CRON", "0 0 6 * * *"),
        ("DRIFTSENTRY__SCHEDULES__0__REGIONS", "[\"us-east-1\"]"),
        ("DRIFTSENTRY__CHANNELS__1__NAME", "hook"),
        ("DRIFTSENTRY__CHANNELS__1__KIND", "webhook"),
        ("DRIFTSENTRY__CHANNELS__1__URL", "https://alerts.example.com"),
        ("DRIFTSENTRY__CHANNELS__1__SECRET", "0123"),
        ("DRIFTSENTRY__CHANNELS__1__HEADERS", "{ X-Team = \"sre\" }"),
        ("DRIFTSENTRY__IGNORE__0__UNTIL", "2028-02-29"),
    ];
    let pairs: Vec<(&str, &str)> = SECRETS.into_iter().chain(variables).collect();
    let config = load(CONTRACT, &pairs).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.api.listen.port(), 9090);
    assert_eq!(config.queue.concurrency, 3);
    assert_eq!(config.aws.regions[0].as_str(), "eu-west-1");
    assert_eq!(config.aws.accounts[0].id.as_str(), "210987654321");
    assert_eq!(config.schedules[0].cron, "0 0 6 * * *");
    assert_eq!(config.rules.ignore[0].until, NaiveDate::from_ymd_opt(2028, 2, 29));
    let secret = config.channels[1].options.reader().optional_secret("secret");
    assert_eq!(secret.as_ref().map(Secret::expose), Some("0123"));
}

#[test]
fn database_url_wins_and_spares_the_configured_one() {
    let toml = "[database]\nurl = { env = \"NOT_SET\" }\n";
    let config = load(toml, &[("DATABASE_URL", "postgres://ada@db.example.com/x")]).expect("it is good");
    assert_eq!(config.database.url.as_ref().map(Secret::expose), Some("postgres://ada@db.example.com/x"));
    assert!(load(toml, &[("DATABASE_URL", "")]).is_err(), "an empty variable is as good as none");
}

#[test]
fn the_endpoint_and_the_region_fall_back_to_the_variables_of_aws() {
    let pairs = [("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    let config = load("", &pairs).expect("it is good");
    assert_eq!(config.aws.endpoint_url.as_deref(), Some("http://127.0.0.1:5000"));
    assert_eq!(config.aws.regions[0].as_str(), "eu-west-1");
    assert!(config.aws.require_regions().is_ok());
    let toml = "[aws]\nendpoint_url = \"http://emulator:1\"\nregions = [\"us-east-1\"]\n";
    let config = load(toml, &pairs).expect("it is good");
    assert_eq!(config.aws.endpoint_url.as_deref(), Some("http://emulator:1"));
    assert_eq!(config.aws.regions[0].as_str(), "us-east-1");
}

#[test]
fn a_missing_region_is_told_only_to_those_who_need_one() {
    let config = load("", &[]).expect("it is good");
    let problem = config.aws.require_regions().expect_err("no region");
    assert!(problem.message.contains("set AWS_REGION"));
    let one = "[[aws.accounts]]\nname = \"prod\"\nid = \"123456789012\"\nregions = [\"us-east-1\"]\n";
    assert!(load(one, &[]).expect("it is good").aws.require_regions().is_ok());
}

#[test]
fn a_secret_can_be_a_text_a_file_or_a_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://u:p@h/d\r\n").expect("it is written");
    let from_file = format!("[database]\nurl = {{ file = {:?} }}\n", file.display().to_string());
    for toml in [&from_file, "[database]\nurl = { env = \"DB\" }\n", "[database]\nurl = \"postgres://u:p@h/d\"\n"] {
        let config = load(toml, &[("DB", "postgres://u:p@h/d")]).expect("it is good");
        assert_eq!(config.database.url.as_ref().map(Secret::expose), Some("postgres://u:p@h/d"), "{toml}");
    }
}

#[test]
fn a_secret_is_shown_neither_by_debug_nor_by_any_error() {
    let config = load(CONTRACT, &SECRETS).expect("it is good");
    assert!(!format!("{config:?}").contains("hunter2"));
    let leaky = [
        "[database]\nurl = \"mysql://u:hunter2@h/d\"\n",
        "[database]\nurl = mysql://u:hunter2@h/d\n",
        "[database]\nurl = \"hunter2\n",
        "[database]\nurl = { file = \"/nowhere/x\", env = \"hunter2\" }\n",
        "[database]\nurl = [\"hunter2\"]\n",
        "[[channels]]\nname = \"a\"\nkind = \"webhook\"\nurl = { text = \"hunter2\" }\nsecret = [\"hunter2\"]\n",
        "[[channels]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://x.example.com\"\nheaders = { A = [\"hunter2\"] }\n",
        "[[aws.accounts]]\nname = \"prod\"\nid = \"123456789012\"\nexternal_id = \"hunter2\"\n",
    ];
    for toml in leaky {
        let errors = load(toml, &[]).map(drop).expect_err(toml);
        assert!(!errors.to_string().contains("hunter2"), "{errors}");
        assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    }
    let errors = load("", &[("DATABASE_URL", "hunter2")]).map(drop).expect_err("no URL");
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}

proptest! {
    #[test]
    fn no_bytes_make_loading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("it is written");
        drop(config::load(Some(file.path()), Env::default(), &vocabulary()));
    }

    #[test]
    fn no_mutation_of_a_good_file_makes_loading_panic(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
        inserts in proptest::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}=\".#a-z0-9é\n-]{1,4}"), 0..6),
    ) {
        let mut text: Vec<char> = CONTRACT.chars().collect();
        for (from, length) in cuts {
            let from = from.index(text.len());
            let length = length.index(12).min(text.len() - from);
            text.drain(from..from + length);
        }
        for (at, insert) in inserts {
            let at = at.index(text.len());
            text.splice(at..at, insert.chars());
        }
        drop(load(&text.into_iter().collect::<String>(), &SECRETS));
    }

    #[test]
    fn no_variable_makes_loading_panic(
        variables in proptest::collection::btree_map("DRIFTSENTRY__(AWS|SCHEDULES|X|)?(__(0|1|9|REGIONS|NAME|)){0,4}", ".{0,12}", 0..6),
    ) {
        let env: BTreeMap<String, String> = variables;
        drop(config::load(None, Arc::new(env), &vocabulary()));
    }
}
