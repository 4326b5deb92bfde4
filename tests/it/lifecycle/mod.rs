//! The life of a drift through the whole program: scans, people, alerts, rules and money.

mod baseline;
mod existence;
mod ignored;
mod money;
mod people;
mod rules;
mod standing;

use aws_sdk_ec2::types::{IpPermission, IpRange};
use driftsentry::config::secret::Secret;
use driftsentry::domain::drift::Drift;
use driftsentry::domain::user::{Actor, Role};
use driftsentry::resource::Aws;
use driftsentry::store::user::NewUser;
use driftsentry::triage::{self, Action, ActionError, Approve};
use serde_json::Value;

use crate::support::{SECURITY_GROUP, Setup, TestApp};

/// A program that scans security groups, and a group whose baseline is captured.
async fn web_group(toml: &str) -> (TestApp, Aws, String) {
    let app = TestApp::start(Setup::of(SECURITY_GROUP.types).toml(toml)).await;
    let aws = app.aws().await;
    let id = (SECURITY_GROUP.create)(&aws, "web").await;
    app.capture_baseline().await;
    app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    (app, aws, id)
}

fn open_to_all(port: i32) -> IpPermission {
    let all = IpRange::builder().cidr_ip("0.0.0.0/0").build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(all).build()
}

async fn open_port(aws: &Aws, group: &str, port: i32) {
    let rule = aws.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(open_to_all(port));
    rule.send().await.expect("open a port");
}

async fn close_port(aws: &Aws, group: &str, port: i32) {
    let rule = aws.ec2.revoke_security_group_ingress().group_id(group).ip_permissions(open_to_all(port));
    rule.send().await.expect("close a port");
}

fn pointers(drift: &Drift) -> Vec<&str> {
    drift.changes.iter().map(|change| change.pointer.as_str()).collect()
}

/// A user who may act on drifts, as the command line finds one.
async fn engineer(app: &TestApp, name: &str) -> Actor {
    let email = format!("{name}@example.com");
    let user = NewUser {
        email: email.clone(),
        password_hash: Secret::new("$argon2id$x"),
        first_name: None,
        last_name: None,
        role: Role::Engineer,
    };
    let mut conn = app.store.conn().await.expect("a connection");
    driftsentry::store::user::create(&mut conn, &user).await.expect("create a user");
    Actor::from(&triage::actor(&app.store, &email).await.expect("an engineer may act"))
}

/// Somebody acts on a drift.
async fn act(app: &TestApp, drift: &Drift, action: Action, actor: &Actor) -> Result<Drift, ActionError> {
    use driftsentry::clock::Clock as _;
    triage::act(&app.store, &app.app.config.routes, drift.id, &action, actor, app.clock.now()).await
}

fn approve() -> Action {
    Action::Approve(Approve { reason: Some("put it back".to_owned()), ..Approve::default() })
}

fn reject() -> Action {
    Action::Reject { reason: Some("it is meant to be so".to_owned()) }
}

/// Brings a drift from `detected` to a status.
async fn bring(app: &TestApp, drift: &Drift, status: &str, actor: &Actor) {
    let actions = match status {
        "detected" => vec![],
        "triaged" => vec![Action::Triage],
        "approved" => vec![Action::Triage, approve()],
        "rejected" => vec![reject()],
        other => panic!("{other}"),
    };
    for action in actions {
        act(app, drift, action, actor).await.expect("a legal move");
    }
}

/// The events of a drift in their order.
async fn events(app: &TestApp, drift: &Drift) -> Vec<String> {
    let mut conn = app.store.conn().await.expect("a connection");
    let events = driftsentry::store::event::list(&mut conn, drift.id).await.expect("the events");
    events.into_iter().map(|event| event.event).collect()
}

/// Action, actor's address and details of the audit records of a drift, in their order.
async fn audit(app: &TestApp, drift: &Drift) -> Vec<Value> {
    let query = format!(
        "select action, actor_email, details ->> 'reason' as reason, old_value ->> 'status' as was,
                new_value ->> 'status' as \"is\"
         from audit_logs where drift_id = '{}' order by id",
        drift.id
    );
    app.rows(&query).await
}

/// All drifts as they are stored, and how much there is of what follows from them; costs aside, which each scan adds.
async fn memory(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select d.*, t.changes, (select count(*) from alerts) as alerts, (select count(*) from audit_logs) as audit_logs,
                (select count(*) from drift_events) as events, (select count(*) from deliveries) as deliveries,
                (select count(*) from jobs where kind <> 'scan_shard') as jobs
         from drifts d left join drift_details t on t.drift_id = d.id order by d.id",
    )
    .await
}
