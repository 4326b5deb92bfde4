create table sessions (
    id uuid primary key,
    user_id uuid,
    refresh_token varchar(500) not null,
    ip_address inet,
    user_agent varchar(500),
    is_revoked boolean default false,
    expires_at timestamptz not null,
    created_at timestamptz default now(),
    last_used_at timestamptz,
    constraint sessions_refresh_token_key unique (refresh_token),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index sessions_user_id_idx on sessions (user_id);
create index sessions_refresh_token_idx on sessions (refresh_token);
create index sessions_expires_at_idx on sessions (expires_at);

comment on table sessions is 'JWT refresh tokens.';
comment on column sessions.id is 'The session.';
comment on column sessions.user_id is 'Whose it is.';
comment on column sessions.refresh_token is 'SHA-256 of the token in lower-case hex; never the token.';
comment on column sessions.ip_address is 'Address that signed in.';
comment on column sessions.user_agent is 'Program that signed in.';
comment on column sessions.is_revoked is 'True ends it before its time.';
comment on column sessions.expires_at is 'When it ends by itself.';
comment on column sessions.created_at is 'When it began.';
comment on column sessions.last_used_at is 'When it was last used.';
