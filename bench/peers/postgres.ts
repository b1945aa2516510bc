/** PostgreSQL with fsync and synchronous_commit: pgbench sends an insert and an upsert per attempt. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runPinned, startPinned } from '../support/pinned.ts'
import type { Bench } from '../support/row.ts'

const VERSIONS = '/usr/lib/postgresql'
const BINARIES: string | undefined = existsSync(VERSIONS)
  ? readdirSync(VERSIONS)
      .map(version => join(VERSIONS, version, 'bin'))
      .findLast(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'pgbench')))
  : undefined

export const hasPostgres: boolean = BINARIES !== undefined

const SCHEMA = `
CREATE TABLE attempts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agent_name text, model_name text, issue_type text,
  success boolean, confidence float8, time_seconds float8, "timestamp" timestamptz);
CREATE TABLE metrics (agent_name text, model_name text, issue_type text, total bigint, successful bigint, confidence float8,
  time_seconds float8, PRIMARY KEY (agent_name, model_name, issue_type));`

const SCRIPT = (keys: number): string => `\\set k random(0, ${keys - 1})
\\set s random(0, 1)
BEGIN;
INSERT INTO attempts (agent_name, model_name, issue_type, success, confidence, time_seconds, "timestamp")
  VALUES ('agent-' || :k, 'model-1', 'issue-type-' || :k, :s = 1, 0.83, 12.5, now());
INSERT INTO metrics VALUES ('agent-' || :k, 'model-1', 'issue-type-' || :k, 1, :s, 0.83, 12.5)
  ON CONFLICT (agent_name, model_name, issue_type) DO UPDATE SET total = metrics.total + 1,
  successful = metrics.successful + excluded.successful, confidence = metrics.confidence + excluded.confidence,
  time_seconds = metrics.time_seconds + excluded.time_seconds;
COMMIT;
`

export interface Postgres {
  /** For a driver. */
  readonly url: string
  /** Attempts per second over `connections` connections. */
  rate(connections: number, bench: Bench): Promise<number>
  stop(): Promise<void>
}

/** Starts a new PostgreSQL cluster in `parent`, for attempts of `keys` keys. */
export async function startPostgres(parent: string, keys: number, core: 0 | 1 = 0): Promise<Postgres> {
  const folder = await mkdtemp(join(parent, 'postgres-'))
  // PostgreSQL refuses to run as root. Uses the account that its package created.
  const isRoot = process.getuid?.() === 0
  if (isRoot) {
    await chmod(parent, 0o755)
    execFileSync('chown', ['postgres', folder])
  }
  const as = (name: string, args: readonly string[]): readonly [string, readonly string[]] => {
    const binary = join(BINARIES!, name)
    return isRoot
      ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', binary, ...args]]
      : [binary, args]
  }
  const data = join(folder, 'data')
  await runPinned(...as('initdb', ['-D', data, '-U', 'bench', '-A', 'trust', '--no-instructions']), { cwd: folder })
  const server = startPinned(
    ...as('postgres', ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=100']),
    { cwd: folder, core },
  )
  await server.says(/database system is ready/)
  const client = ['-h', folder, '-U', 'bench']
  await runPinned(...as('psql', [...client, '-d', 'postgres', '-q', '-c', SCHEMA]), { cwd: folder })
  const script = join(folder, 'attempt.sql')
  await writeFile(script, SCRIPT(keys), { mode: 0o644 })
  return {
    // The folder of its socket, which a URL can name as a parameter only.
    url: `postgres://bench@localhost/postgres?host=${encodeURIComponent(folder)}`,
    async rate(connections, { ms }) {
      const args = [
        '-n',
        '-M',
        'prepared',
        '-c',
        `${connections}`,
        '-j',
        '1',
        '-T',
        `${Math.ceil(ms / 1000)}`,
        '-f',
        script,
      ]
      const output = await runPinned(...as('pgbench', [...args, ...client, 'postgres']), { core: 1, cwd: folder })
      return Number(/tps = ([\d.]+)/.exec(output)![1])
    },
    stop: () => server.stop('SIGINT'),
  }
}
