//! Finding drifts and moving them as people do.

use driftsentry::domain::drift::{DetectedBy, DriftKind, DriftStatus, Finding, ResolvedHow};
use driftsentry::domain::id::{DriftId, Scope};
use driftsentry::domain::severity::Severity;
use driftsentry::domain::user::{Actor, Role};
use driftsentry::store::drift::{self, DriftFilter, NewDrifts};
use driftsentry::store::user::{self, NewUser};
use driftsentry::store::{Store, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{now, store_of};
use crate::support::TestDatabase;

fn scope(region: &str) -> Scope {
    Scope { account_id: "123456789012".into(), region: region.into(), resource_type: "S3".to_owned() }
}

async fn insert(store: &Store, id: &str, region: &str, severity: Severity) -> DriftId {
    let id = DriftId(id.parse().unwrap());
    let scope = scope(region);
    let finding = Finding {
        key: scope.key("bucket"),
        kind: DriftKind::Missing,
        expected: json!({ "Tags": {} }),
        actual: Value::Null,
        difference: json!([{ "op": "replace", "path": "", "value": null }]),
        changes: vec![],
        severity,
        cost: driftsentry::domain::cost::CostImpact::Unknown("usage".to_owned()),
        declared_in: None,
        terraform_address: None,
    };
    let drifts = vec![(id, &finding)];
    let new = NewDrifts { scope: &scope, account_name: Some("prod"), detected_by: DetectedBy::Api, drifts };
    drift::insert_all(&mut store.conn().await.unwrap(), &new, now()).await.unwrap();
    id
}

#[tokio::test]
async fn a_drift_is_found_by_a_part_of_its_id_that_no_other_shares() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let one = insert(&store, "019ab000-0000-7000-8000-00000000aaaa", "us-east-1", Severity::Info).await;
    let two = insert(&store, "019ab000-0000-7000-8000-00000000bbbb", "us-east-1", Severity::Info).await;
    let mut conn = store.conn().await.unwrap();
    for (text, id) in [(one.to_string(), one), ("AAAA".to_owned(), one), ("0000bbbb".to_owned(), two)] {
        assert_eq!(drift::find(&mut conn, &text).await.unwrap().id, id, "{text}");
    }
    let ambiguous = drift::find(&mut conn, "019ab").await.unwrap_err();
    assert!(matches!(&ambiguous, StoreError::Ambiguous(text) if text.contains(&one.to_string())), "{ambiguous}");
    assert!(matches!(drift::find(&mut conn, "cccc").await, Err(StoreError::NotFound(_))));
    for text in ["", "aaa", "%%%%", "sg-1", "____"] {
        assert!(matches!(drift::find(&mut conn, text).await, Err(StoreError::Refused(_))), "{text}");
    }
    let absent = drift::get(&mut conn, DriftId(Uuid::nil())).await.unwrap_err().to_string();
    assert_eq!(absent, "there is no drift 00000000-0000-0000-0000-000000000000");
}

#[tokio::test]
async fn a_list_holds_what_passes_every_condition_the_worst_first() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let info = insert(&store, "019ab000-0000-7000-8000-000000000001", "us-east-1", Severity::Info).await;
    let bad = insert(&store, "019ab000-0000-7000-8000-000000000002", "eu-west-1", Severity::Critical).await;
    let let_be = insert(&store, "019ab000-0000-7000-8000-000000000003", "us-east-1", Severity::Warning).await;
    let mut conn = store.conn().await.unwrap();
    drift::reject(&mut conn, let_be, &Actor::system(), None, now()).await.unwrap();
    let all = DriftFilter::default;
    let cases = [
        (all(), vec![bad, let_be, info]),
        (DriftFilter { open_only: true, ..all() }, vec![bad, info]),
        (DriftFilter { statuses: vec![DriftStatus::Rejected], ..all() }, vec![let_be]),
        (DriftFilter { statuses: vec![DriftStatus::Rejected], open_only: true, ..all() }, vec![]),
        (DriftFilter { severities: vec![Severity::Info, Severity::Warning], ..all() }, vec![let_be, info]),
        (DriftFilter { region: Some("eu-west-1".to_owned()), ..all() }, vec![bad]),
        (DriftFilter { account: Some("prod".to_owned()), limit: 1, ..all() }, vec![bad]),
        (DriftFilter { account: Some("123456789012".to_owned()), ..all() }, vec![bad, let_be, info]),
        (DriftFilter { account: Some("dev".to_owned()), ..all() }, vec![]),
        (DriftFilter { resource_type: Some("EC2".to_owned()), ..all() }, vec![]),
        (DriftFilter { resource_id: Some("bucket".to_owned()), ..all() }, vec![bad, let_be, info]),
    ];
    for (filter, expected) in cases {
        let found = drift::list(&mut conn, &filter).await.unwrap();
        assert_eq!(found.iter().map(|drift| drift.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_move_that_cannot_be_is_told_with_those_that_can() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = insert(&store, "019ab000-0000-7000-8000-000000000001", "us-east-1", Severity::Info).await;
    let mut conn = store.conn().await.unwrap();
    let new = NewUser {
        email: "Ann@Example.com".to_owned(),
        password_hash: driftsentry::config::secret::Secret::new("x"),
        first_name: None,
        last_name: None,
        role: Role::Engineer,
    };
    let ann = Actor::from(&user::create(&mut conn, &new).await.unwrap());

    let early = drift::approve(&mut conn, id, &ann, None, now()).await.unwrap_err().to_string();
    assert_eq!(
        early,
        format!("drift {id} is detected, so it cannot become approved; it can become triaged or rejected")
    );
    drift::triage(&mut conn, id).await.unwrap();
    assert!(matches!(drift::triage(&mut conn, id).await, Err(StoreError::IllegalMove { .. })));
    drift::approve(&mut conn, id, &ann, Some("agreed"), now()).await.unwrap();
    assert!(drift::reject(&mut conn, id, &ann, None, now()).await.is_err());
    drift::resolve(&mut conn, id, ResolvedHow::AutoRemediate, now()).await.unwrap();
    let late = drift::resolve(&mut conn, id, ResolvedHow::ManualFix, now()).await.unwrap_err().to_string();
    assert_eq!(late, format!("drift {id} is resolved, so it cannot become resolved; resolved is final"));
    let stored = drift::get(&mut conn, id).await.unwrap();
    assert_eq!(
        (stored.approval_reason.as_deref(), stored.resolved_how.as_deref()),
        (Some("agreed"), Some("auto-remediate"))
    );
    let approved_by: Option<Uuid> =
        sqlx::query_scalar("select approved_by from drifts").fetch_one(store.pool()).await.unwrap();
    assert_eq!(approved_by, ann.id.map(|id| id.0));
    let nothing = DriftId(Uuid::nil());
    assert!(matches!(drift::triage(&mut conn, nothing).await, Err(StoreError::NotFound(_))));
    assert!(matches!(
        drift::resolve(&mut conn, nothing, ResolvedHow::ManualFix, now()).await,
        Err(StoreError::NotFound(_))
    ));
}
