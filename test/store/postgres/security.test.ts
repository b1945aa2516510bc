/** TLS and passwords of PostgreSQL. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openStore } from '../../../src/store/open.ts'
import { makeSignedCertificate } from '../../support/certificate.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { capturedLog } from '../../support/sidecar.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { attempt, countedIn } from '../engine/engines.ts'

const missing = missingPostgres()
const clock = Date.now
const PASSWORD = 'top secret/@:?&é'

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('PostgreSQL', () => {
  let server: PostgresServer
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: string
  beforeAll(async () => {
    folder = await temporaryFolder()
    const signed = makeSignedCertificate(folder.path)
    ca = signed.ca
    server = await startPostgres({
      settings: ['ssl=on'],
      prepare(data, own) {
        for (const [from, name] of [
          [signed.cert, 'server.crt'],
          [signed.key, 'server.key'],
        ] as const) {
          copyFileSync(from, join(data, name))
          chmodSync(join(data, name), 0o600)
          own(join(data, name))
        }
        const hba = join(data, 'pg_hba.conf')
        const rules =
          'hostssl all encrypted all trust\nhost all encrypted all reject\nhost all secured all scram-sha-256\n'
        writeFileSync(hba, rules + readFileSync(hba, 'utf8'))
      },
    })
    await server.query('create role encrypted superuser login')
    await server.query(`create role secured superuser login password '${PASSWORD}'`)
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  /** The schema has the name of a reserved word. */
  function targetOf(user: string, host: string, parameters: Readonly<Record<string, string>>): string {
    const url = new URL(server.url)
    url.username = user
    url.hostname = host
    for (const [name, value] of Object.entries({ schema: 'select', ...parameters })) url.searchParams.set(name, value)
    return url.href
  }

  /** Opens the store, and records one attempt. */
  async function use(target: string): Promise<void> {
    const store = await openStore(target, { clock })
    await store.append([attempt(1)])
    expect(await countedIn(store)).toBe(1)
    await store.close()
  }

  test('sslmode=verify-full accepts the name in a certificate of the given authority, and no other name or authority', async () => {
    const checked = { sslmode: 'verify-full' }
    await use(targetOf('encrypted', 'localhost', { ...checked, sslrootcert: ca }))
    await expect(use(targetOf('encrypted', '127.0.0.1', { ...checked, sslrootcert: ca }))).rejects.toThrow(
      /cannot keep attempts.*certificate/,
    )
    await expect(use(targetOf('encrypted', 'localhost', checked))).rejects.toThrow(/cannot keep attempts.*certificate/)
  })

  test('a server that accepts TLS only refuses a connection without it, with its reason', async () => {
    await expect(use(targetOf('encrypted', 'localhost', { sslmode: 'disable' }))).rejects.toThrow(
      /no encryption|rejects/,
    )
  })

  test('a password comes from a file, from PGPASSFILE or from the URL', async () => {
    const file = join(folder.path, 'password')
    writeFileSync(file, `${PASSWORD}\n`)
    await use(targetOf('secured', '127.0.0.1', { password_file: file }))
    const passes = join(folder.path, 'pgpass')
    writeFileSync(passes, `127.0.0.1:*:*:secured:${PASSWORD.replaceAll(':', '\\:')}\n`, { mode: 0o600 })
    vi.stubEnv('PGPASSFILE', passes)
    await use(targetOf('secured', '127.0.0.1', {}))
    vi.unstubAllEnvs()
    const url = new URL(targetOf('secured', '127.0.0.1', {}))
    url.password = encodeURIComponent(PASSWORD)
    await use(url.href)
    await use(targetOf('secured', '127.0.0.1', { password: PASSWORD }))
  })

  test('a password is in no error and in no line of the log, wherever it comes from', async () => {
    const wrong = 'a-wrong-password'
    const file = join(folder.path, 'wrong')
    writeFileSync(file, wrong)
    const url = new URL(targetOf('secured', '127.0.0.1', {}))
    url.password = wrong
    for (const target of [
      url.href,
      targetOf('secured', '127.0.0.1', { password_file: file }),
      targetOf('secured', '127.0.0.1', { password: wrong }),
    ]) {
      const { log, lines } = capturedLog()
      const error = await openStore(target, { clock, log }).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'UnusableServer', message: expect.stringContaining('secured') })
      const { message, cause, stack } = error as Error
      expect(JSON.stringify([message, String(cause), stack, lines])).not.toContain(wrong)
    }
  })
})
