create table deliveries (
    alert_id uuid not null,
    channel text not null,
    state text not null default 'pending',
    attempts integer not null default 0,
    delivered_at timestamptz,
    last_error text,
    locked_until timestamptz,
    created_at timestamptz not null default now(),
    constraint deliveries_pkey primary key (alert_id, channel),
    constraint deliveries_alert_id_fkey foreign key (alert_id) references alerts (id) on delete cascade,
    constraint deliveries_state_check check (state in ('pending', 'sending', 'delivered', 'failed'))
);
create index deliveries_state_idx on deliveries (state) where state <> 'delivered';
comment on table deliveries is 'One row per alert and channel.';
comment on column deliveries.alert_id is 'The alert.';
comment on column deliveries.channel is 'Configured name of the channel.';
comment on column deliveries.state is 'pending, sending, delivered, or failed for good.';
comment on column deliveries.attempts is 'Times that sending was begun.';
comment on column deliveries.delivered_at is 'When the receiver took it.';
comment on column deliveries.last_error is 'Why the last attempt failed.';
comment on column deliveries.locked_until is 'While sending: nobody else sends before this.';
comment on column deliveries.created_at is 'When it was routed.';
