//! `jobs list|show|retry|cancel|stats`.

use driftsentry::domain::id::{AlertId, JobId};
use driftsentry::jobs::DeliverAlert;
use driftsentry::queue::enqueue;

use super::list;
use crate::support::{Place, TestDatabase};

/// A database with this many jobs that nobody runs, and a place to look at them from.
async fn with_jobs(count: usize) -> (TestDatabase, Place, Vec<String>) {
    let database = TestDatabase::new().await;
    let mut ids = Vec::new();
    for _ in 0..count {
        let mut conn = database.pool.acquire().await.expect("a connection");
        let args = DeliverAlert { alert_id: AlertId::new(), channel: "ops".to_owned() };
        ids.push(enqueue(&mut conn, &args).await.expect("a job").to_string());
    }
    let place = Place::new("").with("DATABASE_URL", &database.url());
    (database, place, ids)
}

#[tokio::test]
async fn jobs_can_be_looked_at() {
    let (_database, place, ids) = with_jobs(3).await;
    let listed = place.run(&["jobs", "list", "--format", "json"]).await.json();
    assert_eq!(list(&listed).len(), 3);
    assert_eq!(listed[0]["id"], ids[2].as_str(), "the newest first");
    assert_eq!(list(&place.run(&["jobs", "list", "--limit", "1", "--format", "json"]).await.json()).len(), 1);
    for (filter, found) in
        [(["--kind", "deliver_alert"], 3), (["--kind", "scan_shard"], 0), (["--state", "running"], 0)]
    {
        let listed = place.run(&[&["jobs", "list", "--format", "json"][..], &filter].concat()).await.json();
        assert_eq!(list(&listed).len(), found, "{filter:?}");
    }
    let table = place.run(&["jobs", "list"]).await;
    assert!(ids.iter().all(|id| table.stdout.contains(id)), "ids can be copied: {}", table.stdout);

    let shown = place.run(&["jobs", "show", &ids[0], "--format", "json"]).await.json();
    assert_eq!(
        (&shown["kind"], &shown["state"], &shown["payload"]["channel"]),
        (&"deliver_alert".into(), &"available".into(), &"ops".into())
    );
    let text = place.run(&["jobs", "show", &ids[0]]).await.stdout;
    assert!(text.starts_with(&format!("deliver_alert {} is available\nattempt:   0 of 20\n", ids[0])), "{text}");
    let stats = place.run(&["jobs", "stats", "--format", "json"]).await.json();
    assert_eq!(
        (&stats[0]["kind"], &stats[0]["state"], &stats[0]["count"]),
        (&"deliver_alert".into(), &"available".into(), &3.into())
    );
    assert!(place.run(&["jobs", "stats"]).await.stdout.contains("deliver_alert"));
}

#[tokio::test]
async fn jobs_can_be_cancelled_and_run_again() {
    let (database, place, ids) = with_jobs(3).await;
    let done = place.run(&["jobs", "cancel", &ids[0], &ids[1]]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "2 jobs cancelled\n"));
    place.run(&["jobs", "cancel", &ids[2], &ids[0]]).await.refuses(&["is cancelled; only one that waits or runs"]);
    let state = async |id: &str| place.run(&["jobs", "show", id, "--format", "json"]).await.json()["state"].clone();
    assert_eq!(state(&ids[2]).await, "available", "all of it or nothing");
    let done = place.run(&["jobs", "retry", &ids[0]]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "1 job will run again\n"));
    assert_eq!(state(&ids[0]).await, "available");

    let give_up = "update jobs set state = 'discarded', last_error = 'the receiver is gone', finished_at = now()";
    sqlx::query(give_up).execute(&database.pool).await.expect("jobs that were given up");
    let table = place.run(&["jobs", "list", "--state", "discarded"]).await;
    assert!(table.stdout.contains("the receiver is gone"), "{}", table.stdout);
    let done = place.run(&["jobs", "retry", "--all-discarded"]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "3 jobs will run again\n"));

    let unknown = JobId::new().to_string();
    for command in ["show", "retry", "cancel"] {
        place.run(&["jobs", command, &unknown]).await.refuses(&[&format!("there is no job {unknown}")]);
    }
    place.run(&["jobs", "retry", &ids[0], "--all-discarded"]).await.refuses(&["cannot be used with"]);
    place.run(&["jobs", "retry"]).await.refuses(&["required arguments were not provided"]);
}
