import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { type FakeAnswer, type FakeRequest, startFakeSidecar } from './fake-sidecar.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'import-'))
let files = 0

function file(content: string | Buffer, name = 'input'): string {
  const path = join(folder, `${++files}-${name}`)
  writeFileSync(path, content)
  return path
}

const attempt = (more: object = {}): object => ({
  agent_name: 'droid',
  model_name: 'gpt-5',
  issue_type: 'bug',
  success: true,
  time_seconds: 1.5,
  ...more,
})
const ndjson = (attempts: readonly object[]): string => attempts.map(one => `${JSON.stringify(one)}\n`).join('')
const numbered = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => attempt({ attempt_id: `id-${i}` }))

const attemptsOf = ({ body }: FakeRequest): NewAttempt[] =>
  body
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

/** Keeps each id once, as a sidecar does. */
function keeping(): (request: FakeRequest) => FakeAnswer {
  const known = new Set<string | undefined>()
  return request => {
    const ids = attemptsOf(request).map(one => one.attempt_id)
    const fresh = ids.filter(id => !known.has(id))
    for (const id of fresh) known.add(id)
    return { body: { accepted: fresh.length, duplicates: ids.length - fresh.length } }
  }
}

const recent = (second: number, more: object = {}): object => ({
  timestamp: `2026-01-31T12:00:${String(second).padStart(2, '0')}.123456`,
  agent_name: 'droid',
  model_name: 'gpt-5',
  issue_type: 'bug',
  success: second % 2 === 0,
  confidence: 0.5,
  time_seconds: second,
  ...more,
})

function documentOf(results: readonly object[], total = results.length): string {
  const entry = {
    agent_name: 'droid',
    model_name: 'gpt-5',
    issue_type: 'bug',
    total_attempts: total,
    recent_results: results,
  }
  return JSON.stringify({ version: '1.0', last_updated: 'x', metrics: { 'droid:gpt-5:bug': entry } }, null, 2)
}

describe('attempts, one per line,', () => {
  test('are posted unchanged, in requests of a bounded size, and counted', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(ndjson(numbered(2500)))
    const outcome = await runCommand(['import', path, '--url', sidecar.url])
    expect(outcome).toEqual({ exitCode: 0, stdout: `Imported 2,500 attempts from ${path}.\n`, stderr: '' })
    expect(sidecar.requests.map(({ method, path, headers }) => [method, path, headers['content-type']])).toEqual(
      Array(3).fill(['POST', '/api/v1/attempts', 'application/x-ndjson']),
    )
    expect(sidecar.requests.flatMap(attemptsOf)).toEqual(numbered(2500))
  })

  test('are read from standard input, from gzip, and from files with unusual line ends', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const lines = ndjson(numbered(3))
    const odd = file(`\n${lines.replaceAll('\n', '\r\n\r\n').trimEnd()}`)
    const zipped = gzipSync(lines)
    for (const [argv, stdin] of [
      [['-'], lines],
      [['-'], zipped],
      [[file(zipped, 'a.ndjson.gz')], ''],
      [[odd], ''],
    ] as const) {
      const { exitCode } = await runCommand(['import', ...argv, '--url', sidecar.url], { stdin })
      expect(exitCode).toBe(0)
    }
    expect(sidecar.requests.map(attemptsOf)).toEqual(Array(4).fill(numbered(3)))
  })

  test('several files are reported one by one, as JSON too, with their duplicates', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const [a, b] = [file(ndjson(numbered(2))), file(ndjson(numbered(3)))]
    expect((await runCommand(['import', a, b, '--url', sidecar.url])).stdout).toBe(
      `Imported 2 attempts from ${a}.\nImported 1 attempt from ${b}, 2 known already.\n`,
    )
    const { stdout } = await runCommand(['import', b, '--json', '--url', sidecar.url])
    const not_held = { entries: 0, attempts: 0 }
    expect(JSON.parse(stdout)).toEqual({ files: [{ file: b, accepted: 0, duplicates: 3, derived_ids: 0, not_held }] })
  })

  test('accepts the output of export, computed costs included', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const { exitCode } = await runCommand(['import', '-', '--url', sidecar.url], {
      stdin: ndjson([attempt({ attempt_id: 'a', computed_cost_usd: 0.5 })]),
    })
    expect(exitCode).toBe(0)
    expect(sidecar.requests.flatMap(attemptsOf)).toEqual([attempt({ attempt_id: 'a' })])
  })

  test('get an id if they have none, so that a second import is safe', async () => {
    const keep = keeping()
    await using sidecar = await startFakeSidecar((request, nth) => {
      const answer = keep(request)
      return nth === 1
        ? {
            status: 503,
            body: { detail: 'the disk is slow', ...(answer.body as object) },
            headers: { 'retry-after': '0' },
          }
        : answer
    })
    const outcome = await runCommand(['import', '-', '--url', sidecar.url], { stdin: ndjson([attempt(), attempt()]) })
    expect(outcome.stdout).toMatch(
      /^Imported 2 attempts from standard input\.\nIds were derived for 2 attempts without one/,
    )
    expect(sidecar.requests).toHaveLength(2)
    expect(sidecar.requests[1]?.body).toBe(sidecar.requests[0]?.body)
  })

  test.each([
    ['{"agent_name": "a"', /neither attempts.*nor the documented file/],
    [`${JSON.stringify(attempt())}\n{"agent_name": "a"\n`, /line 2 is not JSON/],
    [
      ndjson([attempt(), attempt({ success: 'yes', extra: 1 })]),
      /line 2 .*\/success must be true or false.*\/extra is not a known field/,
    ],
    ['[1, 2]\n', /line 1 is no attempt as documented: must be an object/],
    ['{"metrics": 5}\n', /line 1 is no attempt/],
    [Buffer.from([...Buffer.from(ndjson([attempt()])), 0xff, 0xfe, 0x0a]), /at line 2|after line 1/],
    [gzipSync(ndjson(numbered(5))).subarray(0, 40), /cannot read/],
  ])('a bad one ends it with 65 and its place: %#', async (content, told) => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(content as string)
    const { exitCode, stdout, stderr } = await runCommand(['import', path, '--url', sidecar.url])
    expect({ exitCode, stdout }).toEqual({ exitCode: 65, stdout: '' })
    expect(stderr).toMatch(told)
    expect(stderr).toContain(path)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('before an invalid one are recorded, and the message says how many', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(`${ndjson(numbered(1200))}nonsense\n`)
    const { exitCode, stderr } = await runCommand(['import', path, '--url', sidecar.url])
    expect(exitCode).toBe(65)
    expect(stderr).toMatch(/line 1201 is not JSON.*1,200 attempts of .* before that are imported/)
    expect(sidecar.requests.flatMap(attemptsOf)).toEqual(numbered(1200))
  })

  test('an empty file is valid, a missing one is an error', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    expect((await runCommand(['import', file(''), '--url', sidecar.url])).stdout).toContain('Imported 0 attempts')
    const missing = join(folder, 'missing')
    expect(await runCommand(['import', missing, '--url', sidecar.url])).toMatchObject({
      exitCode: 74,
      stderr: expect.stringContaining(missing),
    })
  })
})

describe('retries', () => {
  test('after 429 and 503 wait as long as Retry-After says, and attempts already recorded count once', async () => {
    await using sidecar = await startFakeSidecar((request, nth) => {
      const headers = { 'retry-after': nth === 1 ? '1' : '0' }
      if (nth === 1) return { status: 429, body: { detail: 'too much' }, headers }
      if (nth === 2)
        return { status: 503, body: { detail: 'slow', accepted: 2, duplicates: 1, kept_lines: 3 }, headers }
      return { body: { accepted: attemptsOf(request).length - 3, duplicates: 3 } }
    })
    const before = performance.now()
    const { exitCode, stdout } = await runCommand(['import', '-', '--url', sidecar.url], { stdin: ndjson(numbered(5)) })
    expect(exitCode).toBe(0)
    expect(performance.now() - before).toBeGreaterThanOrEqual(950)
    expect(stdout).toBe('Imported 4 attempts from standard input, 1 known already.\n')
  })

  test('exit with 75 if the sidecar stays overloaded', async () => {
    await using sidecar = await startFakeSidecar(() => ({
      status: 503,
      body: { detail: 'the disk is full' },
      headers: { 'retry-after': '0' },
    }))
    const { exitCode, stderr } = await runCommand(['import', '-', '--url', sidecar.url], { stdin: ndjson([attempt()]) })
    expect(exitCode).toBe(75)
    expect(stderr).toContain('the disk is full')
    expect(sidecar.requests).toHaveLength(10)
  })

  test('send a batch again whose answer was lost', async () => {
    const keep = keeping()
    await using sidecar = await startFakeSidecar((request, nth) => (nth === 2 ? 'hang up' : keep(request)))
    const { exitCode, stdout } = await runCommand(['import', '-', '--url', sidecar.url], {
      stdin: ndjson(numbered(1500)),
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Imported 1,500 attempts from standard input.\n' })
  })

  test('do not repeat a refused request: the message states the reason at once', async () => {
    const body = {
      detail: 'line 1 is not an attempt',
      errors: [{ index: 0, pointer: '/success', detail: 'is required' }],
    }
    await using sidecar = await startFakeSidecar(() => ({ status: 400, body }))
    const { exitCode, stderr } = await runCommand(['import', '-', '--url', sidecar.url], { stdin: ndjson([attempt()]) })
    expect(exitCode).toBe(65)
    expect(stderr).toContain('/success is required')
    expect(sidecar.requests).toHaveLength(1)
  })
})

describe('the documented file', () => {
  test('its recent attempts are imported, and a second import changes nothing', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(documentOf([recent(1), recent(2), recent(2)]))
    expect((await runCommand(['import', path, '--url', sidecar.url])).stdout).toBe(
      `Imported 3 attempts from ${path}.\n`,
    )
    expect((await runCommand(['import', path, '--url', sidecar.url])).stdout).toBe(
      `Imported 0 attempts from ${path}, 3 known already.\n`,
    )
    const [first] = attemptsOf(sidecar.requests[0]!)
    expect(first).toMatchObject({ agent_name: 'droid', success: false, confidence: 0.5, time_seconds: 1 })
    expect(Object.keys(first!).sort()).toEqual([...Object.keys(recent(1)), 'attempt_id'].sort())
  })

  test('a later copy without the oldest attempts adds only new ones', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    await runCommand(['import', file(documentOf([recent(1), recent(2), recent(3)])), '--url', sidecar.url])
    const later = file(documentOf([recent(2), recent(3), recent(4)], 4))
    expect((await runCommand(['import', later, '--url', sidecar.url])).stdout).toContain('Imported 1 attempt')
  })

  test('is recognised on one line or on many, compressed or not', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const text = documentOf([recent(1), recent(2)])
    await runCommand(['import', '-', '--url', sidecar.url], { stdin: text })
    for (const stdin of [JSON.stringify(JSON.parse(text)), gzipSync(text)]) {
      const { stdout } = await runCommand(['import', '-', '--url', sidecar.url], { stdin })
      expect(stdout).toBe('Imported 0 attempts from standard input, 2 known already.\n')
    }
  })

  test('reports how many attempts it counts but does not contain, and how to keep those totals', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(documentOf([recent(1)], 121))
    const { exitCode, stdout } = await runCommand(['import', path, '--url', sidecar.url])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Imported 1 attempt')
    expect(stdout.replaceAll('\n', ' ')).toMatch(
      /Not imported: 1 entry counts 120 more attempts.*start a store from the file itself: agent-performance serve --store/,
    )
    const json = JSON.parse((await runCommand(['import', path, '--json', '--url', sidecar.url])).stdout)
    expect(json.files[0].not_held).toEqual({ entries: 1, attempts: 120 })
  })

  test('its local times mean the same on a sidecar in another zone', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    await runCommand(['import', '-', '--url', sidecar.url], { stdin: documentOf([recent(1)]) })
    const [first] = attemptsOf(sidecar.requests[0]!)
    expect(first?.timestamp).toMatch(/\.123456Z$/)
    expect(Date.parse(first!.timestamp!)).toBe(Date.parse('2026-01-31T12:00:01.123'))
  })

  test('the message names the position of an invalid result', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const { exitCode, stderr } = await runCommand(['import', '-', '--url', sidecar.url], {
      stdin: documentOf([recent(1), recent(2, { confidence: 7 })]),
    })
    expect(exitCode).toBe(65)
    expect(stderr).toContain('result 2 of droid:gpt-5:bug is no attempt as documented: /confidence must be from 0 to 1')
  })

  test('cannot be imported into itself as a store', async () => {
    const path = file(documentOf([recent(1)]), 'store.json')
    const { exitCode, stderr } = await runCommand(['import', path, '--store', path])
    expect(exitCode).toBe(64)
    expect(stderr).toContain('is the store itself')
  })
})

describe('progress', () => {
  test('is a bar on a terminal, and nothing elsewhere', async () => {
    await using sidecar = await startFakeSidecar(keeping())
    const path = file(ndjson(numbered(1500)))
    const seen = await runCommand(['import', path, '--url', sidecar.url], { columns: 80 })
    expect(seen.stderr).toMatch(/\[#+-*\] +\d+ % {2}1,000 attempts/)
    expect(seen.stderr.endsWith('\r\u001b[K')).toBe(true)
    appendFileSync(path, '\n')
    expect((await runCommand(['import', path, '--url', sidecar.url])).stderr).toBe('')
  })
})
