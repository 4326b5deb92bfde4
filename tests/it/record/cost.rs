//! What open drifts cost: records that add up, at the rate of their time, until the drift is over.

use chrono::{DateTime, Utc};
use driftsentry::domain::severity::Severity;
use driftsentry::scan::record::ShardOutcome;
use driftsentry::store;
use rust_decimal::Decimal;

use super::{Scene, finding, unknown, usd};

#[derive(Debug, sqlx::FromRow)]
struct Metric {
    cost_usd: Decimal,
    cost_projected_monthly: Option<Decimal>,
    period_start: DateTime<Utc>,
    period_end: DateTime<Utc>,
}

async fn metrics(scene: &Scene) -> Vec<Metric> {
    sqlx::query_as(
        "select cost_usd, cost_projected_monthly, period_start, period_end from cost_metrics
         order by period_start, period_end",
    )
    .fetch_all(scene.store.pool())
    .await
    .unwrap()
}

fn total(metrics: &[Metric]) -> Decimal {
    metrics.iter().map(|metric| metric.cost_usd).sum()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The records of one drift of `monthly` over 730 hours, accrued every `minutes`.
async fn over_a_month(monthly: &str, minutes: i64) -> Vec<Metric> {
    let mut scene = Scene::new().await;
    scene.scan(vec![finding("i-1", "x", Severity::Info, usd(monthly))]).await;
    let rate = [(scene.only_drift().await.id, Some(amount(monthly)))];
    let mut tx = scene.store.begin().await.unwrap();
    for _ in 0..730 * 60 / minutes {
        scene.pass(minutes);
        store::cost::accrue(&mut tx, &rate, scene.now).await.unwrap();
    }
    tx.commit().await.unwrap();
    metrics(&scene).await
}

#[tokio::test]
async fn a_month_of_quarter_hours_adds_up_to_the_monthly_cost() {
    let metrics = over_a_month("70.08", 15).await;
    assert_eq!(metrics.len(), 2921, "one of no length, then one for each quarter of an hour");
    assert_eq!(total(&metrics), amount("70.08"));
    assert_eq!(metrics[0].period_start, metrics[0].period_end);
    for pair in metrics.windows(2) {
        assert_eq!(pair[0].period_end, pair[1].period_start, "periods leave no gap and do not overlap");
    }
    assert!(metrics.iter().all(|metric| metric.cost_projected_monthly == Some(amount("70.08"))));
}

#[tokio::test]
async fn the_sum_does_not_depend_on_how_often_it_is_accrued() {
    for monthly in ["0.01", "-12.60", "33.33", "0.00", "99999999.99"] {
        for minutes in [365, 43_800] {
            assert_eq!(total(&over_a_month(monthly, minutes).await), amount(monthly), "{monthly} every {minutes}");
        }
    }
}

#[tokio::test]
async fn every_complete_scan_adds_one_record_to_every_open_drift_of_known_cost() {
    let mut scene = Scene::new().await;
    let found = || {
        let known = ["detected", "triaged", "approved"].map(|id| finding(id, "x", Severity::Info, usd("730")));
        known.into_iter().chain([finding("unknown", "x", Severity::Info, unknown())]).collect::<Vec<_>>()
    };
    scene.scan(found()).await;
    for drift in scene.drifts().await {
        scene.bring(drift.id, &drift.key.resource_id).await;
    }
    for _ in 0..3 {
        scene.pass(60);
        scene.scan(found()).await;
    }
    let metrics = metrics(&scene).await;
    assert_eq!((metrics.len(), total(&metrics)), (3 + 3 * 3, amount("9.00")));
}

#[tokio::test]
async fn an_incomplete_scan_writes_no_record_and_the_next_one_spans_the_gap() {
    let mut scene = Scene::new().await;
    let found = || vec![finding("i-1", "x", Severity::Info, usd("730"))];
    scene.scan(found()).await;
    scene.pass(60);
    let outcome = ShardOutcome { complete: false, findings: found(), ..scene.shard().await };
    scene.record(&outcome).await.unwrap();
    assert_eq!(metrics(&scene).await.len(), 1);
    scene.pass(60);
    scene.scan(found()).await;
    let metrics = metrics(&scene).await;
    assert_eq!((metrics.len(), metrics[1].cost_usd), (2, amount("2.00")));
}

#[tokio::test]
async fn time_costs_what_was_known_when_it_passed() {
    let mut scene = Scene::new().await;
    let at = |live, cost| vec![finding("i-1", live, Severity::Info, cost)];
    scene.scan(at("a", usd("730"))).await;
    scene.pass(120);
    scene.scan(at("b", usd("7300"))).await;
    scene.pass(60);
    scene.scan(at("b", usd("7300"))).await;
    scene.pass(60);
    scene.scan(at("c", unknown())).await;
    scene.pass(600);
    scene.scan(at("c", unknown())).await;
    scene.pass(600);
    scene.scan(at("d", usd("1460"))).await;
    scene.pass(60);
    scene.scan(at("d", usd("1460"))).await;
    let told: Vec<_> = metrics(&scene).await.into_iter().map(|m| (m.cost_usd, m.cost_projected_monthly)).collect();
    let row = |cost: &str, monthly: Option<&str>| (amount(cost), monthly.map(amount));
    assert_eq!(
        told,
        [
            row("0.00", Some("730.00")),
            row("2.00", Some("7300.00")),
            row("10.00", Some("7300.00")),
            row("10.00", None),
            row("0.00", Some("1460.00")),
            row("2.00", Some("1460.00")),
        ]
    );
}

#[tokio::test]
async fn the_end_of_a_drift_is_the_end_of_its_cost() {
    for status in ["detected", "approved"] {
        let mut scene = Scene::new().await;
        scene.scan(vec![finding("i-1", "x", Severity::Info, usd("730"))]).await;
        let id = scene.only_drift().await.id;
        scene.bring(id, status).await;
        scene.pass(90);
        scene.scan_matching(vec![id]).await;
        scene.pass(90);
        scene.scan(vec![]).await;
        let metrics = metrics(&scene).await;
        assert_eq!((metrics.len(), metrics[1].cost_usd), (2, amount("1.50")), "{status}");
        assert_eq!(metrics[1].cost_projected_monthly, Some(Decimal::ZERO));
    }
}

#[tokio::test]
async fn a_rejected_drift_costs_until_it_is_rejected_and_no_longer() {
    let mut scene = Scene::new().await;
    let found = || vec![finding("i-1", "x", Severity::Info, usd("730"))];
    scene.scan(found()).await;
    let id = scene.only_drift().await.id;
    scene.pass(60);
    scene.bring(id, "rejected").await;
    scene.pass(60);
    scene.scan(found()).await;
    scene.pass(60);
    scene.scan_matching(vec![id]).await;
    let metrics = metrics(&scene).await;
    assert_eq!((metrics.len(), total(&metrics)), (2, amount("1.00")));
}

#[tokio::test]
async fn an_unknown_cost_is_null_with_its_reason_and_zero_is_zero() {
    let scene = Scene::new().await;
    let unknown = finding("i-1", "x", Severity::Info, unknown());
    let monstrous = finding("i-2", "x", Severity::Info, usd("100000000"));
    scene.scan(vec![unknown, finding("i-3", "x", Severity::Info, usd("0")), monstrous]).await;
    let drifts = scene.drifts().await;
    let told: Vec<_> = drifts.iter().map(|d| (d.cost_impact_monthly, d.cost_unknown_reason.as_deref())).collect();
    assert_eq!(
        told,
        [
            (None, Some("no price for x9.huge")),
            (Some(amount("0.00")), None),
            (None, Some("+$100000000.00 a month is more than can be kept")),
        ]
    );
    assert_eq!(metrics(&scene).await.len(), 1, "only what is known is recorded");
}
