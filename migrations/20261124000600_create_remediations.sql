create table drift_approvals (
    drift_id uuid primary key,
    seen_hash text not null,
    rule text,
    job_id uuid,
    approved_at timestamptz not null,
    constraint drift_approvals_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade
);
comment on table drift_approvals is 'What an approval is bound to: the states that were seen.';
comment on column drift_approvals.drift_id is 'The drift.';
comment on column drift_approvals.seen_hash is 'SHA-256 over the canonical expected and actual state.';
comment on column drift_approvals.rule is 'The rule that approved it; NULL if somebody did.';
comment on column drift_approvals.job_id is 'The job that puts it back; NULL if remediation was not to apply anything.';
comment on column drift_approvals.approved_at is 'When it was approved last.';

create table remediations (
    job_id uuid primary key,
    drift_id uuid not null,
    account_id varchar(12) not null,
    region varchar(50) not null,
    resource_type varchar(50) not null,
    resource_id varchar(255) not null,
    scan_id uuid,
    state text not null,
    begun_at timestamptz not null,
    verify_until timestamptz,
    remaining jsonb,
    error text,
    finished_at timestamptz,
    constraint remediations_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade,
    constraint remediations_state_check check (state in ('acting', 'verifying', 'succeeded', 'failed'))
);
create unique index remediations_one_per_resource_idx
    on remediations (account_id, region, resource_type, resource_id) where state in ('acting', 'verifying');
create index remediations_drift_id_idx on remediations (drift_id);
create index remediations_begun_at_idx on remediations (begun_at);
comment on table remediations is 'Putting a drift back: one row per job that began with it.';
comment on column remediations.job_id is 'The job.';
comment on column remediations.drift_id is 'The drift.';
comment on column remediations.account_id is 'AWS account of the resource.';
comment on column remediations.region is 'AWS region of the resource; global for account-wide types.';
comment on column remediations.resource_type is 'Type of the resource.';
comment on column remediations.resource_id is 'The resource.';
comment on column remediations.scan_id is 'The scan that found the drift: its run is what max_per_run speaks of.';
comment on column remediations.state is 'acting: calls are made; verifying: waiting until AWS shows the declared state.';
comment on column remediations.begun_at is 'When it began; the hourly limits count from it.';
comment on column remediations.verify_until is 'When waiting ends in failure.';
comment on column remediations.remaining is 'JSON pointers that still differed when live state was last read.';
comment on column remediations.error is 'Why it failed.';
comment on column remediations.finished_at is 'When it succeeded or failed.';

create table remediation_attempts (
    id bigint generated always as identity primary key,
    job_id uuid not null,
    drift_id uuid not null,
    step integer not null,
    plan text not null,
    service text not null,
    operation text not null,
    parameters jsonb not null,
    restores jsonb not null,
    summary text not null,
    outcome text not null default 'begun',
    request_id text,
    error text,
    started_at timestamptz not null,
    finished_at timestamptz,
    constraint remediation_attempts_step_key unique (job_id, step),
    constraint remediation_attempts_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade,
    constraint remediation_attempts_outcome_check check (outcome in ('begun', 'done', 'nothing_to_do', 'failed'))
);
create index remediation_attempts_drift_id_idx on remediation_attempts (drift_id, id);
comment on table remediation_attempts is
    'Every call that changes AWS: written before it is made, its outcome after.';
comment on column remediation_attempts.id is 'Order of writing.';
comment on column remediation_attempts.job_id is 'The job that made it.';
comment on column remediation_attempts.drift_id is 'The drift that it is to put back.';
comment on column remediation_attempts.step is 'Which call of the job, from 1; unique, so that of two workers that hold one job by mistake only one calls.';
comment on column remediation_attempts.plan is 'SHA-256 of the plan that the call belongs to.';
comment on column remediation_attempts.service is 'AWS service.';
comment on column remediation_attempts.operation is 'API operation.';
comment on column remediation_attempts.parameters is 'Its parameters as AWS names them.';
comment on column remediation_attempts.restores is 'JSON pointers of the changes that it puts back.';
comment on column remediation_attempts.summary is 'What it does, for people.';
comment on column remediation_attempts.outcome is
    'begun: no answer is known, it may have taken effect; nothing_to_do: it was so already.';
comment on column remediation_attempts.request_id is 'AWS''s id of the request.';
comment on column remediation_attempts.error is 'What AWS answered instead.';
comment on column remediation_attempts.started_at is 'When it was written, just before the call.';
comment on column remediation_attempts.finished_at is 'When its outcome was written.';

create table remediation_switch (
    id boolean primary key default true,
    stopped boolean not null,
    reason text,
    actor_id uuid,
    actor_email varchar(255),
    at timestamptz not null,
    constraint remediation_switch_one_row check (id),
    constraint remediation_switch_actor_id_fkey foreign key (actor_id) references users (id)
);
comment on table remediation_switch is 'The global stop: one row, or none while nobody has used it.';
comment on column remediation_switch.id is 'Always true.';
comment on column remediation_switch.stopped is 'Whether no call that changes AWS may be made.';
comment on column remediation_switch.reason is 'Why.';
comment on column remediation_switch.actor_id is 'Who said so last.';
comment on column remediation_switch.actor_email is 'Address of the actor at the time.';
comment on column remediation_switch.at is 'When.';

alter table drift_details add column recurs_after uuid;
comment on column drift_details.recurs_after is
    'The drift that was put back within a day before this one and changed the same; NULL if there was none.';
