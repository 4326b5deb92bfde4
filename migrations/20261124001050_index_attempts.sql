-- What failed of late is counted without a look at all attempts.
create index job_attempts_finished_at_idx on job_attempts using brin (finished_at) with (autosummarize = on);
