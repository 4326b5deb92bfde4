create table audit_logs (
    id uuid primary key,
    drift_id uuid,
    action varchar(100) not null,
    actor_id uuid,
    actor_email varchar(255),
    old_value jsonb,
    new_value jsonb,
    details jsonb,
    ip_address inet,
    user_agent varchar(500),
    created_at timestamptz default now(),
    constraint audit_logs_action_check check (
        action in ('drift_created', 'drift_approved', 'drift_rejected', 'drift_resolved', 'user_login', 'user_logout')
    ),
    constraint audit_logs_drift_id_fkey foreign key (drift_id) references drifts (id) on delete set null,
    constraint audit_logs_actor_id_fkey foreign key (actor_id) references users (id)
);
create index audit_logs_drift_id_idx on audit_logs (drift_id);
create index audit_logs_actor_id_idx on audit_logs (actor_id);
create index audit_logs_created_at_idx on audit_logs (created_at desc);
create index audit_logs_action_idx on audit_logs (action);

create function refuse_audit_log_change() returns trigger language plpgsql as $$
begin
    -- The foreign key's own SET NULL: nothing but drift_id changes, from within a trigger, and the drift is gone.
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1
        and old.drift_id is not null and new.drift_id is null
        and to_jsonb(new) - 'drift_id' = to_jsonb(old) - 'drift_id'
        and not exists (select from drifts where id = old.drift_id)
    then
        return new;
    end if;
    raise exception 'audit_logs is append-only: % refused', tg_op
        using errcode = 'insufficient_privilege';
end
$$;
comment on function refuse_audit_log_change() is
    'Refuses UPDATE, DELETE and TRUNCATE of audit_logs, save the SET NULL of drift_id when a drift is deleted.';
create trigger audit_logs_refuse_change before update or delete on audit_logs
    for each row execute function refuse_audit_log_change();
create trigger audit_logs_refuse_truncate before truncate on audit_logs
    for each statement execute function refuse_audit_log_change();

comment on table audit_logs is 'Immutable record of all actions.';
comment on column audit_logs.id is 'The record.';
comment on column audit_logs.drift_id is 'The drift acted on; NULL once the drift is deleted.';
comment on column audit_logs.action is 'What was done.';
comment on column audit_logs.actor_id is 'Who did it; NULL for DriftSentry itself.';
comment on column audit_logs.actor_email is 'Address of the actor at the time.';
comment on column audit_logs.old_value is 'State before.';
comment on column audit_logs.new_value is 'State after.';
comment on column audit_logs.details is 'Context: scan, reason.';
comment on column audit_logs.ip_address is 'Address the request came from.';
comment on column audit_logs.user_agent is 'Program the request came from.';
comment on column audit_logs.created_at is 'When it was done.';
