//! From approval to restored: guards, calls, failures, and what is written down of all of it.

mod approval;
mod commands;
mod crashes;
mod disruption;
mod guards;
mod story;
mod trouble;

use aws_sdk_ec2::types::{IpPermission, IpRange};
use driftsentry::clock::Clock as _;
use driftsentry::config::RemediationMode;
use driftsentry::config::secret::Secret;
use driftsentry::domain::drift::Drift;
use driftsentry::domain::user::{Actor, Role};
use driftsentry::resource::Aws;
use driftsentry::store::user::NewUser;
use driftsentry::triage::{self, Action, ActionError, Approve};
use serde_json::Value;

use crate::support::{SECURITY_GROUP, Setup, TestApp};

const APPLY: &str = "[remediation]\nmode = \"apply\"\nallow = [{ resource_type = \"SECURITY_GROUP\" }]\n";

/// A program that may put security groups back, a group, and an engineer.
struct Stage {
    app: TestApp,
    aws: Aws,
    group: String,
    ann: Actor,
}

impl Stage {
    async fn new(toml: &str) -> Self {
        let app = TestApp::start(Setup::of(SECURITY_GROUP.types).toml(toml)).await;
        let aws = app.aws().await;
        let group = (SECURITY_GROUP.create)(&aws, "web").await;
        app.capture_baseline().await;
        let ann = engineer(&app, "ann").await;
        Self { app, aws, group, ann }
    }

    /// The same with an opened port, seen by a scan and triaged.
    async fn opened(toml: &str) -> (Self, Drift) {
        let stage = Self::new(toml).await;
        open_port(&stage.aws, &stage.group, 22).await;
        stage.app.scan_later().await;
        let drift = stage.app.open_drift().await;
        stage.act(&drift, Action::Triage).await.expect("triage");
        (stage, drift)
    }

    async fn act(&self, drift: &Drift, action: Action) -> Result<Drift, ActionError> {
        let (routes, now) = (&self.app.app.config.routes, self.app.clock.now());
        triage::act(&self.app.store, routes, drift.id, &action, &self.ann, now).await
    }

    /// Approves as the command line does.
    async fn approve(&self, drift: &Drift) -> Result<Drift, ActionError> {
        let remediate = self.app.app.config.remediation.mode == RemediationMode::Apply;
        let approve = Approve { reason: Some("close it".to_owned()), seen: None, remediate };
        self.act(drift, Action::Approve(approve)).await
    }

    /// The drift as it is now.
    async fn now(&self, drift: &Drift) -> Drift {
        self.app.drifts().await.into_iter().find(|found| found.id == drift.id).expect("the drift")
    }

    /// Lets snoozed and backed-off jobs fall due, and runs them.
    async fn run_waiting(&self) {
        let due = "update jobs set run_at = now() where state = 'available'";
        sqlx::query(due).execute(self.app.store.pool()).await.expect("let jobs fall due");
        self.app.drain_jobs().await;
    }

    /// Lets jobs run until none waits any more, as far as that takes only so many turns.
    async fn run_out(&self) {
        for _ in 0..12 {
            self.run_waiting().await;
        }
    }

    async fn events(&self, drift: &Drift) -> Vec<String> {
        let query = format!("select event from drift_events where drift_id = '{}' order by at, id", drift.id);
        let words = self.app.rows(&query).await.into_iter();
        words.map(|row| row["event"].as_str().expect("a word").to_owned()).collect()
    }

    /// Operation and outcome of every call that changes AWS.
    async fn calls(&self) -> Vec<(String, String)> {
        let rows = self.app.rows("select operation, outcome from remediation_attempts order by id").await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        rows.iter().map(|row| (text(&row["operation"]), text(&row["outcome"]))).collect()
    }

    /// The messages of the alerts that tell of failures.
    async fn failures(&self) -> Vec<String> {
        let rows = self.app.rows("select message from alerts where type = 'remediation_failed' order by id").await;
        rows.iter().map(|row| row["message"].as_str().expect("a text").to_owned()).collect()
    }

    async fn job_states(&self) -> Vec<String> {
        let rows = self.app.rows("select state from jobs where kind = 'remediate' order by id").await;
        rows.iter().map(|row| row["state"].as_str().expect("a word").to_owned()).collect()
    }
}

async fn open_port(aws: &Aws, group: &str, port: i32) {
    let rule = aws.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(open_to_all(port));
    rule.send().await.expect("open a port");
}

async fn close_port(aws: &Aws, group: &str, port: i32) {
    let rule = aws.ec2.revoke_security_group_ingress().group_id(group).ip_permissions(open_to_all(port));
    rule.send().await.expect("close a port");
}

fn open_to_all(port: i32) -> IpPermission {
    let all = IpRange::builder().cidr_ip("0.0.0.0/0").build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(all).build()
}

async fn engineer(app: &TestApp, name: &str) -> Actor {
    let email = format!("{name}@example.com");
    let password_hash = Secret::new("$argon2id$x");
    let user = NewUser { email: email.clone(), password_hash, first_name: None, last_name: None, role: Role::Engineer };
    let mut conn = app.store.conn().await.expect("a connection");
    driftsentry::store::user::create(&mut conn, &user).await.expect("create a user");
    Actor::from(&triage::actor(&app.store, &email).await.expect("an engineer may act"))
}
