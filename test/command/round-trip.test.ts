/** Export and import: no attempt counts twice, the order stays, and an incomplete export is reported. */
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { anAttempt, testSidecar } from '../support/sidecar.ts'
import { startFakeSidecar } from './fake-sidecar.ts'
import { type Outcome, runCommand, startCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'round-trip-'))
let made = 0
const newPath = (name: string): string => join(folder, `${++made}-${name}`)
const ndjson = (attempts: readonly object[]): string => attempts.map(one => `${JSON.stringify(one)}\n`).join('')
/** A few days ago, at a whole minute. Older attempts would be removed by the retention. */
const START_MS = Math.floor(Date.now() / 60_000 - 5 * 1440) * 60_000
const at = (minute: number): string => new Date(START_MS + minute * 60_000).toISOString()
const dated = (from: number, count: number, more: object = {}): object[] =>
  Array.from({ length: count }, (_, i) => anAttempt({ time_seconds: from + i, timestamp: at(from + i), ...more }))

const imported = async (content: string | Buffer, store: string): Promise<Outcome> =>
  await runCommand(['import', '-', '--store', store], { stdin: content })
const exported = async (store: string): Promise<string> => (await runCommand(['export', '--store', store])).stdout
const summary = async (store: string): Promise<number> => exported(store).then(text => text.split('\n').length - 1)

describe('attempts without an id', () => {
  const undated = [anAttempt(), anAttempt(), anAttempt({ success: false }), anAttempt()]

  test.each([
    ['dated', dated(0, 30)],
    ['dated alike', [...dated(1, 2), ...dated(1, 2), ...dated(1, 1)]],
    ['undated', undated],
  ])('that are %s count once, however often their file is imported, and all of them count', async (_what, attempts) => {
    const store = newPath('store.json')
    const text = ndjson(attempts)
    const first = await imported(text, store)
    expect(first.stdout).toMatch(
      new RegExp(`^Imported ${attempts.length} attempts from standard input.\nIds were derived`),
    )
    for (const again of [text, gzipSync(text), text.replaceAll('\n', '\r\n\r\n')])
      expect((await imported(again, store)).stdout).toMatch(
        `Imported 0 attempts from standard input, ${attempts.length} known already.`,
      )
    const renamed = newPath('renamed.ndjson')
    writeFileSync(renamed, text)
    expect((await runCommand(['import', renamed, '--store', store])).stdout).toContain('Imported 0 attempts')
    expect(await summary(store)).toBe(attempts.length)
  })

  test.each([
    ['dated', dated(0, 5), dated(5, 3)],
    ['undated', undated, undated.toReversed()],
  ])('that are %s count once when their file has grown', async (_what, before, more) => {
    const store = newPath('store.json')
    const path = newPath('growing.ndjson')
    writeFileSync(path, ndjson(before))
    await runCommand(['import', path, '--store', store])
    appendFileSync(path, ndjson(more))
    expect((await runCommand(['import', path, '--store', store])).stdout).toContain(
      `Imported ${more.length} attempts from ${path}, ${before.length} known already.`,
    )
  })

  test('with timestamps count once after lines before them were removed', async () => {
    const store = newPath('store.json')
    await imported(ndjson(dated(0, 20)), store)
    expect((await imported(ndjson(dated(10, 15)), store)).stdout).toContain('Imported 5 attempts')
  })

  test('without timestamps, equal but in files with different first lines, all count', async () => {
    const store = newPath('store.json')
    await imported(ndjson([anAttempt({ agent_name: 'monday' }), anAttempt()]), store)
    expect((await imported(ndjson([anAttempt({ agent_name: 'tuesday' }), anAttempt()]), store)).stdout).toContain(
      'Imported 2 attempts',
    )
  })

  test('get one from an export, the same each time, so that the export can be imported twice', async () => {
    await using sidecar = await testSidecar()
    await sidecar.post([anAttempt(), anAttempt(), anAttempt({ attempt_id: 'own' })])
    const lines = async (): Promise<string> => (await runCommand(['export', '--url', sidecar.url])).stdout
    const first = await lines()
    expect(first.match(/"attempt_id":"/g)).toHaveLength(3)
    expect(await lines()).toBe(first)
    const store = newPath('store.json')
    expect((await imported(first, store)).stdout).toBe('Imported 3 attempts from standard input.\n')
    expect((await imported(first, store)).stdout).toContain('Imported 0 attempts')
    expect(ids(await exported(store))).toEqual(ids(first))
  })
})

const ids = (lines: string): unknown[] =>
  lines
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).attempt_id)

test('exported and imported, a store has the same last attempts in the same order, and the same trends', async () => {
  const source = newPath('source.json')
  const target = newPath('target.json')
  // More than 100 attempts, not sorted by time, with a drift.
  const attempts = Array.from({ length: 2500 }, (_, i) =>
    anAttempt({ time_seconds: i, timestamp: at((i * 7) % 2500), success: i < 1800 ? i % 10 > 0 : i % 10 === 0 }),
  )
  await imported(ndjson(attempts), source)
  const lines = await exported(source)
  expect(
    lines
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).time_seconds),
  ).toEqual(attempts.map((_, i) => i))
  await imported(lines, target)
  const metrics = (path: string): { metrics: Record<string, object> } => JSON.parse(readFileSync(path, 'utf8'))
  expect(metrics(target).metrics).toEqual(metrics(source).metrics)
  const trends = async (store: string): Promise<unknown> =>
    JSON.parse((await runCommand(['trends', '--json', '--since', at(0), '--until', at(3000), '--store', store])).stdout)
  expect(await trends(target)).toEqual(await trends(source))
})

describe('a store with damage behind its snapshot', () => {
  async function damagedStore(): Promise<string> {
    const store = newPath('damaged.json')
    for (const from of [0, 1000, 2000]) await imported(ndjson(dated(from, 1000)), store)
    rmSync(join(store.replace('.json', '.journal'), '00000000000000000002.ndjson'))
    return store
  }

  test('is exported as far as it is readable, with the number of attempts, and exit code 65', async () => {
    const store = await damagedStore()
    const { exitCode, stdout, stderr } = await runCommand(['export', '--store', store])
    expect(exitCode).toBe(65)
    expect(stdout.trimEnd().split('\n')).toHaveLength(2000)
    expect(stderr).toContain('exported 2,000 of 3,000 attempts. The store is damaged: 1,000 attempts cannot be read')
    const output = newPath('out.ndjson')
    const json = await runCommand(['export', '--json', '--store', store, '--output', output])
    expect(json.exitCode).toBe(65)
    expect(JSON.parse(json.stdout)).toEqual({
      exported: 2000,
      output,
      missing: { records: 1000, segments: 1, exact: true },
    })
    expect(readFileSync(output, 'utf8')).toBe(stdout)
  })

  test('is ready, names the damage in /readyz?verbose, and counts it in /metrics', async () => {
    await using sidecar = await testSidecar({ store: await damagedStore() })
    const page = (await (await sidecar.get('/api/v1/attempts?limit=1000&order=oldest')).json()) as {
      next_cursor: string
    }
    const next = await (await sidecar.get(`/api/v1/attempts?order=oldest&cursor=${page.next_cursor}`)).json()
    expect(next).toMatchObject({ missing: { records: 1000, segments: 1, exact: true } })
    await expect
      .poll(async () => (await sidecar.get('/readyz?verbose')).json(), { timeout: 10_000 })
      .toMatchObject({
        status: 'ok',
        checks: expect.arrayContaining([
          {
            name: 'damage',
            ok: false,
            advisory: true,
            detail: expect.stringMatching(/1000 attempts.*00000000000000000002\.ndjson: it is missing/),
          },
        ]),
      })
    expect((await sidecar.get('/readyz')).status).toBe(200)
    const metrics = await (await sidecar.get('/metrics')).text()
    expect(metrics).toContain('agent_performance_journal_missing_records_total 1000')
    expect(metrics).toContain('agent_performance_store_damaged_files 1')
    expect(metrics).toContain('agent_performance_ready 1')
    expect((await sidecar.post(anAttempt())).status).toBe(200)
  })
})

describe('an output that is full', () => {
  const options = { skip: !existsSync('/dev/full') }

  const main = join(import.meta.dirname, '../../src/main.ts')

  /** Runs the command with standard output on a full device. */
  async function toFull(argv: readonly string[]): Promise<{ exitCode: number | null; stderr: string }> {
    const child = spawn('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, main, ...argv])
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const exitCode = await new Promise<number | null>(resolve => child.on('close', resolve))
    return { exitCode, stderr }
  }

  test.each([['export'], ['report'], ['trends']])('ends %s with a sentence and 74', options, async command => {
    const store = newPath('store.json')
    await imported(ndjson(dated(0, 3)), store)
    expect(await toFull([command, '--store', store])).toEqual({
      exitCode: 74,
      stderr: 'agent-performance: cannot write standard output: there is no space left on the device\n',
    })
  })

  test('ends the help with 74 too', options, async () => {
    expect((await toFull(['--help'])).exitCode).toBe(74)
  })

  test('is said to be incomplete where it is a device', options, async () => {
    const store = newPath('store.json')
    await imported(ndjson(dated(0, 3)), store)
    expect(await runCommand(['export', '--store', store, '--output', '/dev/full'])).toMatchObject({
      exitCode: 74,
      stderr: expect.stringMatching(/cannot write \/dev\/full, which is incomplete now: there is no space left/),
    })
  })
})

test('a file of which a part was exported stays as it was, and nothing is left beside it', async () => {
  const page = { attempts: dated(0, 2), next_cursor: 'more' }
  await using sidecar = await startFakeSidecar((_request, nth) => (nth < 3 ? { body: page } : 'hang up'))
  const beside = newPath('folder')
  mkdirSync(beside)
  const output = join(beside, 'out.ndjson')
  writeFileSync(output, 'before\n')
  const { exitCode } = await runCommand(['export', '--url', sidecar.url, '--output', output])
  expect({ exitCode, asked: sidecar.requests.length }).toEqual({ exitCode: 69, asked: 3 })
  expect(readFileSync(output, 'utf8')).toBe('before\n')
  expect(readdirSync(beside)).toEqual(['out.ndjson'])
})

describe('an import that is broken off', () => {
  test('by a signal says how much was kept and how to go on, and going on counts nothing twice', async () => {
    const store = newPath('store.json')
    const stdin = new PassThrough()
    const all = ndjson(dated(0, 2500))
    stdin.write(ndjson(dated(0, 2200)))
    const running = startCommand(['import', '-', '--store', store], { input: stdin, columns: 80 })
    await expect.poll(() => running.stderr()).toMatch(/2,000 attempts|1,000 attempts/)
    running.signals.emit('SIGTERM', 'SIGTERM')
    const { exitCode, stderr } = await running.outcome
    expect(exitCode).toBe(143)
    expect(stderr).toMatch(
      /interrupted by SIGTERM\. [12],000 attempts of standard input before that are imported.*To go on, import it again from its beginning/,
    )
    await imported(all, store)
    expect(await summary(store)).toBe(2500)
  })

  test('by a bad line names the files before it that are imported, and the line', async () => {
    const store = newPath('store.json')
    const [good, bad] = [newPath('good.ndjson'), newPath('bad.ndjson')]
    writeFileSync(good, ndjson(dated(0, 3)))
    writeFileSync(bad, `${ndjson(dated(10, 2))}nonsense\n`)
    const { exitCode, stdout, stderr } = await runCommand(['import', good, bad, '--store', store])
    expect(exitCode).toBe(65)
    expect(stdout).toContain(`Imported 3 attempts from ${good}.`)
    expect(stderr).toMatch(/line 3 is not JSON.*2 attempts of .* before that are imported.*To go on/)
  })
})
