create table drifts (
    id uuid primary key,
    resource_id varchar(255) not null,
    resource_type varchar(50) not null,
    region varchar(50) not null,
    account_id varchar(12),
    expected_state jsonb not null,
    actual_state jsonb not null,
    difference jsonb not null,
    severity varchar(20) not null,
    cost_impact_monthly decimal(10, 2) default 0,
    status varchar(50) not null,
    detected_at timestamptz not null,
    detected_by varchar(50) not null,
    approved_at timestamptz,
    approved_by uuid,
    approval_reason text,
    rejected_at timestamptz,
    rejected_by uuid,
    rejection_reason text,
    resolved_at timestamptz,
    resolved_how varchar(50),
    created_at timestamptz default now(),
    updated_at timestamptz,
    constraint drifts_severity_check check (severity in ('critical', 'warning', 'info')),
    constraint drifts_status_check check (status in ('detected', 'triaged', 'approved', 'rejected', 'resolved')),
    constraint drifts_detected_by_check check (detected_by in ('scheduler', 'manual', 'api')),
    constraint drifts_resolved_how_check check (resolved_how in ('auto-remediate', 'manual-fix', 'acknowledged')),
    constraint drifts_approved_by_fkey foreign key (approved_by) references users (id),
    constraint drifts_rejected_by_fkey foreign key (rejected_by) references users (id)
);
create index drifts_status_idx on drifts (status);
create index drifts_severity_idx on drifts (severity);
create index drifts_resource_type_region_idx on drifts (resource_type, region);
create index drifts_detected_at_idx on drifts (detected_at desc);
create index drifts_created_at_idx on drifts (created_at desc);
create index drifts_resource_id_idx on drifts (resource_id);
create trigger drifts_update_timestamp before update on drifts for each row execute function update_timestamp();

create function validate_drift_status_transition() returns trigger language plpgsql as $$
begin
    if old.status = 'resolved' then
        raise exception 'drift % is resolved: no changes allowed', old.id
            using errcode = 'check_violation', constraint = 'drifts_status_transition';
    end if;
    if new.status is distinct from old.status and not (
        (old.status = 'detected' and new.status in ('triaged', 'rejected'))
        or (old.status = 'triaged' and new.status in ('approved', 'rejected'))
        or (old.status = 'approved' and new.status = 'resolved')
        or (old.status = 'rejected' and new.status = 'resolved')
    ) then
        raise exception 'drift %: status cannot go from % to %', old.id, old.status, new.status
            using errcode = 'check_violation', constraint = 'drifts_status_transition';
    end if;
    return new;
end
$$;
comment on function validate_drift_status_transition() is
    'detected -> triaged, rejected; triaged -> approved, rejected; approved -> resolved; rejected -> resolved; resolved is final.';
create trigger drifts_validate_status_transition before update on drifts
    for each row execute function validate_drift_status_transition();

comment on table drifts is 'Infrastructure drift: a resource that is not as declared.';
comment on column drifts.id is 'The drift.';
comment on column drifts.resource_id is 'Instance id, DB instance identifier, bucket name, role name or group id.';
comment on column drifts.resource_type is 'EC2, RDS, S3, IAM_ROLE, SECURITY_GROUP.';
comment on column drifts.region is 'AWS region; global for account-wide resources.';
comment on column drifts.account_id is 'AWS account, twelve digits.';
comment on column drifts.expected_state is 'Declared state; JSON null if nothing declares the resource.';
comment on column drifts.actual_state is 'Live state of the declared attributes; JSON null if the resource is gone.';
comment on column drifts.difference is 'RFC 6902 patch; applied to expected_state it yields actual_state.';
comment on column drifts.severity is 'The worst change decides.';
comment on column drifts.cost_impact_monthly is 'USD per 730-hour month, actual less expected; NULL is unknown, 0 is known to cost nothing.';
comment on column drifts.status is 'Where the drift is in its life.';
comment on column drifts.detected_at is 'When a scan first saw it.';
comment on column drifts.detected_by is 'Who made that scan happen.';
comment on column drifts.approved_at is 'When it was approved to be put back.';
comment on column drifts.approved_by is 'Who approved it.';
comment on column drifts.approval_reason is 'Why.';
comment on column drifts.rejected_at is 'When it was decided to stay.';
comment on column drifts.rejected_by is 'Who decided so; NULL if live matched expected again by itself.';
comment on column drifts.rejection_reason is 'Why.';
comment on column drifts.resolved_at is 'When it was over.';
comment on column drifts.resolved_how is 'How it ended.';
comment on column drifts.created_at is 'When the row was made.';
comment on column drifts.updated_at is 'When the row last changed; kept by trigger.';
