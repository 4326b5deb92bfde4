-- What a scan knows of the estate and what it does not, by part and as a whole.
alter table scan_shards
    add column resources_declared bigint not null default 0,
    add column resources_in_sync bigint not null default 0,
    add column resources_missing bigint not null default 0,
    add column resources_converging bigint not null default 0,
    add column resources_unmanaged bigint,
    add column attributes_unknown bigint not null default 0,
    add column changes_ignored bigint not null default 0,
    add column missing_actions jsonb not null default '[]',
    add column notes jsonb not null default '[]';

comment on column scan_shards.resources_unknown is 'Resources of which something could not be read or compared; one may be a drift, too.';
comment on column scan_shards.resources_declared is 'Resources that are declared here, whether they exist or not.';
comment on column scan_shards.resources_in_sync is 'Declared resources that were read whole and are as declared.';
comment on column scan_shards.resources_missing is 'Declared resources that AWS does not have.';
comment on column scan_shards.resources_converging is 'Declared resources that AWS is still changing, or will bring to what is declared.';
comment on column scan_shards.resources_unmanaged is 'Live resources that nothing declares; NULL where no listing told of them.';
comment on column scan_shards.attributes_unknown is 'Declared attributes that could not be read or compared.';
comment on column scan_shards.changes_ignored is 'Changes that ignore rules cover.';
comment on column scan_shards.missing_actions is 'IAM actions that the credentials lack, and how many resources and attributes each hides.';
comment on column scan_shards.notes is 'What is to be known of single resources beside drifts and failed reads.';

alter table scans
    add column resources_declared bigint not null default 0,
    add column resources_in_sync bigint not null default 0,
    add column resources_missing bigint not null default 0,
    add column resources_unknown bigint not null default 0,
    add column resources_converging bigint not null default 0,
    add column resources_unmanaged bigint,
    add column attributes_unknown bigint not null default 0,
    add column changes_ignored bigint not null default 0,
    add column missing_actions jsonb not null default '[]';

comment on column scans.resources_declared is 'Resources that are declared where it looked, whether they exist or not.';
comment on column scans.resources_in_sync is 'Declared resources that were read whole and are as declared.';
comment on column scans.resources_missing is 'Declared resources that AWS does not have.';
comment on column scans.resources_unknown is 'Resources of which something could not be read or compared; one may be a drift, too.';
comment on column scans.resources_converging is 'Declared resources that AWS is still changing, or will bring to what is declared.';
comment on column scans.resources_unmanaged is 'Live resources that nothing declares, as far as listings told of them; NULL where none did.';
comment on column scans.attributes_unknown is 'Declared attributes that could not be read or compared.';
comment on column scans.changes_ignored is 'Changes that ignore rules cover.';
comment on column scans.missing_actions is 'IAM actions that credentials lack, each once per account, and what each hides.';
