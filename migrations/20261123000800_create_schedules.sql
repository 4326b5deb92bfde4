create table schedules (
    name text primary key,
    cron text not null,
    timezone text not null,
    first_seen_at timestamptz not null,
    last_tick_at timestamptz
);
comment on table schedules is 'What is remembered of each configured schedule.';
comment on column schedules.name is 'Configured name.';
comment on column schedules.cron is 'Expression at the time of the last start; another one begins anew.';
comment on column schedules.timezone is 'Time zone of the expression.';
comment on column schedules.first_seen_at is 'Ticks before this were never missed.';
comment on column schedules.last_tick_at is 'Latest tick that was claimed.';

create table schedule_ticks (
    schedule text not null,
    tick_at timestamptz not null,
    outcome text not null,
    scan_id uuid,
    claimed_at timestamptz not null default now(),
    constraint schedule_ticks_pkey primary key (schedule, tick_at),
    constraint schedule_ticks_scan_id_fkey foreign key (scan_id) references scans (id) on delete set null,
    constraint schedule_ticks_outcome_check check (outcome in ('scanned', 'skipped'))
);
comment on table schedule_ticks is 'Each tick is claimed once across replicas: the primary key decides.';
comment on column schedule_ticks.schedule is 'Configured name.';
comment on column schedule_ticks.tick_at is 'The moment that the expression names.';
comment on column schedule_ticks.outcome is 'skipped: the scan before was still running.';
comment on column schedule_ticks.scan_id is 'The scan that it made happen.';
comment on column schedule_ticks.claimed_at is 'When a replica took it.';
