//! What becomes of jobs whose workers are killed again and again: none is lost, and an effect is repeated only where a
//! kill fell between the effect and its settlement.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Bench;
use crate::child::{Child, MARKERS, Role};
use crate::contender::{Contender, Pace};
use crate::ours::Marking;
use crate::report::Report;

const PROCESSES: i32 = 4;
const LENGTH: Duration = Duration::from_mins(1);
/// How often jobs are written, so that there is work until the last kill.
const EVERY: Duration = Duration::from_millis(100);
/// An effect this old is settled, or something else is wrong than a kill.
const SETTLED_AFTER_MS: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_mins(3);

const SCHEMA: &str = "
drop table if exists effects;
create table effects (job_id uuid not null, attempt integer not null, process integer not null,
    at timestamptz not null)";

/// A mark that an attempt left.
#[derive(sqlx::FromRow)]
struct Effect {
    job_id: Uuid,
    attempt: i32,
    process: i32,
    at: DateTime<Utc>,
}

/// When each process was killed.
type Kills = HashMap<i32, DateTime<Utc>>;

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let jobs = bench.jobs(100_000);
    let length = bench.length(LENGTH);
    bench.ours.clear().await?;
    bench.db.run(SCHEMA).await?;
    println!("\n### kill: {jobs} jobs, {} workers on {PROCESSES} processes, one killed every second\n", MARKERS * 4);
    let begun = Instant::now();
    let (asked, (crew, kills)) = tokio::try_join!(ask(bench, jobs, length), harass(bench, length))?;
    wait_for_the_rest(bench).await?;
    println!("{} kills; everything had run after {:.1} s", kills.len(), begun.elapsed().as_secs_f64());
    for child in crew {
        child.stop().await?;
    }
    judge(bench, &asked, &kills, report).await
}

/// Writes all jobs over the whole length.
async fn ask(bench: &Bench, jobs: usize, length: Duration) -> Result<HashSet<Uuid>> {
    let mut conn = bench.ours.conn().await?;
    let times = usize::try_from(length.as_millis() / EVERY.as_millis())?;
    let batch = vec![Marking::default(); jobs.div_ceil(times)];
    let mut asked = HashSet::new();
    let pace = Pace { every: EVERY, length };
    pace.keep(async || {
        let left = (jobs - asked.len()).min(batch.len());
        if left > 0 {
            asked.extend(bench.ours.write(&mut conn, &batch[..left]).await?.into_iter().map(|id| id.0));
        }
        Ok(())
    })
    .await?;
    let rest = vec![Marking::default(); jobs - asked.len()];
    if !rest.is_empty() {
        asked.extend(bench.ours.write(&mut conn, &rest).await?.into_iter().map(|id| id.0));
    }
    Ok(asked)
}

/// Kills one of the processes every second, and starts another in its place.
async fn harass(bench: &Bench, length: Duration) -> Result<(Vec<Child>, Kills)> {
    let mut crew = BTreeMap::new();
    for number in 0..PROCESSES {
        crew.insert(number, Child::start(&bench.db, Role::Marking, number).await?);
    }
    let mut kills = Kills::new();
    let mut newcomer = PROCESSES;
    let pace = Pace { every: Duration::from_secs(1), length };
    pace.keep(async || {
        let numbers: Vec<i32> = crew.keys().copied().collect();
        let victim = numbers[rand::random_range(0..numbers.len())];
        let child = crew.remove(&victim).context("a chosen process runs")?;
        child.kill().await?;
        kills.insert(victim, Utc::now());
        crew.insert(newcomer, Child::start(&bench.db, Role::Marking, newcomer).await?);
        newcomer += 1;
        Ok(())
    })
    .await?;
    Ok((crew.into_values().collect(), kills))
}

async fn wait_for_the_rest(bench: &Bench) -> Result<()> {
    let begun = Instant::now();
    loop {
        let left = bench.ours.unfinished().await?;
        if left == 0 {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "{left} jobs did not end");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn judge(bench: &Bench, asked: &HashSet<Uuid>, kills: &Kills, report: &mut Report) -> Result<()> {
    let sql = "select job_id, attempt, process, at from effects order by at";
    let effects: Vec<Effect> = sqlx::query_as(sql).fetch_all(bench.ours.pool()).await?;
    let mut by_job: HashMap<Uuid, Vec<Effect>> = HashMap::new();
    for effect in effects {
        by_job.entry(effect.job_id).or_default().push(effect);
    }
    let lost = asked.iter().filter(|job| !by_job.contains_key(job)).count();
    let unfinished = asked.len() - bench.ours.completed().await?;
    let mut repeated: Vec<&Vec<Effect>> = by_job.values().filter(|effects| effects.len() > 1).collect();
    repeated.sort_by_key(|effects| effects[0].at);
    println!("{} effects repeated:\n", repeated.len());
    let mut unexplained = 0;
    for effects in &repeated {
        if let Some(why) = explain(effects, kills) {
            println!("- {why}");
        } else {
            unexplained += 1;
            println!("- NOT EXPLAINED: {}", story(effects));
        }
    }
    let lost = lost.max(unfinished);
    println!();
    report.bar("kill", "jobs lost = 0", format!("{lost} of {}", asked.len()), lost == 0);
    let measured = format!("{unexplained} of {}", repeated.len());
    report.bar("kill", "repeated effects with no kill between effect and settlement = 0", measured, unexplained == 0);
    bench.ours.clear().await
}

/// Why the effects of one job are several: each process but the last was killed after its effect, soon enough that it
/// had not settled. `None` if that does not explain it.
fn explain(effects: &[Effect], kills: &Kills) -> Option<String> {
    let mut told = Vec::new();
    for pair in effects.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        let killed_at = kills.get(&earlier.process)?;
        let until_kill = (*killed_at - earlier.at).as_seconds_f64() * 1000.0;
        let until_next = (later.at - *killed_at).as_seconds_f64();
        // Below zero: the effect was on its way to the server when its process was killed.
        if !(-100.0..SETTLED_AFTER_MS).contains(&until_kill) || until_next < 0.0 {
            return None;
        }
        let Effect { attempt, process, .. } = earlier;
        told.push(format!(
            "attempt {attempt} left its mark {until_kill:.1} ms before process {process} was killed, attempt {} came \
             {until_next:.1} s after that",
            later.attempt,
        ));
    }
    Some(format!("job {}: {}", effects.first()?.job_id, told.join("; ")))
}

fn story(effects: &[Effect]) -> String {
    let told: Vec<String> =
        effects.iter().map(|e| format!("attempt {} by process {} at {}", e.attempt, e.process, e.at)).collect();
    format!("job {}: {}", effects.first().map(|e| e.job_id).unwrap_or_default(), told.join(", "))
}
