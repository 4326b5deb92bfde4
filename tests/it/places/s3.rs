//! Documents in S3.

use std::sync::Arc;

use driftsentry::config;
use driftsentry::resource::Aws;
use driftsentry::resource::aws::AwsPool;

use super::{declaring, expected, ids, look, only_problem, source_at};
use crate::support::{Effect, Proxy, Rule, World, anyone};

/// An account with a bucket, behind a proxy that counts.
struct Scene {
    world: World,
    proxy: Proxy,
    aws: Aws,
    bucket: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let (proxy, aws) = (Proxy::before(&world).await, world.aws("us-east-1").await);
        let bucket = world.unique("states");
        aws.s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
        Self { world, proxy, aws, bucket }
    }

    async fn put(&self, key: &str, text: &str) {
        let body = text.as_bytes().to_vec().into();
        self.aws.s3.put_object().bucket(&self.bucket).key(key).body(body).send().await.expect("an object");
    }

    fn expected(&self, key: &str) -> driftsentry::expected::Expected {
        let toml = source_at(&format!("s3://{}/{key}", self.bucket));
        expected(&toml, Some(self.world.through(&self.proxy.url).pool))
    }

    /// Requests to S3 since this was asked last.
    fn asked(&self) -> Vec<(String, usize)> {
        let counts = self.proxy.counts();
        self.proxy.reset_counts();
        counts.into_iter().filter(|(operation, _)| operation.starts_with("GET ")).collect()
    }
}

fn counts(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn an_unchanged_object_costs_one_conditional_request_and_is_not_read_again() {
    let scene = Scene::new().await;
    scene.put("web.json", &declaring("sg-1")).await;
    let expected = scene.expected("web.json");
    let first = look(&expected).await;
    assert_eq!((ids(&first), first.problems.as_slice()), (vec!["sg-1".to_owned()], [].as_slice()));
    assert_eq!(scene.asked(), counts(&[("GET object", 1)]));
    assert!(Arc::ptr_eq(&first, &look(&expected).await));
    assert_eq!(scene.asked(), counts(&[("GET object", 1)]));
    scene.put("web.json", &declaring("sg-2")).await;
    assert_eq!(ids(&look(&expected).await), ["sg-2"]);
    assert_eq!(scene.asked(), counts(&[("GET object", 1)]));
}

#[tokio::test]
async fn of_a_prefix_only_changed_objects_are_fetched_again() {
    let scene = Scene::new().await;
    for name in ["a.json", "deep/b.json", "deep/readme", "deep/c.json.tflock"] {
        scene.put(&format!("env/{name}"), &declaring(&format!("sg-{name}"))).await;
    }
    scene.put("other.json", &declaring("sg-other")).await;
    for key in ["env/", "env"] {
        let expected = scene.expected(key);
        scene.asked();
        assert_eq!(ids(&look(&expected).await), ["sg-a.json", "sg-deep/b.json"], "{key}");
        let first = if key == "env" { 3 } else { 2 };
        assert_eq!(scene.asked(), counts(&[("GET bucket", 1), ("GET object", first)]), "{key}");
        look(&expected).await;
        assert_eq!(scene.asked(), counts(&[("GET bucket", 1)]), "{key}");
        scene.put("env/a.json", &declaring("sg-new")).await;
        assert_eq!(ids(&look(&expected).await), ["sg-deep/b.json", "sg-new"], "{key}");
        assert_eq!(scene.asked(), counts(&[("GET bucket", 1), ("GET object", 1)]), "{key}");
        scene.put("env/a.json", &declaring("sg-a.json")).await;
    }
}

#[tokio::test]
async fn globs_pick_objects_whatever_their_endings() {
    let scene = Scene::new().await;
    for key in ["env/prod/network", "env/test/network", "env/prod/other", "env/x/y/network"] {
        scene.put(key, &declaring(&format!("sg-{}", key.replace('/', "-")))).await;
    }
    assert_eq!(ids(&look(&scene.expected("env/*/network")).await), ["sg-env-prod-network", "sg-env-test-network"]);
    let problem = only_problem(&look(&scene.expected("env/*/none")).await);
    assert!(problem.contains("env/*/none: matches no object"), "{problem}");
}

#[tokio::test]
async fn the_latest_version_counts_and_an_empty_object_is_told() {
    let scene = Scene::new().await;
    let on = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let versioning = scene.aws.s3.put_bucket_versioning().bucket(&scene.bucket).versioning_configuration(on);
    versioning.send().await.expect("versions");
    scene.put("web.json", &declaring("sg-1")).await;
    scene.put("web.json", &declaring("sg-2")).await;
    let expected = scene.expected("web.json");
    assert_eq!(ids(&look(&expected).await), ["sg-2"]);
    scene.put("web.json", "").await;
    let problem = only_problem(&look(&expected).await);
    assert!(problem.contains("web.json:1: empty"), "{problem}");
}

#[tokio::test]
async fn what_cannot_be_read_names_the_action_to_allow_and_is_asked_for_again() {
    let scene = Scene::new().await;
    scene.put("env/web.json", &declaring("sg-1")).await;
    scene.put("env/app.json", &declaring("sg-2")).await;
    let (object, prefix) = (scene.expected("env/web.json"), scene.expected("env/"));
    scene.proxy.add(Rule::on("GET object", Effect::Denied).about(&scene.bucket));
    let problem = only_problem(&look(&object).await);
    assert!(problem.contains("/env/web.json: cannot be read: s3:GetObject in "), "{problem}");
    assert!(problem.contains("allow s3:GetObject to the role"), "{problem}");
    scene.proxy.clear_rules();
    scene.proxy.add(Rule::on("GET object", Effect::Denied).only_call(1));
    let estate = look(&prefix).await;
    assert_eq!(ids(&estate).len(), 1, "the other one is read");
    assert!(only_problem(&estate).contains("allow s3:GetObject"));
    scene.proxy.clear_rules();
    scene.proxy.add(Rule::on("GET bucket", Effect::Denied));
    assert!(only_problem(&look(&prefix).await).contains("allow s3:ListBucket"));
    let no_key =
        "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt on the key</Message></Error>";
    scene.proxy.add(Rule::on("GET object", Effect::Answer(403, no_key.to_owned())));
    assert!(only_problem(&look(&object).await).contains("allow kms:Decrypt"));
    scene.proxy.clear_rules();
    assert_eq!(ids(&look(&object).await), ["sg-1"]);
    assert_eq!(ids(&look(&prefix).await), ["sg-1", "sg-2"]);

    let problem = only_problem(&look(&scene.expected("nothing")).await);
    assert!(problem.contains("/nothing: is no object, and there is no *.json object below it"), "{problem}");
    let toml = source_at("s3://no-such-bucket-anywhere/web.json");
    let problem = only_problem(&look(&expected(&toml, Some(scene.world.pool.clone()))).await);
    assert!(problem.contains("NoSuchBucket"), "{problem}");
}

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there() {
    let scene = Scene::new().await;
    scene.put("web.json", &declaring("sg-1")).await;
    scene.proxy.add(Rule::on("GET object", Effect::Moved("eu-west-1".to_owned())).only_call(1));
    let expected = scene.expected("web.json");
    assert_eq!(ids(&look(&expected).await), ["sg-1"]);
    assert_eq!(scene.asked(), counts(&[("GET object", 2)]));
    look(&expected).await;
    assert_eq!(scene.asked(), counts(&[("GET object", 1)]), "the region is remembered");
}

#[tokio::test]
async fn the_sources_account_reads_else_the_default_credentials() {
    let scene = Scene::new().await;
    scene.put("web.json", &declaring("sg-1")).await;
    let mut settings: config::Aws = scene.world.settings();
    let mut other = settings.accounts[0].clone();
    (other.name, other.id) = ("other".to_owned(), "999999999999".into());
    other.role_arn = Some("arn:aws:iam::999999999999:role/driftsentry-scan".to_owned());
    settings.accounts.push(other);
    settings.endpoint_url = Some(scene.proxy.url.clone());
    let pool = AwsPool::with_credentials(&settings, anyone());
    let toml = source_at(&format!("s3://{}/web.json", scene.bucket));
    scene.proxy.add(Rule::on("GET object", Effect::Denied).only_call(1));
    // Two accounts with roles, and none is named: the credentials of the process itself.
    let problem = only_problem(&look(&expected(&toml, Some(pool.clone()))).await);
    assert!(problem.contains("default-credentials/us-east-1"), "{problem}");
    let account = format!(
        "[aws]\nregions = [\"us-east-1\"]\n[[aws.accounts]]\nname = \"test\"\nid = \"{}\"\n",
        scene.world.account_id
    );
    let estate = look(&expected(&format!("{account}{toml}account = \"test\"\n"), Some(pool))).await;
    assert_eq!(
        (estate.len(), estate.problems.as_slice()),
        (0, [].as_slice()),
        "read, though its account is not scanned"
    );
    assert_eq!(estate.sources[0].documents, 1);
}
