//! Triage, approval, rejection, resolution: who may, who was first, and what is written down.

use driftsentry::domain::drift::{Drift, ResolvedHow};
use driftsentry::domain::id::DriftId;
use driftsentry::domain::user::Actor;
use driftsentry::triage::{self, Action, ActionError};
use serde_json::{Value, json};

use super::{act, approve, audit, bring, engineer, events, memory, open_port, reject, web_group};
use crate::support::TestApp;

const CHANNEL: &str = "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n\
                       [[routes]]\nchannels = [\"hook\"]\ntypes = [\"approval_needed\"]\n";

/// A drift that nobody has looked at, and an engineer.
async fn found(toml: &str) -> (TestApp, Drift, Actor) {
    let (app, aws, group) = web_group(toml).await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    (app, drift, ann)
}

#[tokio::test]
async fn a_drift_goes_from_hand_to_hand_and_every_step_is_written_down() {
    let (app, drift, ann) = found("").await;
    let bob = engineer(&app, "bob").await;
    act(&app, &drift, Action::Triage, &ann).await.expect("triage");
    let approved = act(&app, &drift, approve(), &bob).await.expect("approve");
    assert_eq!((approved.status.as_str(), approved.approval_reason.as_deref()), ("approved", Some("put it back")));
    let done = act(&app, &drift, Action::Resolve { how: ResolvedHow::ManualFix }, &ann).await.expect("resolve");
    assert_eq!((done.status.as_str(), done.resolved_how.as_deref()), ("resolved", Some("manual-fix")));
    assert_eq!(events(&app, &drift).await, ["detected", "triaged", "approved", "resolved"]);
    let entry = |action: &str, who: Value, reason: Value, was: Value, is: &str| json!({ "action": action, "actor_email": who, "reason": reason, "was": was, "is": is });
    let trail = audit(&app, &drift).await;
    assert_eq!(trail.len(), 3, "triage has no name in the audit trail: {trail:?}");
    assert_eq!(trail[0]["action"], "drift_created");
    let bob = json!("bob@example.com");
    assert_eq!(trail[1], entry("drift_approved", bob, json!("put it back"), json!("triaged"), "approved"));
    let ann = json!("ann@example.com");
    assert_eq!(trail[2], entry("drift_resolved", ann, Value::Null, json!("approved"), "resolved"));
    let query = "select u.email as by from drifts d join users u on u.id = d.approved_by";
    assert_eq!(app.rows(query).await, [json!({ "by": "bob@example.com" })]);
    let query = "select event, actor_email as by from drift_events where event = 'triaged'";
    assert_eq!(app.rows(query).await, [json!({ "event": "triaged", "by": "ann@example.com" })]);
}

#[tokio::test]
async fn triage_asks_for_approval_where_the_routes_say() {
    let (app, drift, ann) = found(CHANNEL).await;
    assert_eq!(app.rows("select channel from deliveries").await, Vec::<Value>::new());
    act(&app, &drift, Action::Triage, &ann).await.expect("triage");
    let query = "select a.type as alert_type, a.severity, d.channel, d.state, j.kind
                 from alerts a join deliveries d on d.alert_id = a.id
                 join jobs j on j.payload ->> 'alert_id' = a.id::text";
    let wanted = json!({ "alert_type": "approval_needed", "severity": "critical", "channel": "hook",
        "state": "pending", "kind": "deliver_alert" });
    assert_eq!(app.rows(query).await, [wanted]);
}

#[tokio::test]
async fn of_two_people_one_wins_and_the_other_is_told() {
    let (app, drift, ann) = found(CHANNEL).await;
    let bob = engineer(&app, "bob").await;
    let told = |error: ActionError, is: &str| {
        let text = error.to_string();
        assert!(text.contains(&format!("is {is}")), "{text}");
    };
    let both = tokio::join!(act(&app, &drift, Action::Triage, &ann), act(&app, &drift, Action::Triage, &bob));
    let refused = [both.0, both.1].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    let [refused] = refused.try_into().expect("one of the two");
    told(refused, "triaged");
    let both = tokio::join!(act(&app, &drift, approve(), &ann), act(&app, &drift, reject(), &bob));
    let now = app.drifts().await.remove(0).status;
    let refused = [both.0, both.1].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    let [refused] = refused.try_into().expect("one of the two");
    told(refused, now.as_str());
    assert_eq!(audit(&app, &drift).await.len(), 2, "created, and one decision");
    assert_eq!(events(&app, &drift).await.len(), 3);
    let alerts = app.rows("select id from alerts where type = 'approval_needed'").await;
    assert_eq!(alerts.len(), 1, "asked once");
}

#[tokio::test]
async fn an_illegal_move_is_refused_and_leaves_no_trace() {
    let resolve = || Action::Resolve { how: ResolvedHow::Acknowledged };
    let illegal: [(&str, Vec<Action>); 5] = [
        ("detected", vec![approve(), resolve()]),
        ("triaged", vec![Action::Triage, resolve()]),
        ("approved", vec![Action::Triage, approve(), reject()]),
        ("rejected", vec![Action::Triage, approve(), reject()]),
        ("resolved", vec![Action::Triage, approve(), reject(), resolve()]),
    ];
    let (app, aws, group) = web_group("").await;
    let ann = engineer(&app, "ann").await;
    for (index, (status, actions)) in illegal.into_iter().enumerate() {
        open_port(&aws, &group, 1000 + i32::try_from(index).expect("a few")).await;
        app.scan_later().await;
        let drift = app.open_drift().await;
        if status == "resolved" {
            bring(&app, &drift, "rejected", &ann).await;
            act(&app, &drift, resolve(), &ann).await.expect("resolve");
        } else {
            bring(&app, &drift, status, &ann).await;
        }
        let before = memory(&app).await;
        for action in actions {
            let refused = act(&app, &drift, action.clone(), &ann).await.expect_err("it is illegal");
            assert!(refused.to_string().contains(&format!("is {status}")), "{action:?}: {refused}");
        }
        assert_eq!(memory(&app).await, before, "{status}");
        if matches!(status, "detected" | "triaged") {
            bring_to_an_end(&app, &drift, &ann).await;
        }
    }
    let nobody = Drift { id: DriftId::new(), ..app.drifts().await.remove(0) };
    act(&app, &nobody, Action::Triage, &ann).await.expect_err("there is none");
}

/// Rejects a drift, so that the next difference is a new one.
async fn bring_to_an_end(app: &TestApp, drift: &Drift, actor: &Actor) {
    act(app, drift, reject(), actor).await.expect("reject");
}

#[tokio::test]
async fn only_engineers_and_admins_whose_accounts_are_open_may_act() {
    let (app, _, _) = found("").await;
    let insert = "insert into users (email, password_hash, role, is_active) values
                  ('viewer@example.com', 'x', 'viewer', true), ('admin@example.com', 'x', 'admin', true),
                  ('former@example.com', 'x', 'engineer', false)";
    sqlx::query(insert).execute(app.store.pool()).await.expect("insert users");
    let may = async |email: &str| triage::actor(&app.store, email).await.map(|user| user.email);
    assert_eq!(may("admin@example.com").await.expect("may"), "admin@example.com");
    assert_eq!(may("Ann@Example.com").await.expect("may"), "ann@example.com");
    assert!(matches!(may("viewer@example.com").await, Err(ActionError::NotAllowed { .. })));
    assert!(matches!(may("former@example.com").await, Err(ActionError::Disabled(_))));
    assert!(matches!(may("nobody@example.com").await, Err(ActionError::UnknownUser(_))));
}
