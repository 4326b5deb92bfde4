create table alerts (
    id uuid primary key,
    drift_id uuid,
    type varchar(50) not null,
    severity varchar(20) not null,
    title varchar(255) not null,
    message text not null,
    is_read boolean default false,
    read_at timestamptz,
    read_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz,
    constraint alerts_type_check check (type in ('drift_detected', 'approval_needed', 'remediation_failed')),
    constraint alerts_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade,
    constraint alerts_read_by_fkey foreign key (read_by) references users (id)
);
create index alerts_drift_id_idx on alerts (drift_id);
create index alerts_is_read_idx on alerts (is_read);
create index alerts_created_at_idx on alerts (created_at desc);
create index alerts_severity_idx on alerts (severity);
create trigger alerts_update_timestamp before update on alerts for each row execute function update_timestamp();

comment on table alerts is 'Notifications for drift events.';
comment on column alerts.id is 'The alert; also the idempotency key of its deliveries.';
comment on column alerts.drift_id is 'The drift that it speaks of.';
comment on column alerts.type is 'What happened.';
comment on column alerts.severity is 'The drift''s severity when the alert was made.';
comment on column alerts.title is 'One line.';
comment on column alerts.message is 'The whole text.';
comment on column alerts.is_read is 'Whether somebody has read it.';
comment on column alerts.read_at is 'When it was read.';
comment on column alerts.read_by is 'Who read it.';
comment on column alerts.created_at is 'When it was made.';
comment on column alerts.updated_at is 'When the row last changed; kept by trigger.';
