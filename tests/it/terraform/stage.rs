//! The product between a Terraform state and an AWS of one's own making.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftsentry::app::{App, Parts, vocabulary};
use driftsentry::config::{self, ScanFilter, Unmanaged};
use driftsentry::domain::cost::Prices;
use driftsentry::domain::diff::Change;
use driftsentry::domain::drift::Finding;
use driftsentry::domain::id::{Region, ScanId, Scope};
use driftsentry::domain::rule::Rules;
use driftsentry::resource::{BUILTIN, ReadRequest, Undeclared, find};
use driftsentry::scan::assess::{Context, Verdict};
use driftsentry::scan::{Stored, plan};
use futures::StreamExt;
use serde_json::Value;
use tempfile::TempDir;

use super::applied::{Applied, apply};
use super::live::{Key, LiveAws};
use crate::support::anyone;

/// States that the tests write by hand, one for each version of Terraform's provider that writes another form.
pub const OURS: [&str; 4] = ["provider-3", "provider-4", "provider-5", "provider-6"];

/// A state of [`OURS`].
pub fn ours(name: &str) -> Value {
    parsed(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/terraform/estates/{name}.tfstate")))
}

/// States that other projects test with, by name, where they are at hand.
pub fn of_others() -> Vec<(String, Value)> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let mut found = folders.filter_map(|folder| std::fs::read_dir(folder.join("shared/reference/tfstate")).ok());
    let Some(entries) = found.next() else { return Vec::new() };
    let files = entries.map(|entry| entry.expect("an entry").path());
    let states = files.filter(|file| file.extension().is_some_and(|ending| ending == "tfstate"));
    states.map(|file| (file.file_stem().expect("a name").to_string_lossy().into_owned(), parsed(&file))).collect()
}

fn parsed(file: &Path) -> Value {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What a scan of everything found.
#[derive(Debug)]
pub struct Seen {
    /// Every drift.
    pub findings: Vec<Finding>,
    /// What could not be read, on either side.
    pub errors: Vec<String>,
    /// How many resources were judged.
    pub judged: usize,
    /// How many are declared.
    pub declared: usize,
}

impl Seen {
    /// Every change, as `TYPE id /pointer`.
    pub fn changes(&self) -> Vec<String> {
        let of = |finding: &Finding| {
            let (kind, id) = (finding.key.scope.resource_type.clone(), finding.key.resource_id.clone());
            finding
                .changes
                .iter()
                .map(move |c| format!("{kind} {id} {}: {:?} -> {:?}", c.pointer, c.from, c.to))
                .collect::<Vec<_>>()
        };
        self.findings.iter().flat_map(of).collect()
    }
}

/// The product, a state and an AWS.
pub struct Stage {
    /// AWS.
    pub aws: LiveAws,
    /// What AWS holds by the state, and which part of the state speaks of what.
    pub applied: Applied,
    /// The product.
    pub app: App,
    prices: Prices,
    _folder: TempDir,
}

impl Stage {
    /// AWS as the state says.
    pub async fn of(state: &Value) -> Self {
        Self::with(state, apply(state)).await
    }

    /// AWS as `applied` says, whatever the state says.
    pub async fn with(state: &Value, applied: Applied) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("terraform.tfstate"), state.to_string()).expect("write the state");
        let aws = LiveAws::holding(applied.estate.clone()).await;
        let (account, regions) = (&applied.estate.account, applied.estate.regions());
        let text = format!(
            "[aws]\nregions = {regions:?}\nendpoint_url = {:?}\nmax_requests_per_second = 10000\n\
             [[aws.accounts]]\nname = \"test\"\nid = \"{account}\"\n\
             [[expected]]\nkind = \"terraform\"\npath = {:?}\n",
            aws.url,
            folder.path().join("terraform.tfstate").display().to_string(),
        );
        let file = folder.path().join("driftsentry.toml");
        std::fs::write(&file, text).expect("write the configuration");
        let config = config::load(Some(&file), Arc::default(), &vocabulary());
        let parts = Parts { credentials: Some(anyone()), ..Parts::default() };
        let app = App::build(config.unwrap_or_else(|errors| panic!("{errors}")), parts).expect("the product");
        Self { aws, applied, app, prices: driftsentry::prices::load(), _folder: folder }
    }

    /// Scans everything.
    pub async fn look(&self) -> Seen {
        let accounts = self.app.scanner.accounts().await.expect("the accounts");
        let declared = self.app.scanner.estate().await.expect("the estate").len();
        let mut seen = Seen { findings: Vec::new(), errors: Vec::new(), judged: 0, declared };
        for scope in plan::shards(&ScanFilter::default(), &accounts, BUILTIN).expect("a scan") {
            // Boxed, because the compiler gives up on futures that are nested too deeply.
            let survey =
                Box::pin(self.app.scanner.survey(ScanId::new(), &scope, Unmanaged::Ignore, Stored::default(), &|| {}))
                    .await;
            seen.judged += usize::try_from(survey.scanned).expect("a count");
            seen.findings.extend(survey.findings);
            seen.errors.extend(survey.errors);
        }
        seen.errors.sort();
        seen.errors.dedup();
        seen
    }

    /// What differs of one resource; nothing if it is not declared. Each attribute of a bucket is a call of its own,
    /// which no other attribute depends on: of a bucket only `attribute` is looked at.
    pub async fn look_at(&self, (kind, id): &Key, attribute: &str) -> Vec<Change> {
        let resource = &self.applied.estate.resources[&(*kind, id.clone())];
        let kind = find(kind).expect("a type");
        let region = if kind.is_global() { Region::global() } else { Region::from(resource.region.as_str()) };
        let account_id = self.applied.estate.account.as_str().into();
        let scope = Scope { account_id, region: region.clone(), resource_type: kind.name().to_owned() };
        let estate = self.app.scanner.estate().await.expect("the estate");
        let declarations = estate.scope(&scope);
        let Some(declared) = declarations.get(id) else { return Vec::new() };
        let mut names = BTreeSet::clone(&declarations.attribute_names()[id]);
        names.retain(|name| kind.name() != "S3" || name == attribute);
        if names.is_empty() {
            return Vec::new();
        }
        let request = ReadRequest {
            scope: scope.clone(),
            declared: [(id.clone(), Arc::new(names))].into(),
            region_open: BTreeSet::new(),
            is_home: true,
            regions: vec![region],
            undeclared: Undeclared::Skip,
        };
        let aws = Box::pin(self.app.scanner.aws(&scope)).await.expect("clients");
        let live = kind.read(&aws, &request).next().await.expect("the resource").expect("a good answer");
        assert_eq!(live.unknown, BTreeMap::new(), "{id}");
        let rules = Rules::default();
        let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).expect("a day");
        let context = Context { kind, scope: &scope, account_name: None, rules: &rules, today, prices: &self.prices };
        match context.judge_declared(&declared, &live, None).verdict {
            Verdict::Drifted(finding) => finding.changes,
            Verdict::Matches => Vec::new(),
            Verdict::Unjudged(why) => panic!("{id} is not judged: {why}"),
        }
    }
}
