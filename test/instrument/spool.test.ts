import { type ChildProcess, spawn } from 'node:child_process'
import { appendFile, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDelivery, type Delivery, type Problem } from '../../src/index.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { addAll, attempt, ids, total } from './attempts.ts'
import { type FakeSidecar, json, keptBut, openFakeSidecar, reset } from './fake-sidecar.ts'
import { ENTRY } from './run-node.ts'

async function sidecar(): Promise<FakeSidecar> {
  const opened = await openFakeSidecar()
  onTestFinished(() => opened.close())
  return opened
}

async function folder(): Promise<string> {
  const made = await temporaryFolder()
  onTestFinished(() => made[Symbol.asyncDispose]())
  return join(made.path, 'spool')
}

function deliver(url: string, spoolDirectory: string, options: object = {}): Delivery {
  const delivery = createDelivery(url, { spoolDirectory, onProblem: () => {}, ...options })
  onTestFinished(async () => void (await delivery.close(0)))
  return delivery
}

describe('a spool', () => {
  it('keeps what is not delivered when a delivery closes, and the next one delivers it', async () => {
    const { url, always, kept } = await sidecar()
    const spool = await folder()
    always(json(503, {}))
    const first = deliver(url, spool)
    addAll(first, ids(3))
    expect(await first.close(20)).toBe(false)
    expect(first.stats()).toMatchObject({ queued: 0, spooled: 3, dropped: { closed: 0 } })
    expect(total(first.stats())).toBe(3)
    always((response, keep, received) => json(200, keep())(response, keep, received))
    const second = deliver(url, spool)
    expect(second.stats().queued).toBe(3)
    addAll(second, ['new'])
    expect(await second.close()).toBe(true)
    expect(kept()).toEqual([...ids(3), 'new'])
    expect(await readdir(spool)).toEqual([])
  })

  it('holds nothing of what is delivered, and files are for their owner only', async () => {
    const { url, next, kept } = await sidecar()
    const spool = await folder()
    const delivery = deliver(url, spool, { maxBatch: 2 })
    addAll(delivery, ids(5))
    next(keptBut(reset))
    while (!(await delivery.flush(50)));
    expect(kept()).toEqual(ids(5))
    const [name] = await readdir(spool)
    expect(await readFile(join(spool, name!), 'utf8')).toBe('')
    expect((await stat(join(spool, name!))).mode & 0o777).toBe(0o600)
    expect((await stat(spool)).mode & 0o777).toBe(0o700)
  })

  it('of a process that is killed is delivered by the next one, nothing lost and nothing twice', async () => {
    const { url, always, kept } = await sidecar()
    const spool = await folder()
    const printed: string[] = []
    for (let round = 0; round < 3; round++) {
      // Some rounds are killed while batches are delivered, and the answers of some are lost.
      let requests = 0
      always((response, keep, received) => {
        requests++
        const answer = round === 0 ? json(503, {}) : requests % 3 === 0 ? reset : json(200, keep())
        answer(response, keep, received)
      })
      printed.push(...(await killedAfter(coordinator(url, spool, `${round}-`), 40 + 100 * round)))
    }
    always((response, keep, received) => json(200, keep())(response, keep, received))
    const last = deliver(url, spool)
    expect(await last.close()).toBe(true)
    // What was printed was recorded before. At most one more may have been recorded, and killed before it was printed.
    expect(kept()).toEqual(expect.arrayContaining(printed))
    expect(new Set(kept()).size).toBe(kept().length)
    expect(kept().length).toBeLessThanOrEqual(printed.length + 3)
    expect(await readdir(spool)).toEqual([])
  }, 30_000)

  it('may be shared: each process delivers its own attempts, and leaves those of a live one alone', async () => {
    const { url, received, always, kept } = await sidecar()
    const spool = await folder()
    always(json(503, {}))
    const one = deliver(url, spool)
    addAll(one, ids(3))
    const other = deliver(url, spool)
    expect(other.stats().queued).toBe(0)
    addAll(other, ids(3, 3))
    const child = start(coordinator(url, spool, 'c-'))
    onTestFinished(() => void child.kill('SIGKILL'))
    await lines(child, 5)
    always((response, keep, request) => json(200, keep())(response, keep, request))
    expect(await Promise.all([one.close(), other.close()])).toEqual([true, true])
    const sentIds = received.filter(({ attempts }) => attempts.some(sent => ids(6).includes(sent.attempt_id!)))
    for (const { attempts } of sentIds) {
      const batch = attempts.map(sent => sent.attempt_id!)
      expect(batch.every(id => ids(3).includes(id)) || batch.every(id => ids(3, 3).includes(id))).toBe(true)
    }
    expect(kept()).toEqual(expect.arrayContaining(ids(6)))
  })

  it('takes over a file of another host only when nothing has touched it for a minute', async () => {
    const { url, kept } = await sidecar()
    const spool = await folder()
    await deliver(url, spool).close()
    const path = join(spool, 'abc.7.elsewhere.ndjson')
    const acknowledged = `${JSON.stringify({ acknowledged: ['1'] })}\n`
    await writeFile(
      path,
      [attempt(1), attempt(2), attempt(3)].map(one => `${JSON.stringify(one)}\n`).join('') + acknowledged,
    )
    const early = deliver(url, spool)
    expect(early.stats().queued).toBe(0)
    const before = new Date(Date.now() - 61_000)
    await utimes(path, before, before)
    const late = deliver(url, spool)
    expect(await late.close()).toBe(true)
    expect(kept()).toEqual(['2', '3'])
  })

  it('delivers what is whole in a file with torn lines, and says what is not', async () => {
    const { url, kept } = await sidecar()
    const spool = await folder()
    await deliver(url, spool).close()
    const path = join(spool, 'abc.0.unowned.ndjson')
    await writeFile(path, `${JSON.stringify(attempt(1))}\n{"agent_na\n${JSON.stringify(attempt(2))}\n`)
    await appendFile(path, JSON.stringify(attempt(3)).slice(0, 40))
    const said: Problem[] = []
    const delivery = deliver(url, spool, { onProblem: (problem: Problem) => said.push(problem) })
    expect(await delivery.close()).toBe(true)
    expect(kept()).toEqual(['1', '2'])
    expect(said).toMatchObject([{ source: 'delivery', message: expect.stringContaining('2 lines') }])
  })

  it('that disappears does not lose attempts of a live process', async () => {
    const { url, kept } = await sidecar()
    const spool = await folder()
    const delivery = deliver(url, spool)
    addAll(delivery, ids(2))
    await import('node:fs/promises').then(({ rm }) => rm(spool, { recursive: true }))
    addAll(delivery, ids(2, 2))
    expect(await delivery.close()).toBe(true)
    expect(kept()).toEqual(ids(4))
  })

  it('that is no folder is an error at once', async () => {
    expect(() => createDelivery('http://127.0.0.1', { spoolDirectory: '/dev/null/spool' })).toThrow(TypeError)
  })
})

/** Records attempts one after the other, and prints the id of each, until it is killed. */
const coordinator = (url: string, spool: string, prefix: string): string => `
  import { createDelivery } from '${ENTRY}'
  import { writeSync } from 'node:fs'
  const delivery = createDelivery('${url}', { spoolDirectory: '${spool}', maxBatch: 7, onProblem: () => {} })
  for (let i = 0; ; i++) {
    delivery.add({ ...${JSON.stringify(attempt(0))}, attempt_id: '${prefix}' + i })
    writeSync(1, '${prefix}' + i + '\\n')
    if (i % 5 === 0) void delivery.flush(1)
    await new Promise(resolve => setImmediate(resolve))
  }
`

function start(code: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The first lines that a process prints, at least this many. */
async function lines(child: ChildProcess, count: number): Promise<string[]> {
  const seen: string[] = []
  for await (const line of createInterface({ input: child.stdout! })) if (seen.push(line) >= count) break
  return seen
}

/** Kills the process once it has printed so many lines. Resolves with all whole lines that it printed. */
async function killedAfter(code: string, count: number): Promise<string[]> {
  const child = start(code)
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.split('\n').length > count) child.kill('SIGKILL')
  })
  await new Promise(resolve => child.on('close', resolve))
  return text.split('\n').slice(0, -1)
}
