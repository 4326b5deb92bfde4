//! `kill -9` between two calls: another daemon ends what the first one began, and nothing is done twice.

use std::time::Duration;

use driftsentry::resource::Aws;
use serde_json::json;
use sqlx::PgPool;

use super::open_port;
use crate::support::{Effect, Place, Proxy, Rule, SECURITY_GROUP, TestDatabase, World, config, until};

/// Three calls: a rule is revoked, a tag is set, another is taken away.
const CALLS: [&str; 3] = ["RevokeSecurityGroupIngress", "CreateTags", "DeleteTags"];

pub(super) struct Scene {
    database: TestDatabase,
    proxy: Proxy,
    pub(super) place: Place,
    aws: Aws,
    group: String,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let (database, world) = (TestDatabase::new().await, World::new().await);
        let (proxy, aws) = (Proxy::before(&world).await, world.aws("us-east-1").await);
        let group = (SECURITY_GROUP.create)(&aws, "web").await;
        let more = "[queue]\nlease = \"3s\"\n[[expected]]\nkind = \"json\"\npath = \"expected\"\n\
                    [remediation]\nmode = \"apply\"\nallow = [{ resource_type = \"SECURITY_GROUP\" }]\n";
        let place = Place::new(&config(&world, &proxy.url, &database.url(), more));
        let state = json!({ "IngressRules": {}, "Tags": { "Owner": "web" } });
        let resource = json!({ "resource_type": "SECURITY_GROUP", "resource_id": group, "state": state });
        place.write("expected/group.json", &json!({ "resources": [resource] }).to_string());
        Self { database, proxy, place, aws, group }
    }

    /// Has it found and approved.
    async fn drift(&self) {
        self.found().await;
        let id: uuid::Uuid =
            sqlx::query_scalar("select id from drifts").fetch_one(self.pool()).await.expect("one drift");
        for act in ["triage", "approve"] {
            let done = self.place.run(&["drifts", act, &id.to_string()]).await;
            assert_eq!(done.code, Some(0), "{done:?}");
        }
    }

    /// Opens a port, changes a tag, adds another; has it found.
    pub(super) async fn found(&self) {
        open_port(&self.aws, &self.group, 22).await;
        (SECURITY_GROUP.give_to)(&self.aws, &self.group, "sales").await;
        let tag = aws_sdk_ec2::types::Tag::builder().key("Extra").value("x").build();
        self.aws.ec2.create_tags().resources(&self.group).tags(tag).send().await.expect("tag");
        let scan = self.place.run(&["scan", "--type", "SECURITY_GROUP"]).await;
        assert_eq!(scan.code, Some(0), "{scan:?}");
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.pool()).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

#[tokio::test]
async fn whichever_call_a_daemon_is_killed_in_another_ends_the_work() {
    for struck in CALLS {
        let scene = Scene::new().await;
        scene.drift().await;
        scene.proxy.reset_counts();
        // The call hangs until its caller is killed; it may or may not have taken effect.
        scene.proxy.add(Rule::on(struck, Effect::Delay(Duration::from_mins(1))).only_call(1));
        let first = scene.place.start(&["--only", "worker"]);
        until("the call is made", async || scene.proxy.counts().get(struck).map(|_| ())).await;
        first.kill9().await;
        let second = scene.place.start(&["--only", "worker"]);
        let resolved = "select count(*) from drifts where status = 'resolved' and resolved_how = 'auto-remediate'";
        until(struck, async || (scene.count(resolved).await == 1).then_some(())).await;
        second.stop().await;

        let counts = scene.proxy.counts();
        for operation in CALLS {
            let wanted = if operation == struck { 2 } else { 1 };
            assert_eq!(counts.get(operation), Some(&wanted), "{operation} when killed in {struck}: {counts:?}");
        }
        assert_eq!(
            scene.count("select count(*) from remediation_attempts where outcome = 'begun'").await,
            1,
            "{struck}"
        );
        assert_eq!(
            scene.count("select count(*) from remediation_attempts where outcome = 'done'").await,
            3,
            "{struck}"
        );
        assert_eq!(scene.count("select count(*) from alerts where type = 'remediation_failed'").await, 0);
        let scan = scene.place.run(&["scan", "--type", "SECURITY_GROUP", "--detailed-exitcode"]).await;
        assert_eq!(scan.code, Some(0), "{struck}: as declared: {scan:?}");
    }
}
