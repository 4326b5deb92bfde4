create table baseline_versions (
    version bigint primary key,
    act text not null,
    created_at timestamptz not null,
    created_by uuid,
    created_by_email varchar(255),
    note text,
    drift_id uuid,
    added bigint not null default 0,
    changed bigint not null default 0,
    removed bigint not null default 0,
    resources bigint not null default 0,
    constraint baseline_versions_created_by_fkey foreign key (created_by) references users (id),
    constraint baseline_versions_drift_id_fkey foreign key (drift_id) references drifts (id) on delete set null,
    constraint baseline_versions_act_check check (act in ('captured', 'accepted', 'removed'))
);
comment on table baseline_versions is 'Each act that made the baseline what it is: expected state that is kept here.';
comment on column baseline_versions.version is 'Counts up from 1 without gaps; the highest one is in force.';
comment on column baseline_versions.act is 'captured from live state, accepted from one drift, or removed by hand.';
comment on column baseline_versions.created_at is 'When.';
comment on column baseline_versions.created_by is 'Who; NULL if nobody was named.';
comment on column baseline_versions.created_by_email is 'Address of the user at the time.';
comment on column baseline_versions.note is 'Why, in the user''s words.';
comment on column baseline_versions.drift_id is 'The drift whose live state was accepted.';
comment on column baseline_versions.added is 'Resources that the version before did not hold.';
comment on column baseline_versions.changed is 'Resources that the version before held otherwise.';
comment on column baseline_versions.removed is 'Resources that the version before held and this one does not.';
comment on column baseline_versions.resources is 'Resources that this version holds.';

create table baseline_resources (
    account_id varchar(12) not null,
    region varchar(50) not null,
    resource_type varchar(50) not null,
    resource_id varchar(255) not null,
    since_version bigint not null,
    until_version bigint,
    state jsonb not null,
    constraint baseline_resources_pkey
        primary key (account_id, region, resource_type, resource_id, since_version),
    constraint baseline_resources_since_version_fkey
        foreign key (since_version) references baseline_versions (version),
    constraint baseline_resources_until_version_fkey
        foreign key (until_version) references baseline_versions (version),
    constraint baseline_resources_until_version_check check (until_version > since_version)
);
create unique index baseline_resources_current_idx
    on baseline_resources (account_id, region, resource_type, resource_id) where until_version is null;
comment on table baseline_resources is 'What the baseline says of each resource, and in which versions it says so.';
comment on column baseline_resources.account_id is 'AWS account.';
comment on column baseline_resources.region is 'AWS region; global for account-wide types.';
comment on column baseline_resources.resource_type is 'Type name.';
comment on column baseline_resources.resource_id is 'Id of the resource in its type.';
comment on column baseline_resources.since_version is 'First version that says this.';
comment on column baseline_resources.until_version is 'First version that does not say it any more; NULL if the newest one does.';
comment on column baseline_resources.state is 'Expected state: attribute to value, canonical.';
