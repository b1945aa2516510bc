/** Questions are read-only: they change no file of the store, and do not disturb another process that has it open. */
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tempPath } from '../../src/store/file/lock/directory.ts'
import { openStore } from '../../src/store/open.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { snapshotOf } from '../support/files.ts'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { runCommand } from './run-command.ts'

const QUESTIONS = [
  ['report'],
  ['best', 'bug', '--min-attempts', '1'],
  ['route', 'bug'],
  ['compare-models'],
  ['compare-models', '--equal-mix'],
  ['trends'],
  ['calibration'],
  ['costs'],
  ['experiment', 'e'],
  ['export'],
] as const

const attempts = Array.from({ length: 40 }, (_, i) => ({
  ...anAttempt({ agent_name: `agent ${i % 3}`, issue_type: 'bug', success: i % 4 !== 0, confidence: 0.5 }),
  attempt_id: `id-${i}`,
  ...(i < 10 && { experiment: 'e', variant: i % 2 === 0 ? 'a' : 'b' }),
}))
const ndjson = attempts.map(one => `${JSON.stringify(one)}\n`).join('')

/** Attempts of one request of a client under load. */
const PER_REQUEST = 25

interface Total {
  readonly summary: { readonly total_attempts: number }
}

async function totalOn(store: string): Promise<number> {
  const { stdout, stderr, exitCode } = await runCommand(['report', '--json', '--store', store])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  return (JSON.parse(stdout) as Total).summary.total_attempts
}

async function totalAt(url: string): Promise<number> {
  return ((await (await fetch(`${url}/api/v1/report`)).json()) as Total).summary.total_attempts
}

let folder: { path: string } & AsyncDisposable
/** A stopped store, a killed one, and a document of the Python tracker. The tests copy them. */
let stopped: string
let killed: string
beforeAll(async () => {
  folder = await temporaryFolder()
  stopped = join(folder.path, 'stopped')
  killed = join(folder.path, 'killed')
  for (const path of [stopped, killed]) mkdirSync(path)
  const imported = await runCommand(['import', '-', '--store', join(stopped, 'agents.json')], { stdin: ndjson })
  expect(imported.exitCode).toBe(0)
  cpSync(stopped, killed, { recursive: true })
  await using sidecar = await startSidecarProcess(join(killed, 'agents.json'))
  const body = ndjson.replaceAll('id-', 'more-')
  const headers = { 'Content-Type': 'application/x-ndjson' }
  expect((await fetch(`${sidecar.url}/api/v1/attempts`, { method: 'POST', headers, body })).status).toBe(200)
  await sidecar.stop('SIGKILL')
})
afterAll(() => folder[Symbol.asyncDispose]())

const journalOf = (path: string): string => join(path, 'agents.journal')

function newestIn(path: string, kind: RegExp): string {
  const name = readdirSync(journalOf(path))
    .filter(one => kind.test(one))
    .sort()
    .at(-1)
  if (name === undefined) throw new Error(`there is no ${kind} in ${path}`)
  return join(journalOf(path), name)
}

function flipByteIn(path: string): void {
  const content = readFileSync(path)
  content[content.length >> 1]! ^= 1
  writeFileSync(path, content)
}

const RECENT = {
  timestamp: '2026-11-22T15:33:13.585327',
  agent_name: 'SecurityAgent',
  model_name: 'llama3:8b',
  issue_type: 'bug',
  success: true,
  confidence: 0.443,
  time_seconds: 2,
}
/** A document of the Python tracker that counts more attempts than it lists. */
const DOCUMENT = {
  version: '1.0',
  last_updated: '2026-11-22T15:33:13.585327',
  metrics: {
    'SecurityAgent:llama3:8b:bug': {
      agent_name: 'SecurityAgent',
      model_name: 'llama3:8b',
      issue_type: 'bug',
      total_attempts: 7,
      successful_fixes: 5,
      failed_fixes: 2,
      avg_confidence: 0.443,
      avg_time_seconds: 2,
      recent_results: [RECENT, { ...RECENT, success: false }],
    },
  },
}

/** Creates each store in an empty folder. States what it counts, and the message about its damage. */
const STORES: Readonly<Record<string, readonly [make: (path: string) => void, total: number, warning?: RegExp]>> = {
  'a store that was stopped': [path => cpSync(stopped, path, { recursive: true }), 40],
  'a store that was killed, with a torn record and zeros at its end': [
    path => {
      cpSync(killed, path, { recursive: true })
      const segment = newestIn(path, /\.ndjson$/)
      appendFileSync(segment, readFileSync(segment).subarray(-100, -30))
      appendFileSync(segment, Buffer.alloc(5000))
    },
    80,
  ],
  'a document of the Python tracker': [
    path => {
      mkdirSync(path)
      writeFileSync(join(path, 'agents.json'), JSON.stringify(DOCUMENT, null, 2), { mode: 0o644 })
    },
    7,
  ],
  'a store with a damaged snapshot': [
    path => {
      cpSync(stopped, path, { recursive: true })
      flipByteIn(newestIn(path, /^snapshot-/))
    },
    40,
    /snapshot-\d+\.bin is damaged/,
  ],
  'an empty journal directory': [path => mkdirSync(journalOf(path), { recursive: true }), 0],
  'a store with unfinished temporary files': [
    path => {
      cpSync(stopped, path, { recursive: true })
      for (const name of ['document.json', 'document.json.17', 'holder.json.3'])
        writeFileSync(join(journalOf(path), name), 'half')
      writeFileSync(tempPath(journalOf(path), 'snapshot'), 'half')
      writeFileSync(`${newestIn(path, /^snapshot-/)}.4711`, 'half')
    },
    40,
  ],
}

test.each(Object.keys(STORES))('%s is the same, file by file, after every question', async name => {
  const [make, total, warning] = STORES[name]!
  const path = join(folder.path, name.replaceAll(' ', '-').slice(0, 30))
  make(path)
  const before = snapshotOf(path)
  const store = join(path, 'agents.json')
  for (const argv of QUESTIONS) {
    const { exitCode, stderr } = await runCommand([...argv, '--store', store])
    expect(snapshotOf(path), argv[0]).toEqual(before)
    expect([0, 1], `${argv[0]}: ${stderr}`).toContain(exitCode)
    const warnings = stderr.split('\n').filter(line => line.includes('warning'))
    if (warning === undefined) expect(warnings, argv[0]).toEqual([])
    else expect(warnings.join('\n'), argv[0]).toMatch(warning)
  }
  for (const command of ['check-config', 'serve', 'import']) {
    const argv = command === 'check-config' ? [command, '--json'] : [command, '--help']
    expect((await runCommand([...argv, '--store', store])).exitCode, command).toBe(0)
    expect(snapshotOf(path), command).toEqual(before)
  }
  const { exitCode, stdout } = await runCommand(['report', '--json', '--store', store])
  expect(exitCode).toBe(0)
  expect((JSON.parse(stdout) as Total).summary.total_attempts).toBe(total)
  expect(snapshotOf(path)).toEqual(before)
})

test('the listed attempts of a Python tracker document are exported in order, without adopting it', async () => {
  const path = join(folder.path, 'exported')
  mkdirSync(path)
  const store = join(path, 'agents.json')
  writeFileSync(store, JSON.stringify(DOCUMENT))
  const { stdout } = await runCommand(['export', '--store', store])
  const lines = stdout.trimEnd().split('\n')
  const attempt_id = expect.stringMatching(/^file:/)
  // An import in another zone would read it as another time.
  const timestamp = expect.stringMatching(/^2026-11-22T15:33:13\.585327[+-]\d\d:\d\d$/)
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { attempt_id, ...RECENT, timestamp },
    { attempt_id, ...RECENT, timestamp, success: false },
  ])
})

test('every question about a path without a store exits with 74, and creates nothing', async () => {
  const path = join(folder.path, 'nothing')
  mkdirSync(path)
  for (const argv of QUESTIONS) {
    const store = join(path, 'none.json')
    const { exitCode, stdout, stderr } = await runCommand([...argv, '--store', store])
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 74,
      stdout: '',
      stderr: `agent-performance: there is no store at ${store}\n`,
    })
  }
  expect(readdirSync(path)).toEqual([])
})

test('a directory instead of the document is rejected with its path: 74', async () => {
  const { exitCode, stderr } = await runCommand(['report', '--store', folder.path])
  expect({ exitCode, stderr }).toEqual({
    exitCode: 74,
    stderr: `agent-performance: cannot read the store at ${folder.path}: it is a directory\n`,
  })
})

describe('beside a process that has the store open', () => {
  test('30 questions in a row answer what the sidecar answers at some moment, and the sidecar keeps every attempt', async () => {
    await using place = await temporaryFolder()
    const store = join(place.path, 'agents.json')
    await using sidecar = spawnSidecar(store, { args: ['--admin'] })
    const url = await urlOf(sidecar)
    let accepted = 0
    let isAsking = true
    const record = async (): Promise<void> => {
      for (let i = 0; isAsking; i++) {
        const body = JSON.stringify(Array.from({ length: PER_REQUEST }, () => anAttempt({ agent_name: `a${i % 50}` })))
        const headers = { 'Content-Type': 'application/json' }
        const answer = await fetch(`${url}/api/v1/attempts`, { method: 'POST', headers, body })
        accepted += ((await answer.json()) as { accepted: number }).accepted
        // Limit the rate: each question reads all attempts again.
        await pause(5)
      }
    }
    const recording = record()
    const stopRecording = (): Promise<void> => {
      isAsking = false
      return recording
    }
    // Also where a question below fails.
    await using _stopped = { [Symbol.asyncDispose]: stopRecording }
    for (let i = 0; i < 30; i++) {
      const before = await totalAt(url)
      const total = await totalOn(store)
      const after = await totalAt(url)
      expect(total, `question ${i}`).toBeGreaterThanOrEqual(before)
      // The request in flight may be counted before the sidecar has made it durable.
      expect(total, `question ${i}`).toBeLessThanOrEqual(after + PER_REQUEST)
    }
    await stopRecording()
    expect(await totalAt(url)).toBe(accepted)
    expect(await totalOn(store)).toBe(accepted)
    const exported = await runCommand(['export', '--store', store])
    expect(exported.stdout.trimEnd().split('\n')).toHaveLength(accepted)
    // A reset rotates the journal, removes old segments, and writes a snapshot and the document.
    for (let i = 0; i < 5; i++) {
      const forgotten = fetch(`${url}/api/v1/metrics`, { method: 'DELETE' })
      expect([0, accepted]).toContain(await totalOn(store))
      await forgotten
      expect(await totalOn(store)).toBe(0)
    }
    expect(sidecar.log()).not.toMatch(/"level":"?(50|error)/)
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
  })

  test('that closes and opens it again and again, which makes snapshots and removes old segments, questions count what is kept', async () => {
    await using place = await temporaryFolder()
    const path = join(place.path, 'agents.json')
    let kept = 0
    let isAsking = true
    const write = async (): Promise<void> => {
      while (isAsking || kept < 20) {
        const store = await openStore(path, { retention: { maxAgeMs: 1e12, maxBytes: 1 } })
        const timestamp = new Date().toISOString()
        await store.append([{ ...attempts[0]!, attempt_id: `own-${kept}`, timestamp } as never])
        kept++
        await store.close()
      }
    }
    const writing = write()
    const stopWriting = (): Promise<void> => {
      isAsking = false
      return writing
    }
    // Also where a question below fails.
    await using _stopped = { [Symbol.asyncDispose]: stopWriting }
    await expect.poll(() => kept).toBeGreaterThan(0)
    for (let i = 0; i < 25; i++) {
      const before = kept
      const total = await totalOn(path)
      expect(total, `question ${i}`).toBeGreaterThanOrEqual(before)
      // The request in flight may be counted before it is acknowledged.
      expect(total, `question ${i}`).toBeLessThanOrEqual(kept + 1)
    }
    await stopWriting()
    expect(await totalOn(path)).toBe(kept)
  })

  test('recording is refused with 75, with the process that holds the lock and the way to record', async () => {
    await using place = await temporaryFolder()
    const store = join(place.path, 'agents.json')
    await using sidecar = spawnSidecar(store)
    const url = await urlOf(sidecar)
    const { exitCode, stdout, stderr } = await runCommand(['import', '-', '--store', store], { stdin: ndjson })
    expect({ exitCode, stdout }).toEqual({ exitCode: 75, stdout: '' })
    expect(stderr).toContain(store)
    expect(stderr).toContain(`process ${sidecar.process.pid} `)
    expect(stderr).toContain('--url')
    expect(await totalAt(url)).toBe(0)
  })
})
