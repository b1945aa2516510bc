/** Brings the schema up to date. Many sidecars may start at once. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Head } from '../shared/groups.ts'
import { type LogLimits, printLimits, readLimits } from '../shared/limits.ts'
import type { Connection } from './connection.ts'
import { MIGRATIONS, SCHEMA_VERSION } from './migrations.ts'

/** The advisory lock of changes to the schema: any number that no other program uses. */
export const SCHEMA_LOCK = 7_307_100_423

/** Runs the migrations that are missing. `limits` are for a log that is created. Rejects with {@link NewerSchema}. */
export async function migrate({ query }: Connection, schema: string, limits: LogLimits): Promise<Head> {
  const found = await query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    `${schema}.migrations`,
  ])
  const version = found[0]!.exists ? await versionOf(query, schema) : 0
  if (version > SCHEMA_VERSION) throw new NewerSchema(version)
  if (version < SCHEMA_VERSION) await query(migrationText(schema, limits))
  return await headOf(query, schema)
}

/** Reads the head of a log, and changes nothing. Rejects with {@link NewerSchema}, {@link OlderSchema} or {@link NoSchema}. */
export async function readHead({ query }: Connection, schema: string): Promise<Head> {
  const [found] = await query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    `${schema}.migrations`,
  ])
  if (found?.exists !== true) throw new NoSchema(schema.replaceAll('"', ''))
  const version = await versionOf(query, schema)
  if (version > SCHEMA_VERSION) throw new NewerSchema(version)
  if (version < SCHEMA_VERSION) throw new OlderSchema(version)
  return await headOf(query, schema)
}

async function headOf(query: Connection['query'], schema: string): Promise<Head> {
  const [head] = await query<{ log_id: string; seed: [number, number]; limits: string }>(
    `select log_id, seed, limits::text as limits from ${schema}.head`,
  )
  return { id: head!.log_id, seed: head!.seed, limits: readLimits(head!.limits) }
}

async function versionOf(query: Connection['query'], schema: string): Promise<number> {
  const [row] = await query<{ version: number }>(
    `select coalesce(max(version), 0)::int as version from ${schema}.migrations`,
  )
  return row!.version
}

/**
 * One text of several statements, which the server runs as one transaction. `if not exists` alone is no protection: of many sidecars that
 * start at once, most would fail. So all wait for the lock, and look again behind it.
 */
function migrationText(schema: string, limits: LogLimits): string {
  const steps = MIGRATIONS.map((text, i) => {
    const version = i + 1
    const body = text.replaceAll('{schema}', schema)
    return `if not exists (select 1 from ${schema}.migrations where version = ${version}) then
${body}
insert into ${schema}.migrations (version) values (${version});
end if;`
  })
  const random = randomBytes(8)
  const seed = JSON.stringify([random.readUInt32LE(0), random.readUInt32LE(4)])
  return `
do $migration$
begin
perform pg_advisory_xact_lock(${SCHEMA_LOCK});
create schema if not exists ${schema};
create table if not exists ${schema}.migrations (version int primary key, at timestamptz not null default now());
${steps.join('\n')}
insert into ${schema}.head values (true, 0, '', '', 1, '', 0, '${randomUUID()}', '${seed}', '${printLimits(limits)}')
on conflict do nothing;
end
$migration$`
}

/** There is no store. */
export class NoSchema extends Error {
  override readonly name = 'NoSchema'
  /** As that of a missing file. */
  readonly exitCode = 74

  constructor(schema: string) {
    super(`there is no store in the schema ${schema}`)
  }
}

/** The schema was written by an older version. Only a start for writing updates it. */
export class OlderSchema extends Error {
  override readonly name = 'OlderSchema'
  readonly exitCode = 78

  constructor(version: number) {
    super(`the schema has version ${version}, not ${SCHEMA_VERSION}: a sidecar of this version updates it at its start`)
  }
}

/** The schema was written by a newer version. Nothing was changed. */
export class NewerSchema extends Error {
  override readonly name = 'NewerSchema'
  readonly exitCode = 78
  readonly version: number

  constructor(version: number) {
    super(`the schema has version ${version}, and this version of the program reads up to ${SCHEMA_VERSION}`)
    this.version = version
  }
}
