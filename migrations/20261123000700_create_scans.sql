create table scans (
    id uuid primary key,
    schedule text,
    detected_by varchar(50) not null,
    status text not null,
    resources_scanned bigint not null default 0,
    drifts_found bigint not null default 0,
    drifts_resolved bigint not null default 0,
    api_calls bigint not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz,
    error text,
    created_at timestamptz not null default now(),
    constraint scans_detected_by_check check (detected_by in ('scheduler', 'manual', 'api')),
    constraint scans_status_check check (status in ('queued', 'running', 'succeeded', 'partial', 'failed'))
);
create index scans_started_at_idx on scans (started_at desc);
create index scans_open_idx on scans (schedule) where status in ('queued', 'running');

comment on table scans is 'One run over the estate, made of shards.';
comment on column scans.id is 'The scan.';
comment on column scans.schedule is 'Name of the schedule; NULL if none made it happen.';
comment on column scans.detected_by is 'Who made it happen.';
comment on column scans.status is 'queued and running are open; partial means that something could not be read.';
comment on column scans.resources_scanned is 'Live resources that were compared.';
comment on column scans.drifts_found is 'Resources that differ, known before or not.';
comment on column scans.drifts_resolved is 'Drifts that this scan found to be over.';
comment on column scans.api_calls is 'HTTP requests sent to AWS, retries included.';
comment on column scans.started_at is 'When it was asked for.';
comment on column scans.finished_at is 'When its last shard was done.';
comment on column scans.error is 'What could not be read and why, in words.';
comment on column scans.created_at is 'When the row was made.';

create table scan_shards (
    scan_id uuid not null,
    account_id varchar(12) not null,
    region varchar(50) not null,
    resource_type varchar(50) not null,
    status text not null,
    resources_scanned bigint not null default 0,
    drifts_found bigint not null default 0,
    drifts_resolved bigint not null default 0,
    resources_unknown bigint not null default 0,
    api_calls bigint not null default 0,
    error text,
    job_id uuid,
    read_started_at timestamptz,
    finished_at timestamptz,
    constraint scan_shards_pkey primary key (scan_id, account_id, region, resource_type),
    constraint scan_shards_scan_id_fkey foreign key (scan_id) references scans (id) on delete cascade,
    constraint scan_shards_status_check check (status in ('queued', 'running', 'succeeded', 'partial', 'failed'))
);
create index scan_shards_open_idx on scan_shards (job_id) where status in ('queued', 'running');
create index scan_shards_scope_idx on scan_shards (account_id, region, resource_type, read_started_at desc);

comment on table scan_shards is 'One account, region and type of a scan: the unit of work and of retry.';
comment on column scan_shards.scan_id is 'The scan.';
comment on column scan_shards.account_id is 'AWS account.';
comment on column scan_shards.region is 'AWS region; global for account-wide types.';
comment on column scan_shards.resource_type is 'Type name.';
comment on column scan_shards.status is 'As in scans.';
comment on column scan_shards.resources_scanned is 'Live resources that were compared.';
comment on column scan_shards.drifts_found is 'Resources that differ.';
comment on column scan_shards.drifts_resolved is 'Drifts found to be over.';
comment on column scan_shards.resources_unknown is 'Resources of which something could not be read.';
comment on column scan_shards.api_calls is 'HTTP requests sent to AWS, retries included.';
comment on column scan_shards.error is 'What could not be read and why, in words.';
comment on column scan_shards.job_id is 'The job that works on it.';
comment on column scan_shards.read_started_at is 'When reading began; what was read later wins over what was read earlier.';
comment on column scan_shards.finished_at is 'When it was done.';
