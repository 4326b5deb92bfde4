//! Jobs in figures, what is read for them, and what is forgotten.

use std::time::Duration;

use driftsentry::store::Store;
use driftsentry::store::job::{self, KindStats, WorkerStats};
use sqlx::Executor;

use super::jobs::write;
use super::store_of;
use crate::support::TestDatabase;

async fn run(store: &Store, statements: &'static str) {
    store.pool().execute(sqlx::raw_sql(statements)).await.unwrap();
}

#[tokio::test]
async fn the_figures_are_those_of_the_rows() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    for (kind, state, count) in [
        ("part", "available", 4),
        ("part", "running", 1),
        ("part", "completed", 4),
        ("part", "discarded", 2),
        ("sum", "cancelled", 1),
    ] {
        for _ in 0..count {
            write(&store, kind, state).await;
        }
    }
    run(
        &store,
        "update jobs set run_at = now() + interval '1 day' where id in (select id from jobs_live where state = 'available' order by id limit 1);
         update jobs set waiting_for = 2 where id in (select id from jobs_live where state = 'available' order by id desc limit 1);
         update jobs set run_at = now() - interval '1 minute' where state = 'available' and waiting_for = 0 and run_at <= now();
         update jobs set started_at = finished_at - interval '2 seconds' where state = 'completed';
         update jobs set started_at = started_at - interval '30 minutes', finished_at = finished_at - interval '30 minutes'
         where id in (select id from jobs_done where state = 'completed' order by id limit 1);
         update jobs set finished_at = finished_at - interval '2 hours'
         where id in (select id from jobs_done where state = 'completed' order by id desc limit 1);
         insert into job_attempts (job_id, attempt, started_at, finished_at, outcome)
         select id, number, now(), now() - interval '59 minutes' * (number - 1), (array['lost', 'retried', 'retried'])[number]
         from (select id from jobs_live where state = 'running') as job, generate_series(1, 3) as number;
         insert into job_workers (name, concurrency, running, kinds, started_at, seen_at)
         values ('w1', 8, 3, '{}', now(), now()), ('w2', 8, 1, '{}', now(), now()),
                ('w3', 8, 8, '{}', now(), now() - interval '1 minute')",
    )
    .await;
    let stats = job::stats(&mut store.conn().await.unwrap()).await.unwrap();
    assert_eq!(stats.workers, WorkerStats { processes: 2, concurrency: 16, running: 4 });
    assert_eq!(stats.lost_last_hour, 1);
    let [part, sum] = &stats.kinds[..] else { panic!("two kinds: {stats:?}") };
    assert_eq!(*sum, KindStats { kind: "sum".to_owned(), cancelled: 1, ..KindStats::default() });
    assert_eq!((part.due, part.later, part.blocked, part.running, part.discarded), (2, 1, 1, 1, 2));
    assert!(part.oldest_due_seconds.is_some_and(|age| (60.0..90.0).contains(&age)), "{part:?}");
    assert_eq!((part.completed_last_hour, part.failed_last_hour), (3, 2));
    assert!((part.per_minute_last_5_minutes - 0.4).abs() < 1e-9, "{part:?}");
    assert!((part.per_minute_last_hour - 0.05).abs() < 1e-9, "{part:?}");
    let times = part.run_times.unwrap();
    assert!([times.p50_seconds, times.p99_seconds, times.max_seconds].iter().all(|t| (t - 2.0).abs() < 1e-6));
}

#[tokio::test]
async fn the_newest_jobs_are_found_without_a_look_at_all_that_are_over() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    run(
        &store,
        "insert into jobs (id, kind, state, max_attempts, payload, finished_at)
         select (lpad(to_hex(number), 12, '0') || '70008000000000000000')::uuid, 'part', 'completed', 1, '{}', now()
         from generate_series(1, 50000) as number;
         analyze jobs_done",
    )
    .await;
    let mut conn = store.conn().await.unwrap();
    for query in [
        job::JobQuery::default(),
        job::JobQuery { state: Some(job::JobState::Completed), ..Default::default() },
        job::JobQuery { state: Some(job::JobState::Discarded), ..Default::default() },
        job::JobQuery { newer_than: Some(job::now(&mut conn).await.unwrap()), ..Default::default() },
    ] {
        conn.execute("select pg_stat_reset_single_table_counters('jobs_done'::regclass)").await.unwrap();
        job::list(&mut conn, &query, 20).await.unwrap();
        conn.execute("select pg_stat_force_next_flush()").await.unwrap();
        let read: i64 = sqlx::query_scalar(
            "select seq_tup_read + idx_tup_fetch from pg_stat_all_tables where relid = 'jobs_done'::regclass",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        assert!(read <= 100, "{read} rows were read for {query:?}");
    }
}

#[tokio::test]
async fn what_is_forgotten_takes_what_lies_beside_it_along() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    for state in ["completed", "completed", "discarded", "completed", "running"] {
        write(&store, "part", state).await;
    }
    run(
        &store,
        "insert into job_attempts (job_id, attempt, started_at, finished_at, outcome)
         select id, 1, now(), now(), 'retried' from jobs;
         insert into job_uniques (kind, key, job_id, created_at) select kind, id::text, id, now() from jobs;
         insert into job_attempts (job_id, attempt, started_at, finished_at, outcome)
         values ('01900000-0000-7000-8000-000000000000', 1, now(), now(), 'retried');
         insert into job_uniques (kind, key, job_id, created_at)
         values ('part', 'left', '01900000-0000-7000-8000-000000000000', now());
         insert into job_orders (key, last_job_id) values ('left', '01900000-0000-7000-8000-000000000000');
         insert into job_orders (key, last_job_id) select 'live', id from jobs_live;
         insert into job_rates (key, next_at) values ('past', now() - interval '2 hours'), ('next', now());
         insert into job_workers (name, concurrency, running, kinds, started_at, seen_at)
         values ('here', 1, 0, '{}', now(), now()), ('gone', 1, 0, '{}', now(), now() - interval '2 hours');
         update jobs set finished_at = now() - interval '2 days'
         where id in (select id from jobs_done order by id limit 3)",
    )
    .await;
    let mut conn = store.conn().await.unwrap();
    let day = Duration::from_hours(24);
    let mut removed = Vec::new();
    for _ in 0..2 {
        removed.push(job::prune(&mut conn, day, day * 30, 2).await.unwrap());
    }
    assert_eq!(removed, [2, 0], "in batches, and the dead are kept for longer");
    for (statement, left) in [
        ("select count(*) from jobs", 3),
        ("select count(*) from job_attempts", 3),
        ("select count(*) from job_uniques", 3),
        ("select count(*) from job_orders where key = 'live'", 1),
        ("select count(*) from job_orders", 1),
        ("select count(*) from job_rates where key = 'next'", 1),
        ("select count(*) from job_rates", 1),
        ("select count(*) from job_workers where name = 'here'", 1),
        ("select count(*) from job_workers", 1),
    ] {
        let count: i64 = sqlx::query_scalar(statement).fetch_one(store.pool()).await.unwrap();
        assert_eq!(count, left, "{statement}");
    }
}
