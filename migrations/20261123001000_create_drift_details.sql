create table drift_details (
    drift_id uuid primary key,
    changes jsonb not null,
    account_name text,
    declared_in text,
    cost_unknown_reason text,
    accrued_usd numeric not null default 0,
    accrued_until timestamptz not null,
    constraint drift_details_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade
);
comment on table drift_details is 'What we know of a drift beyond the columns of drifts.';
comment on column drift_details.drift_id is 'The drift.';
comment on column drift_details.changes is 'The difference for people: pointer, from, to.';
comment on column drift_details.account_name is 'Configured name of the account.';
comment on column drift_details.declared_in is 'Where the declaration stands; NULL if nothing declares the resource.';
comment on column drift_details.cost_unknown_reason is 'Why cost_impact_monthly is NULL.';
comment on column drift_details.accrued_usd is 'Exact cost up to accrued_until, so that rounding of cost_metrics does not add up.';
comment on column drift_details.accrued_until is 'End of the latest cost_metrics period.';

create table drift_events (
    id bigint generated always as identity primary key,
    drift_id uuid not null,
    event text not null,
    actor_id uuid,
    actor_email varchar(255),
    at timestamptz not null,
    details jsonb,
    constraint drift_events_drift_id_fkey foreign key (drift_id) references drifts (id) on delete cascade,
    constraint drift_events_actor_id_fkey foreign key (actor_id) references users (id)
);
create index drift_events_drift_id_idx on drift_events (drift_id, at);
comment on table drift_events is 'Timeline of a drift.';
comment on column drift_events.id is 'Order of writing.';
comment on column drift_events.drift_id is 'The drift.';
comment on column drift_events.event is 'detected, changed, triaged, approved, rejected, resolved.';
comment on column drift_events.actor_id is 'Who; NULL for DriftSentry itself.';
comment on column drift_events.actor_email is 'Address of the actor at the time.';
comment on column drift_events.at is 'When.';
comment on column drift_events.details is 'Reason, scan, pointers.';
