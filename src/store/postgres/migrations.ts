/** The schema of a PostgreSQL store, as numbered migrations. A migration that was released is never changed; the next one is appended. */

const KEY_METRICS = `{schema}.key_metrics as
select
  agent_name,
  model_name,
  issue_type,
  count(*) as total_attempts,
  count(*) filter (where success) as successful_fixes,
  count(*) filter (where not success) as failed_fixes,
  100.0 * avg(success::int) as success_rate,
  avg(confidence) as avg_confidence,
  avg(time_seconds) as avg_time_seconds,
  max(ended_at) as last_updated
from {schema}.attempts
group by agent_name, model_name, issue_type;`

/** `{schema}` stands for the quoted name of the schema. Each runs once, in the transaction that holds the lock of the migrations. */
export const MIGRATIONS: readonly string[] = [
  `
create table {schema}.head (
  one boolean primary key default true check (one),
  last bigint not null,             -- sequence of the newest group
  chain text not null,              -- hash chain over (writer, number) of all groups
  before_chain text not null,       -- the chain before the newest group
  first bigint not null,            -- sequence of the oldest group that has not expired
  first_chain text not null,        -- the chain before it
  reset_at bigint not null,         -- sequence of the last reset
  log_id uuid not null,
  seed jsonb not null,              -- of the dedup window, the same for all sidecars
  limits jsonb not null             -- the same for all sidecars
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
comment on table {schema}.head is 'The end of the log. Updating it puts all groups in one order.';

create table {schema}.writers (
  writer uuid primary key,
  number bigint not null,           -- of the writer's newest group
  seen timestamptz not null default now()
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create table {schema}.log (
  seq bigint not null,
  kept_at timestamptz not null,
  writer uuid not null,
  number bigint not null,
  chain text not null,
  before_chain text not null,
  records text not null,            -- one JSON array per line: [received ms, dedup ms, record]
  primary key (seq, kept_at)
) partition by range (kept_at);
comment on table {schema}.log is 'The truth. Never delete rows by hand: a sidecar that finds a hole stops folding.';

create table {schema}.attempts (
  seq bigint not null,
  place int not null,
  kept_at timestamptz not null,
  ended_at timestamptz not null,
  agent_name text not null,
  model_name text not null,
  issue_type text not null,
  success boolean,
  confidence float8,
  time_seconds float8 not null,
  attempt_id text,
  error_type text,
  experiment text,
  variant text,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_tokens bigint,
  cost_usd float8
) partition by range (kept_at);
comment on table {schema}.attempts is 'Attempts as rows, for SQL. No sidecar reads them. They expire with the log.';
create index on {schema}.attempts using brin (seq);
create index on {schema}.attempts (agent_name, model_name, issue_type, ended_at);
create index on {schema}.attempts (attempt_id) where attempt_id is not null;

create table {schema}.repeats (
  seq bigint not null,
  place int not null,               -- index of a record that repeats a known attempt_id: it counts nowhere
  primary key (seq, place)
);

create table {schema}.snapshots (
  id bigint generated always as identity primary key,
  seq bigint not null,
  chain text not null,
  blocks jsonb not null,            -- bytes and CRC-32 of each block
  begun_at timestamptz not null default now(),
  complete boolean not null default false
);
create table {schema}.snapshot_parts (
  snapshot bigint not null references {schema}.snapshots on delete cascade,
  part int not null,
  body bytea not null,
  primary key (snapshot, part)
);

create view ${KEY_METRICS}`,
  // Without it, a lost answer is looked for in the whole log, which takes longer than a statement may.
  'create index on {schema}.log (writer, number);',
  // A reset forgets attempts without a large delete: the view leaves them out.
  `
alter table {schema}.attempts rename to attempt_rows;
execute coalesce(
  (select string_agg(format('alter table {schema}.%I rename to %I', c.relname, replace(c.relname, 'attempts_', 'attempt_rows_')), ';')
   from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass('{schema}.attempt_rows')),
  'select 1');
create view {schema}.attempts as
select * from {schema}.attempt_rows where seq > (select reset_at from {schema}.head);
comment on view {schema}.attempts is 'Attempts as rows, for SQL. They expire with the log.';
create or replace view ${KEY_METRICS}`,
]

/** The migrations of a store are exactly these. A database with more was written by a newer version. */
export const SCHEMA_VERSION: number = MIGRATIONS.length
