create function update_timestamp() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;
comment on function update_timestamp() is 'Keeps updated_at at the time of the last update.';

create table users (
    id uuid primary key default gen_random_uuid(),
    email varchar(255) not null,
    password_hash varchar(255) not null,
    first_name varchar(100),
    last_name varchar(100),
    avatar_url varchar(500),
    role varchar(50) not null default 'viewer',
    is_active boolean default true,
    created_at timestamptz default now(),
    updated_at timestamptz,
    last_login_at timestamptz,
    constraint users_email_key unique (email),
    constraint users_email_check check (email ~* '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:].]+$'),
    constraint users_role_check check (role in ('admin', 'engineer', 'viewer'))
);
create index users_email_idx on users (email);
create index users_created_at_idx on users (created_at desc);
create index users_role_idx on users (role);
create trigger users_update_timestamp before update on users for each row execute function update_timestamp();

comment on table users is 'User accounts and authentication.';
comment on column users.id is 'The user.';
comment on column users.email is 'Address that signs in and is named in the audit trail.';
comment on column users.password_hash is 'Argon2id in PHC string form; never a password.';
comment on column users.first_name is 'Given name.';
comment on column users.last_name is 'Family name.';
comment on column users.avatar_url is 'Picture.';
comment on column users.role is 'viewer reads, engineer also acts on drifts, admin also manages users.';
comment on column users.is_active is 'False locks the account out.';
comment on column users.created_at is 'When the account was made.';
comment on column users.updated_at is 'When the row last changed; kept by trigger.';
comment on column users.last_login_at is 'When the user last signed in.';
