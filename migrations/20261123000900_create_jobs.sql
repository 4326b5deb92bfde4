create table jobs (
    id uuid primary key,
    kind text not null,
    state text not null default 'available',
    priority smallint not null default 0,
    attempt integer not null default 0,
    max_attempts integer not null,
    run_at timestamptz not null default now(),
    payload jsonb not null,
    last_error text,
    lease_token uuid,
    lease_until timestamptz,
    worker text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint jobs_state_check check (state in ('available', 'running', 'completed', 'discarded', 'cancelled')),
    constraint jobs_attempts_check check (attempt >= 0 and max_attempts > 0)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index jobs_available_idx on jobs (priority desc, run_at, id) where state = 'available';
create index jobs_lease_idx on jobs (lease_until) where state = 'running';
create index jobs_kind_state_idx on jobs (kind, state);
create index jobs_finished_at_idx on jobs (finished_at) where finished_at is not null;

comment on table jobs is 'The queue: at least once, leased, retried, dead-lettered.';
comment on column jobs.id is 'The job; a stable idempotency key for its effects.';
comment on column jobs.kind is 'Which handler runs it.';
comment on column jobs.state is 'A retry waits as available with a later run_at; discarded is the dead letter.';
comment on column jobs.priority is 'Higher goes first.';
comment on column jobs.attempt is 'Attempts begun.';
comment on column jobs.max_attempts is 'Attempts allowed.';
comment on column jobs.run_at is 'Not before.';
comment on column jobs.payload is 'The handler''s arguments.';
comment on column jobs.last_error is 'Why the last attempt failed.';
comment on column jobs.lease_token is 'Random per claim: who does not hold it cannot settle the job.';
comment on column jobs.lease_until is 'When the job is taken to be lost, on the database''s clock.';
comment on column jobs.worker is 'Process that holds it, random per start.';
comment on column jobs.created_at is 'When it was enqueued.';
comment on column jobs.started_at is 'When the last attempt began.';
comment on column jobs.finished_at is 'When it was completed, discarded or cancelled.';

create table job_attempts (
    job_id uuid not null,
    attempt integer not null,
    worker text,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    outcome text not null,
    error text,
    constraint job_attempts_pkey primary key (job_id, attempt, started_at),
    constraint job_attempts_job_id_fkey foreign key (job_id) references jobs (id) on delete cascade,
    constraint job_attempts_outcome_check check (outcome in ('retried', 'discarded', 'lost', 'snoozed'))
);
comment on table job_attempts is 'Attempts that did not complete their job.';
comment on column job_attempts.job_id is 'The job.';
comment on column job_attempts.attempt is 'Which attempt.';
comment on column job_attempts.worker is 'Process that ran it.';
comment on column job_attempts.started_at is 'When it began.';
comment on column job_attempts.finished_at is 'When it ended or was taken to be lost.';
comment on column job_attempts.outcome is 'What became of the job.';
comment on column job_attempts.error is 'Why.';
