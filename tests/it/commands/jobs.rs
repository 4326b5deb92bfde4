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
    let kind = &stats["kinds"][0];
    assert_eq!((&kind["kind"], &kind["due"], &kind["running"]), (&"deliver_alert".into(), &3.into(), &0.into()));
    assert!(kind["oldest_due_seconds"].as_f64().is_some_and(|age| age > 0.0), "{kind}");
    let table = place.run(&["jobs", "stats"]).await.stdout;
    assert!(table.contains("deliver_alert") && table.ends_with("nobody runs jobs now\n"), "{table}");
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

#[tokio::test]
async fn given_up_jobs_are_retried_by_what_they_have_in_common() {
    let (database, place, ids) = with_jobs(4).await;
    for (id, kind, error, age) in [
        (&ids[0], "deliver_alert", "Receiver gone", "1 hour"),
        (&ids[1], "deliver_alert", "receiver gone", "3 days"),
        (&ids[2], "deliver_alert", "timed out", "1 hour"),
        (&ids[3], "scan_shard", "timed out", "1 hour"),
    ] {
        let give_up = "update jobs set state = 'discarded', kind = $2, last_error = $3, attempt = 20,
                                       finished_at = now() - $4::text::interval where id = $1::text::uuid";
        let give_up = sqlx::query(give_up).bind(id).bind(kind).bind(error).bind(age);
        give_up.execute(&database.pool).await.expect("a job that was given up");
    }
    let retry = async |filter: &[&str]| {
        place.run(&[&["jobs", "retry", "--all-discarded", "--format", "json"], filter].concat()).await.json()["retried"]
            .clone()
    };
    assert_eq!(retry(&["--error", "gone", "--since", "2days"]).await, 1);
    let shown = place.run(&["jobs", "show", &ids[0], "--format", "json"]).await.json();
    let facts = (&shown["state"], &shown["attempt"], &shown["finished_at"]);
    assert_eq!(facts, (&"available".into(), &0.into(), &serde_json::Value::Null));
    assert_eq!(retry(&["--kind", "scan_shard"]).await, 1);
    assert_eq!(retry(&["--error", "no such"]).await, 0);
    assert_eq!(retry(&[]).await, 2);
    for filter in [&["--kind", "x"][..], &["--error", "x"], &["--since", "1h"]] {
        place.run(&[&["jobs", "retry", &ids[0]], filter].concat()).await.refuses(&["cannot be used with"]);
    }
    place.run(&["jobs", "list", "--newer-than", "yesterday"]).await.refuses(&["`yesterday` is no time"]);
}

#[tokio::test]
async fn a_job_that_runs_is_asked_to_stop_and_shows_how_far_it_is() {
    let (database, place, ids) = with_jobs(3).await;
    for statement in [
        "update jobs set state = 'running', attempt = 2, worker = 'w1', started_at = now(), progress = '{\"done\": 7}',
                         has_dependents = true where id = $1::text::uuid",
        "insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
         values ($1::text::uuid, 1, 'w0', now() - interval '90 seconds', now() - interval '1 minute', 'retried', 'no luck')",
        "insert into job_dependencies (on_job_id, job_id)
         select $1::text::uuid, id from jobs where state = 'available' order by id limit 1",
        "update jobs set waiting_for = 1 where id in (select job_id from job_dependencies where on_job_id = $1::text::uuid)",
    ] {
        sqlx::query(statement).bind(&ids[0]).execute(&database.pool).await.expect(statement);
    }
    let done = place.run(&["jobs", "cancel", &ids[0], &ids[2]]).await;
    let told = format!("{} waited and is cancelled\n{} runs and is asked to stop\n", ids[2], ids[0]);
    assert_eq!((done.code, done.stdout), (Some(0), told));
    let text = place.run(&["jobs", "show", &ids[0]]).await.stdout;
    for words in
        ["is stopping", "on w1 since", "to stop:", r#"{"done":7}"#, "waited for by:", &ids[1], "30.0 s", "no luck"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    let blocked = place.run(&["jobs", "show", &ids[1]]).await.stdout;
    assert!(blocked.contains("is blocked by 1") && blocked.contains("waits for:"), "{blocked}");

    let complete = "update jobs set state = 'completed', finished_at = started_at + interval '2 seconds'
                    where id = $1::text::uuid";
    sqlx::query(complete).bind(&ids[0]).execute(&database.pool).await.expect("a job that is done");
    let shown = place.run(&["jobs", "show", &ids[0], "--format", "json"]).await.json();
    let outcomes: Vec<_> = list(&shown["attempts"]).iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["retried", "completed"]);
    let stats = place.run(&["jobs", "stats"]).await.stdout;
    assert!(stats.contains("In the last hour") && stats.contains("2.0 s"), "{stats}");
}
