//! The whole product before a static AWS: its configuration, and declarations that are what AWS tells.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use driftsentry::app::{App, Parts, vocabulary};
use driftsentry::config::{self, Unmanaged};
use driftsentry::domain::id::{GLOBAL, ScanId, Scope};
use driftsentry::resource::{Aws, find};
use driftsentry::scan::Stored;
use driftsentry::scan::survey::Survey;
use futures::StreamExt;
use serde_json::json;
use tempfile::TempDir;

use super::page::numbered;
use super::{ACCOUNT, Habits, StaticAws, id_of};
use crate::single_changes::request;
use crate::support::anyone;

/// Attributes of a bucket that matter to everyone; each costs a call.
const BUCKET_CORE: [&str; 8] =
    ["Encryption", "Lifecycle", "Logging", "OwnershipControls", "Policy", "PublicAccessBlock", "Tags", "Versioning"];

/// What a person declares of a resource: everything that costs no call of its own, and of buckets the core.
pub fn core_attributes(resource_type: &str) -> Vec<&'static str> {
    if resource_type == "S3" {
        return BUCKET_CORE.to_vec();
    }
    let attributes = find(resource_type).expect("a type").attributes();
    attributes.iter().filter(|attribute| !attribute.deep).map(|attribute| attribute.name).collect()
}

/// A product that scans a static AWS.
pub struct Scene {
    /// What it scans.
    pub aws: StaticAws,
    folder: TempDir,
    accounts: Vec<&'static str>,
    /// Further lines of the section `[aws]`.
    aws_lines: &'static str,
}

impl Scene {
    /// One account; nothing is declared yet.
    pub fn new(habits: Habits) -> Self {
        Self::of_accounts(habits, &[ACCOUNT])
    }

    /// Several accounts, each behind a role.
    pub fn of_accounts(habits: Habits, accounts: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let expected = folder.path().join("expected");
        std::fs::create_dir(&expected).expect("a folder");
        std::fs::write(expected.join("none.json"), "{\"resources\": []}").expect("a document");
        let aws = StaticAws::start(habits);
        Self { aws, folder, accounts: accounts.to_vec(), aws_lines: "max_requests_per_second = 10000" }
    }

    /// With these lines in the section `[aws]` in place of the usual limits.
    #[must_use]
    pub fn with_aws(self, lines: &'static str) -> Self {
        Self { aws_lines: lines, ..self }
    }

    /// The configuration, for the program.
    pub fn config_file(&self) -> PathBuf {
        let file = self.folder.path().join("driftsentry.toml");
        std::fs::write(&file, self.toml()).expect("the configuration");
        file
    }

    /// Declares resources as they are, in every account; `attributes` of each.
    pub async fn declare(&self, resource_type: &str, numbers: Range<usize>, attributes: &[&str]) {
        let state = self.state_of_first(resource_type, attributes).await;
        let region = region_of(resource_type);
        for account in &self.accounts {
            let entry = |number: usize| {
                let id = id_of(resource_type, number);
                format!(
                    r#"{{"resource_type":"{resource_type}","resource_id":"{id}","account_id":"{account}","region":"{region}","state":{}}}"#,
                    numbered(&state, number)
                )
            };
            let entries: Vec<String> = numbers.clone().map(entry).collect();
            let file = self.folder.path().join("expected").join(format!("{account}-{resource_type}.json"));
            let document = format!("{{\"resources\":[\n{}\n]}}\n", entries.join(",\n"));
            std::fs::write(file, document).expect("the declarations");
        }
        self.aws.forget();
    }

    /// How long the declarations are.
    pub fn declared_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path().join("expected")).expect("the declarations");
        files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum()
    }

    /// The product, configured.
    pub fn app(&self) -> App {
        let config = config::load(Some(&self.config_file()), Arc::default(), &vocabulary());
        let parts = Parts { credentials: Some(anyone()), ..Parts::default() };
        App::build(config.expect("a good configuration"), parts).expect("the product")
    }

    /// What one shard of the first account finds.
    pub async fn survey(&self, app: &App, resource_type: &str) -> Survey {
        let scope = scope(self.accounts[0], resource_type);
        // Boxed, because the compiler gives up on futures that are nested too deeply.
        Box::pin(app.scanner.survey(ScanId::new(), &scope, Unmanaged::Ignore, Stored::default(), &|| {})).await
    }

    /// Clients for a shard of the first account.
    pub async fn clients(&self, app: &App, resource_type: &str) -> Aws {
        Box::pin(app.scanner.aws(&scope(self.accounts[0], resource_type))).await.expect("clients")
    }

    /// The state of the first resource as a text, with `NUMBER` where its number stands.
    async fn state_of_first(&self, resource_type: &str, attributes: &[&str]) -> String {
        let aws = self.clients(&self.app(), resource_type).await;
        let id = id_of(resource_type, 0);
        let request = request(resource_type, &aws, &[(&id, attributes)], driftsentry::resource::Undeclared::Skip);
        let mut lives = find(resource_type).expect("a type").read(&aws, &request);
        let live = lives.next().await.expect("a resource").expect("a good answer");
        assert!(live.unknown.is_empty(), "{:?}", live.unknown);
        let names = attributes.iter().map(|name| (*name).to_owned()).collect();
        json!(live.state.restricted_to(&names)).to_string().replace("00000000", "NUMBER")
    }

    fn toml(&self) -> String {
        let account = |account: &&str| {
            let role = match *account {
                ACCOUNT => String::new(),
                _ => format!("role_arn = \"arn:aws:iam::{account}:role/scan\"\n"),
            };
            format!("[[aws.accounts]]\nname = \"account-{account}\"\nid = \"{account}\"\n{role}")
        };
        let accounts: String = self.accounts.iter().map(account).collect();
        format!(
            "[aws]\nregions = [\"us-east-1\"]\nendpoint_url = \"{}\"\ncall_timeout = \"2m\"\n{}\n{accounts}\
             [[expected]]\nkind = \"json\"\npath = {:?}\n",
            self.aws.url,
            self.aws_lines,
            self.folder.path().join("expected").display().to_string(),
        )
    }
}

/// A shard.
pub fn scope(account: &str, resource_type: &str) -> Scope {
    Scope {
        account_id: account.into(),
        region: region_of(resource_type).into(),
        resource_type: resource_type.to_owned(),
    }
}

fn region_of(resource_type: &str) -> &'static str {
    if find(resource_type).expect("a type").is_global() { GLOBAL } else { "us-east-1" }
}
