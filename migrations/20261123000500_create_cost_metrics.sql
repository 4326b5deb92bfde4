create table cost_metrics (
    id uuid primary key,
    drift_id uuid,
    cost_usd decimal(10, 2) not null,
    cost_projected_monthly decimal(10, 2),
    recorded_at timestamptz not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    created_at timestamptz default now(),
    constraint cost_metrics_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade
);
create index cost_metrics_drift_id_idx on cost_metrics (drift_id);
create index cost_metrics_recorded_at_idx on cost_metrics (recorded_at desc);
create index cost_metrics_period_idx on cost_metrics (period_start, period_end);

comment on table cost_metrics is 'Time series of what open drifts cost.';
comment on column cost_metrics.id is 'The record.';
comment on column cost_metrics.drift_id is 'The drift.';
comment on column cost_metrics.cost_usd is 'USD accrued between period_start and period_end.';
comment on column cost_metrics.cost_projected_monthly is 'USD per 730-hour month at the rate of period_end.';
comment on column cost_metrics.recorded_at is 'When it was written.';
comment on column cost_metrics.period_start is 'End of the period before, or the detection.';
comment on column cost_metrics.period_end is 'The scan that wrote it.';
comment on column cost_metrics.created_at is 'When the row was made.';
