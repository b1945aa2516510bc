/** What the log tells the operator: the contents of the store, who has access, certificates that expire, and limits that are nearly reached. */
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { startSidecar } from '../../src/sidecar.ts'
import { anAttempt, capturedLog, testSidecar } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

type Line = Record<string, unknown>

const named = (lines: readonly Line[], text: string | RegExp): Line[] =>
  lines.filter(line => String(line.msg).search(text) >= 0)

/** The ready line of a sidecar with these settings. */
async function readyLine(flags: Line): Promise<Line> {
  const { log, lines } = capturedLog()
  const { config } = loadConfig({ flags: { listen: '127.0.0.1:0', ...flags }, env: {} })
  const sidecar = await startSidecar(config, log)
  await sidecar.close()
  return named(lines, /^ready$/)[0]!
}

describe('the ready line', () => {
  test('names the store, its contents, what was replayed, and who has access', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 's.json')
    expect(await readyLine({ store })).toMatchObject({
      store,
      attempts: 0,
      keys: 0,
      access: 'loopback only',
      tls: false,
    })
    await using sidecar = await startSidecarProcess(store)
    const body = JSON.stringify([anAttempt(), anAttempt({ agent_name: 'b' }), anAttempt()])
    await fetch(`${sidecar.url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
    await sidecar.stop('SIGKILL')
    expect(await readyLine({ store })).toMatchObject({
      attempts: 3,
      keys: 2,
      replayed_records: 3,
      replay_ms: expect.any(Number),
    })
  })

  test('says whether tokens are required, or anyone has access', async () => {
    await using folder = await temporaryFolder()
    const tokens = join(folder.path, 'tokens')
    await writeFile(tokens, 'secret-token\n')
    const store = join(folder.path, 's.json')
    const guarded = await readyLine({ store, 'auth-token-file': tokens })
    expect(guarded).toMatchObject({ access: 'tokens' })
    expect(JSON.stringify(guarded)).not.toContain('secret-token')
    const open = await readyLine({ store, listen: '0.0.0.0:0', 'insecure-no-auth': true })
    expect(open.access).toMatch(/anyone/)
  })
})

describe('a certificate', () => {
  /** Creates a certificate that is valid for `days`. A negative number makes it expired. */
  function make(cert: string, key: string, days: number): void {
    const request = `${cert}.request`
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    const options = { stdio: 'ignore' } as const
    execFileSync('openssl', ['req', ...curve, '-nodes', '-subj', '/CN=me', '-keyout', key, '-out', request], options)
    const signed = ['x509', '-req', '-in', request, '-signkey', key, '-days', String(days), '-out', cert]
    execFileSync('openssl', signed, options)
  }

  test('that is expired is logged at the start with its date, and served; a reload logs the dates of the new one', async context => {
    needs('openssl', context)
    await using folder = await temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    make(cert, key, -1)
    const { log, lines } = capturedLog()
    await using sidecar = await testSidecar({ 'tls-cert': cert, 'tls-key': key }, log)
    expect(sidecar.url).toMatch(/^https:/)
    const [expired] = named(lines, /expired on \d{4}-\d\d-\d\dT/)
    expect(expired).toMatchObject({ level: 'warn', file: cert, msg: expect.stringContaining(cert) })
    lines.length = 0
    make(cert, key, 13)
    await sidecar.sidecar.reload()
    expect(named(lines, /expires in less than 13 days, on \d{4}-\d\d-\d\dT/)).toMatchObject([{ level: 'warn' }])
    lines.length = 0
    make(cert, key, 15)
    await sidecar.sidecar.reload()
    expect(named(lines, 'certificate ')).toEqual([])
  })
})

describe('a limit that is nearly reached', () => {
  test('is logged once at 80 % and once when it is reached, for keys and for arms', async () => {
    const { log, lines } = capturedLog()
    await using sidecar = await testSidecar({ 'max-keys': '10', 'max-arms': '5' }, log)
    const warnings = (): Line[] => named(lines, /^(most|all) /).map(({ used, limit }) => ({ used, limit }))
    const aKey = (number: number): Line => anAttempt({ agent_name: `agent-${number}` })
    const anArm = (number: number): Line => anAttempt({ experiment: 'e', variant: `variant-${number}` })
    await sidecar.post([...Array.from({ length: 7 }, (_, i) => aKey(i)), ...[1, 2, 3, 4].map(anArm)])
    await expect.poll(warnings).toEqual([
      { used: 8, limit: 10 },
      { used: 4, limit: 5 },
    ])
    await sidecar.post([...Array.from({ length: 20 }, (_, i) => aKey(i)), anArm(5), anArm(6)])
    await expect.poll(warnings).toHaveLength(4)
    expect(warnings().slice(2)).toEqual([
      { used: 10, limit: 10 },
      { used: 5, limit: 5 },
    ])
    // Neither is logged again with more attempts of the same or of further keys.
    await sidecar.post(Array.from({ length: 30 }, (_, i) => aKey(i)))
    await new Promise(resolve => setTimeout(resolve, 2500))
    expect(warnings()).toHaveLength(4)
  })

  test('that was reached before the start is logged at the start', async () => {
    await using folder = await temporaryFolder()
    const flags = { listen: '127.0.0.1:0', store: join(folder.path, 's.json'), 'max-keys': '1' }
    const { config } = loadConfig({ flags, env: {} })
    const first = await startSidecar(config, capturedLog().log)
    await first.tracker.recordAttempt(anAttempt() as never)
    await first.close()
    const { log, lines } = capturedLog()
    const again = await startSidecar(config, log)
    expect(named(lines, /^all keys/)).toMatchObject([{ level: 'warn', used: 1, limit: 1 }])
    await again.close()
  })
})
