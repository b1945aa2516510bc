/** The tables and views of a SQLite store. Other programs may read the views while a sidecar runs. */

/** `PRAGMA user_version` of the schema. A higher one was written by a newer version. */
export const SCHEMA_VERSION = 1

/** Created in one transaction. `log` holds the truth; the views only present it. Never delete rows of `log` by hand. */
export const SCHEMA = `
create table head (
  one integer primary key check (one = 1),
  position text not null,        -- of the newest group
  first integer not null,        -- sequence of the oldest group that has not expired
  before_first text not null,    -- the position before it
  reset_at integer not null,     -- sequence of the last reset
  bytes integer not null,        -- of the records of all groups
  log_id text not null,
  seed text not null,            -- of the dedup window, the same for all sidecars
  limits text not null           -- JSON, the same for all sidecars
) strict;
create table writers (
  writer text primary key,
  number integer not null,       -- of the writer's newest group
  position text not null,
  after text not null,
  seen_ms integer not null
) strict, without rowid;
create table log (
  sequence integer primary key,
  position text not null,
  after text not null,
  writer text not null,
  number integer not null,
  kept_ms integer not null,      -- milliseconds since the epoch, by the writer's clock
  records text not null          -- one JSON array per line: [received ms, dedup ms, record]
) strict;
create index log_kept on log (kept_ms);
create table repeats (
  sequence integer not null,
  place integer not null,        -- index of a record that repeats a known attempt_id: it counts nowhere
  primary key (sequence, place)
) strict, without rowid;
create table snapshots (
  id integer primary key,
  position text not null,
  sequence integer not null,
  blocks text not null,          -- JSON: bytes and CRC-32 of each block
  begun_ms integer not null,
  complete integer not null
) strict;
create table snapshot_parts (
  snapshot integer not null references snapshots on delete cascade,
  part integer not null,
  body blob not null,
  primary key (snapshot, part)
) strict, without rowid;

create view attempts as
select
  log.sequence,
  record.key as place,
  record.value ->> '$[2].timestamp' as timestamp,
  record.value ->> '$[2].agent_name' as agent_name,
  record.value ->> '$[2].model_name' as model_name,
  record.value ->> '$[2].issue_type' as issue_type,
  record.value ->> '$[2].success' as success,
  record.value ->> '$[2].confidence' as confidence,
  record.value ->> '$[2].time_seconds' as time_seconds,
  record.value ->> '$[2].attempt_id' as attempt_id,
  record.value ->> '$[2].error_type' as error_type,
  record.value ->> '$[2].experiment' as experiment,
  record.value ->> '$[2].variant' as variant,
  record.value ->> '$[2].input_tokens' as input_tokens,
  record.value ->> '$[2].output_tokens' as output_tokens,
  record.value ->> '$[2].cache_read_tokens' as cache_read_tokens,
  record.value ->> '$[2].cache_write_tokens' as cache_write_tokens,
  record.value ->> '$[2].cost_usd' as cost_usd
from head, log, json_each('[' || replace(rtrim(log.records, char(10)), char(10), ',') || ']') as record
where log.sequence > head.reset_at
  and record.value ->> '$[2].agent_name' is not null
  and not exists (select 1 from repeats where repeats.sequence = log.sequence and repeats.place = record.key);

create view key_metrics as
select
  agent_name,
  model_name,
  issue_type,
  count(*) as total_attempts,
  sum(success) as successful_fixes,
  count(*) - sum(success) as failed_fixes,
  100.0 * sum(success) / count(*) as success_rate,
  avg(confidence) as avg_confidence,
  avg(time_seconds) as avg_time_seconds,
  max(timestamp) as last_updated
from attempts
group by agent_name, model_name, issue_type;
`
