import { describe, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open.ts'
import { createConnection } from '../../../src/store/postgres/connection.ts'
import { missingPostgres, startPostgres } from '../../support/postgres.ts'
import { describeFaults } from '../shared-faults.ts'

const missing = missingPostgres()

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('faults', () => {
  describeFaults('with PostgreSQL', {
    start: startPostgres,
    targetOf: (url, test) => `${url}?schema=faults_${process.pid}_${test}`,
  })

  test('with --require-durable, a server that does not wait for the disk is refused with exit code 78', async () => {
    await using server = await startPostgres()
    await (await openStore(server.url, { requireDurable: true })).close()
    const connection = createConnection(server.url)
    await connection.query('alter database postgres set synchronous_commit = off')
    await connection.close()
    await expect(openStore(server.url, { requireDurable: true })).rejects.toMatchObject({
      name: 'UnusableServer',
      exitCode: 78,
      message: expect.stringContaining('synchronous_commit is off'),
    })
    const warnings: unknown[] = []
    const log = { debug() {}, info() {}, warn: (_: string, detail: unknown) => void warnings.push(detail), error() {} }
    await (await openStore(server.url, { log })).close()
    expect(warnings).toContainEqual(expect.objectContaining({ setting: 'synchronous_commit' }))
  })
})
