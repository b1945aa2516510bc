/** Questions to stores on servers and to SQLite: they write nothing, need no right to write, and print no password. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStoreToRead } from '../../src/store/open.ts'
import { createConnection } from '../../src/store/postgres/connection.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attempt } from '../store/engine/engines.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { missingRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { runCommand } from './run-command.ts'

const COMMANDS = [
  ['report'],
  ['best', 'security', '--min-attempts', '1'],
  ['route', 'security', '--min-attempts', '1'],
  ['compare-models'],
  ['compare-models', '--equal-mix'],
  ['trends'],
  ['calibration'],
  ['costs'],
  ['experiment', 'prompt'],
  ['export'],
  ['export', '--format', 'document'],
] as const
const attempts = Array.from({ length: 60 }, (_, i) =>
  attempt(i, {
    agent_name: `agent ${i % 3}`,
    success: i % 4 !== 0,
    experiment: 'prompt',
    variant: i % 2 === 0 ? 'a' : 'b',
  }),
)
const PASSWORD = 's3cret'

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shared-stores-'))
  file = join(folder, 'agents.json')
  await record(file)
})
afterAll(() => rm(folder, { recursive: true }))

async function record(store: string): Promise<void> {
  const tracker = new AgentPerformanceTracker({ store })
  expect(await tracker.recordAttempts([...attempts, attempts[0]!])).toMatchObject({ accepted: 60, duplicates: 1 })
  await tracker.close()
}

/** The line of the document that tells its time and its place in the log. */
const withoutPlace = (text: string): string => text.replace(/^"(last_updated|journal)":.*$/gm, '')

/** Asks everything, and expects what the file store answers. */
async function expectAnswersOfFile(store: string): Promise<void> {
  for (const argv of COMMANDS) {
    const [expected, found] = [file, store].map(target => runCommand([...argv, '--store', target]))
    const { stdout } = await expected!
    const outcome = await found!
    expect({ ...outcome, stdout: withoutPlace(outcome.stdout) }, argv.join(' ')).toEqual({
      exitCode: 0,
      stdout: withoutPlace(stdout),
      stderr: '',
    })
  }
}

test('SQLite answers every command as the file does', async () => {
  const store = `sqlite:${join(folder, 'agents.db')}`
  await record(store)
  await expectAnswersOfFile(store)
})

const postgresMissing = missingPostgres()
describe.skipIf(postgresMissing !== undefined)(
  `PostgreSQL${postgresMissing ? ` (skipped: ${postgresMissing})` : ''}`,
  () => {
    let server: PostgresServer
    let owner: ReturnType<typeof createConnection>
    let asReader: string
    const schema = `read_${process.pid}`
    const role = `reader_${process.pid}`
    beforeAll(async () => {
      server = await startPostgres()
      owner = createConnection(server.url)
      await record(`${server.url}?schema=${schema}`)
      await owner.query(`create role ${role} login password '${PASSWORD}'`)
      await owner.query(`grant usage on schema ${schema} to ${role}`)
      await owner.query(`grant select on all tables in schema ${schema} to ${role}`)
      const url = new URL(`${server.url}?schema=${schema}`)
      url.username = role
      url.password = PASSWORD
      asReader = url.href
    })
    afterAll(async () => {
      await owner.query(`drop schema ${schema} cascade`)
      await owner.query(`drop role ${role}`)
      await owner.close()
      await server[Symbol.asyncDispose]()
    })

    async function rows(): Promise<unknown> {
      const tables = ['head', 'writers', 'log', 'attempts', 'repeats', 'snapshots', 'migrations']
      const counts = tables.map(table => `(select count(*) from ${schema}.${table})`).join(', ')
      const [found] = await owner.query(`select array[${counts}] as counts, (select last from ${schema}.head) as last`)
      return found
    }

    test('a role that may only select gets every answer, and nothing is written', async () => {
      const url = new URL(asReader)
      url.searchParams.delete('schema')
      const reader = createConnection(url.href)
      await expect(reader.query(`delete from ${schema}.log`)).rejects.toThrow('permission denied')
      await reader.close()
      const before = await rows()
      await expectAnswersOfFile(asReader)
      expect(await rows()).toEqual(before)
    })

    test('a question that may write still writes nothing: the server refuses it', async () => {
      const connection = createConnection(server.url, { isReadOnly: true })
      await expect(connection.query(`delete from ${schema}.log`)).rejects.toThrow('read-only transaction')
      await connection.close()
    })

    test.each([
      ['an unknown schema', { search: '?schema=missing' }, 74, /there is no store in the schema missing/],
      ['a schema without rights', { search: '?schema=information_schema' }, 74, /there is no store/],
      ['an unknown database', { pathname: '/nowhere' }, 69, /database "nowhere" does not exist/],
      ['a closed port', { port: '1' }, 69, /ECONNREFUSED/],
    ])('%s is reported without the password', async (_what, change, exitCode, told) => {
      const url = Object.assign(new URL(asReader), change)
      for (const argv of [
        ['report', '--store', url.href],
        ['copy', '--from', url.href, '--to', join(folder, 'new.json')],
      ]) {
        const outcome = await runCommand(argv)
        expect(outcome).toMatchObject({ exitCode, stdout: '', stderr: expect.stringMatching(told) })
        expect(outcome.stderr).not.toContain(PASSWORD)
      }
      const target = await runCommand(['copy', '--from', file, '--to', url.href])
      expect(target.exitCode).toBeGreaterThan(0)
      expect(`${target.stdout}${target.stderr}`).not.toContain(PASSWORD)
    })

    test('a copy names its stores without the password', async () => {
      const store = join(folder, 'from-postgres.json')
      for (const json of [[], ['--json']]) {
        const { exitCode, stdout } = await runCommand(['copy', '--from', asReader, '--to', store, ...json])
        expect(exitCode).toBe(0)
        expect(stdout).toContain(`${role}:***@`)
        expect(stdout).not.toContain(PASSWORD)
      }
    })
  },
)

const redisMissing = missingRedis()
describe.skipIf(redisMissing !== undefined)(`Redis${redisMissing ? ` (skipped: ${redisMissing})` : ''}`, () => {
  let server: RedisServer
  const name = `read-${process.pid}`
  beforeAll(async () => {
    server = await startRedis()
    await record(`${server.url}?name=${name}`)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('a user who may only read gets every answer, and nothing is written', async () => {
    const admin = createClient({ url: server.url })
    await admin.connect()
    const user = `reader-${process.pid}`
    await admin.sendCommand(['ACL', 'SETUSER', user, 'on', `>${PASSWORD}`, '~*', '+@read', '+@connection'])
    const dump = async (): Promise<unknown> => {
      const keys = (await admin.keys(`{agent-performance:${name}}*`)).sort()
      return Promise.all(keys.map(async key => [key, await admin.sendCommand(['DUMP', key])]))
    }
    const before = await dump()
    const url = new URL(`${server.url}?name=${name}`)
    url.username = user
    url.password = PASSWORD
    await expectAnswersOfFile(url.href)
    expect(await dump()).toEqual(before)
    const missing = new URL(url)
    missing.searchParams.set('name', 'missing')
    const outcome = await runCommand(['report', '--store', missing.href])
    expect(outcome).toMatchObject({ exitCode: 74, stderr: expect.stringContaining('there is no store') })
    expect(outcome.stderr).not.toContain(PASSWORD)
    expect(await dump()).toEqual(before)
    await admin.sendCommand(['ACL', 'DELUSER', user])
    admin.destroy()
  })
})

test('a document of every kind of store can be read back', async () => {
  const [document, again] = [join(folder, 'document.json'), join(folder, 'again.json')]
  await runCommand(['export', '--format', 'document', '--store', file, '--output', document])
  expect(await runCommand(['import', document, '--store', again])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('Imported 60 attempts'),
  })
  const [a, b] = [await openStoreToRead(file), await openStoreToRead(again)]
  expect((await b.summaries()).map(({ key }) => key)).toEqual((await a.summaries()).map(({ key }) => key))
  await Promise.all([a.close(), b.close()])
})
