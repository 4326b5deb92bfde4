create table ignore_rules (
    id uuid primary key,
    account_id text,
    region text,
    resource_type text,
    resource_id text,
    paths text[] not null,
    reason text,
    until date,
    drift_id uuid,
    created_at timestamptz not null,
    created_by uuid,
    created_by_email varchar(255),
    removed_at timestamptz,
    removed_by uuid,
    removed_by_email varchar(255),
    constraint ignore_rules_drift_id_fkey foreign key (drift_id) references drifts (id) on delete set null,
    constraint ignore_rules_created_by_fkey foreign key (created_by) references users (id),
    constraint ignore_rules_removed_by_fkey foreign key (removed_by) references users (id)
);
create index ignore_rules_in_force_idx on ignore_rules (id) where removed_at is null;
comment on table ignore_rules is 'Differences that are not drift, said by people about one drift; more stand in the configuration.';
comment on column ignore_rules.id is 'The rule.';
comment on column ignore_rules.account_id is 'Glob over account ids; NULL for all.';
comment on column ignore_rules.region is 'Glob over regions; NULL for all.';
comment on column ignore_rules.resource_type is 'Glob over type names; NULL for all.';
comment on column ignore_rules.resource_id is 'Glob over resource ids; NULL for all.';
comment on column ignore_rules.paths is
    'Globs over JSON pointers, of which one must match; an empty text means missing or undeclared as a whole.';
comment on column ignore_rules.reason is 'Why, in the user''s words.';
comment on column ignore_rules.until is 'The last day (UTC) on which it holds; NULL for ever.';
comment on column ignore_rules.drift_id is 'The drift that it was said about.';
comment on column ignore_rules.created_at is 'When it was made.';
comment on column ignore_rules.created_by is 'Who made it; NULL if nobody was named.';
comment on column ignore_rules.created_by_email is 'Address of that user at the time.';
comment on column ignore_rules.removed_at is 'When it was taken back; NULL while it is in force.';
comment on column ignore_rules.removed_by is 'Who took it back.';
comment on column ignore_rules.removed_by_email is 'Address of that user at the time.';

create table ignore_rule_uses (
    rule text primary key,
    first_seen_at timestamptz not null,
    last_matched_at timestamptz,
    total bigint not null default 0
);
comment on table ignore_rule_uses is 'What is remembered of each ignore rule, of the database or of the configuration.';
comment on column ignore_rule_uses.rule is 'Id of a rule of ignore_rules, or the selectors of one of the configuration.';
comment on column ignore_rule_uses.first_seen_at is 'When a scan first applied it.';
comment on column ignore_rule_uses.last_matched_at is 'When it last covered a change; NULL if it never did.';
comment on column ignore_rule_uses.total is 'Changes that it covered, each scan counted.';

create table ignore_matches (
    scan_id uuid not null,
    rule text not null,
    label text not null,
    reason text,
    changes bigint not null,
    constraint ignore_matches_pkey primary key (scan_id, rule),
    constraint ignore_matches_scan_id_fkey foreign key (scan_id) references scans (id) on delete cascade
);
comment on table ignore_matches is 'How many changes each ignore rule covered in each scan.';
comment on column ignore_matches.scan_id is 'The scan.';
comment on column ignore_matches.rule is 'As in ignore_rule_uses.';
comment on column ignore_matches.label is 'The rule''s selectors, for people.';
comment on column ignore_matches.reason is 'The rule''s reason at the time.';
comment on column ignore_matches.changes is 'Changes that it covered.';
