-- What waits and runs stays in a small table of its own, whose claim changes no indexed column; what is over lies in
-- an archive beside it. `jobs` is both.
alter table jobs rename to jobs_old;
alter table jobs_old rename constraint jobs_pkey to jobs_old_pkey;
alter table job_attempts drop constraint job_attempts_job_id_fkey;

create table jobs (
    id uuid not null,
    kind text collate "C" not null,
    lane text collate "C" not null default 'main',
    state text collate "C" not null default 'available',
    priority smallint not null default 0,
    attempt integer not null default 0,
    max_attempts integer not null,
    snoozes integer not null default 0,
    waiting_for integer not null default 0,
    run_at timestamptz not null default now(),
    payload jsonb not null,
    last_error text,
    lease_token uuid,
    lease_until timestamptz,
    worker text,
    lost_worker text,
    lost_started_at timestamptz,
    cancel_requested_at timestamptz,
    progress jsonb,
    order_key text,
    rate_key text,
    rate_interval interval,
    rate_is_reserved boolean not null default false,
    has_dependents boolean not null default false,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint jobs_state_check check (state in ('available', 'running', 'completed', 'discarded', 'cancelled')),
    constraint jobs_priority_check check (priority between -1 and 2),
    constraint jobs_attempts_check check (attempt >= 0 and max_attempts > 0),
    constraint jobs_waiting_for_check check (waiting_for >= 0),
    constraint jobs_rate_check check ((rate_key is null) = (rate_interval is null))
) partition by list (state);

-- Invariant: no index and no predicate here names a column that a claim changes, and pages have room for the claimed
-- row beside the waiting one, so that a claim writes no index.
create table jobs_live partition of jobs (
    constraint jobs_live_pkey primary key (id)
) for values in ('available', 'running') with (
    fillfactor = 40, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 5000
);
create index jobs_live_claim_idx on jobs_live (lane, priority, run_at, id) where waiting_for = 0;

create table jobs_done partition of jobs (
    constraint jobs_done_pkey primary key (id)
) for values in ('completed', 'discarded', 'cancelled') with (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1
);
create index jobs_done_finished_at_idx on jobs_done using brin (finished_at) with (autosummarize = on);
create index jobs_done_dead_idx on jobs_done (kind, finished_at) where state in ('discarded', 'cancelled');

insert into jobs (id, kind, state, priority, attempt, max_attempts, run_at, payload, last_error, lease_token,
                  lease_until, worker, created_at, started_at, finished_at)
select id, kind, state, least(greatest(priority, -1), 2), attempt, max_attempts, run_at, payload, last_error,
       lease_token, lease_until, worker, created_at, started_at, finished_at
from jobs_old;
drop table jobs_old;

comment on table jobs is 'The queue: at least once, leased, retried, dead-lettered.';
comment on table jobs_live is 'Jobs that wait or run.';
comment on table jobs_done is 'Jobs that are over.';
comment on column jobs.id is 'The job; a stable idempotency key for its effects.';
comment on column jobs.kind is 'Which handler runs it.';
comment on column jobs.lane is 'Which limits of concurrency it falls under.';
comment on column jobs.state is 'A retry waits as available with a later run_at; discarded is the dead letter.';
comment on column jobs.priority is 'Higher goes first: -1 low, 0 usual, 1 high, 2 urgent.';
comment on column jobs.attempt is 'Attempts begun.';
comment on column jobs.max_attempts is 'Attempts allowed.';
comment on column jobs.snoozes is 'How often it was put off without an attempt being counted.';
comment on column jobs.waiting_for is 'Jobs that must be over before it may run.';
comment on column jobs.run_at is 'Not before.';
comment on column jobs.payload is 'The handler''s arguments.';
comment on column jobs.last_error is 'Why the last attempt failed.';
comment on column jobs.lease_token is 'Random per claim: who does not hold it cannot settle the job.';
comment on column jobs.lease_until is 'When the job is taken to be lost, on the database''s clock.';
comment on column jobs.worker is 'Process that holds it or held it last, random per start.';
comment on column jobs.lost_worker is 'Process from which the present claim took it, if that one lost it.';
comment on column jobs.lost_started_at is 'When the attempt began that was lost to the present claim.';
comment on column jobs.cancel_requested_at is 'Since when its handler is asked to end.';
comment on column jobs.progress is 'What the running handler last said of how far it is.';
comment on column jobs.order_key is 'Jobs of one key run one after the other, as they were enqueued.';
comment on column jobs.rate_key is 'What must not be used more often than every rate_interval.';
comment on column jobs.rate_interval is 'Time between two jobs of one rate_key.';
comment on column jobs.rate_is_reserved is 'Whether run_at is its turn under rate_key.';
comment on column jobs.has_dependents is 'Whether other jobs wait for it.';
comment on column jobs.created_at is 'When it was enqueued.';
comment on column jobs.started_at is 'When the last attempt began.';
comment on column jobs.finished_at is 'When it was completed, discarded or cancelled.';

alter table job_attempts drop constraint job_attempts_outcome_check;
alter table job_attempts add constraint job_attempts_outcome_check
    check (outcome in ('retried', 'discarded', 'cancelled', 'lost', 'snoozed'));

create table job_dependencies (
    on_job_id uuid not null,
    job_id uuid not null,
    constraint job_dependencies_pkey primary key (on_job_id, job_id)
);
create index job_dependencies_job_id_idx on job_dependencies (job_id);
comment on table job_dependencies is 'Which job waits for which; a row goes when the awaited one is over.';
comment on column job_dependencies.on_job_id is 'The awaited job.';
comment on column job_dependencies.job_id is 'The job that waits.';

create table job_orders (
    key text not null,
    last_job_id uuid not null,
    constraint job_orders_pkey primary key (key)
);
comment on table job_orders is 'The last job of each order_key: the next one of the key waits for it.';
comment on column job_orders.key is 'The order_key.';
comment on column job_orders.last_job_id is 'The job that was enqueued last.';

create table job_uniques (
    kind text not null,
    key text not null,
    job_id uuid not null,
    created_at timestamptz not null,
    constraint job_uniques_pkey primary key (kind, key)
);
create index job_uniques_job_id_idx on job_uniques (job_id);
comment on table job_uniques is 'Which job holds a unique key.';
comment on column job_uniques.kind is 'The job''s kind.';
comment on column job_uniques.key is 'The unique key.';
comment on column job_uniques.job_id is 'The job that holds it.';
comment on column job_uniques.created_at is 'Since when.';

create table job_rates (
    key text not null,
    next_at timestamptz not null,
    constraint job_rates_pkey primary key (key)
) with (fillfactor = 50);
comment on table job_rates is 'When each rate_key may be used next.';
comment on column job_rates.key is 'The rate_key.';
comment on column job_rates.next_at is 'The next free turn.';

create table job_holds (
    lane text not null,
    job_id uuid not null,
    lease_token uuid not null,
    constraint job_holds_pkey primary key (lane, job_id)
);
comment on table job_holds is 'Places taken in lanes that are limited over all processes; one whose lease is gone is free.';
comment on column job_holds.lane is 'The lane.';
comment on column job_holds.job_id is 'The job that takes the place.';
comment on column job_holds.lease_token is 'The claim that took it.';

create table job_workers (
    name text not null,
    concurrency integer not null,
    running integer not null,
    kinds text[] not null,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    constraint job_workers_pkey primary key (name)
) with (fillfactor = 50);
comment on table job_workers is 'Processes that run jobs, as they last said themselves.';
comment on column job_workers.name is 'The process, random per start.';
comment on column job_workers.concurrency is 'Jobs that it runs at a time.';
comment on column job_workers.running is 'Jobs that it ran when last seen.';
comment on column job_workers.kinds is 'Kinds that it runs.';
comment on column job_workers.started_at is 'When it started.';
comment on column job_workers.seen_at is 'When it was last seen.';
