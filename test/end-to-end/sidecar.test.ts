/** The sidecar as a process: started like by a user, killed, drained, loaded, and scraped. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const HOUR_MS = 3_600_000
/** A range that ends at a fixed time: one up to now has another end a minute later. */
const [SINCE, UNTIL] = [720 * HOUR_MS, HOUR_MS].map(ms => new Date(Date.now() - ms).toISOString())
const QUESTIONS = [
  'report',
  'success-rate',
  `success-rate?since=${SINCE}&until=${UNTIL}`,
  'model-comparison?min_attempts=1',
  'best-agent?issue_type=i0',
  'metrics',
  'attempts?limit=1000',
]

async function post(url: string, body: unknown): Promise<Response> {
  return fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** All answers and the scrape, except values that depend on the time of the request. */
async function everything(url: string): Promise<string[]> {
  const texts = QUESTIONS.map(async question => (await fetch(`${url}/api/v1/${question}`)).text())
  const scrape = (await (await fetch(`${url}/metrics`)).text())
    .split('\n')
    .filter(line => !line.includes('agent_performance_'))
  return [...(await Promise.all(texts)), scrape.join('\n')].map(text =>
    text.replaceAll(/"(generated_at|last_updated)": ?"[^"]*"/g, ''),
  )
}

const totalOf = async (url: string): Promise<number> =>
  ((await (await fetch(`${url}/api/v1/report`)).json()) as { summary: { total_attempts: number } }).summary
    .total_attempts

describe('a sidecar', () => {
  test('killed with SIGKILL gives the same answers to the last digit, and recognizes earlier ids', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    const attempts = Array.from({ length: 500 }, (_, i) =>
      anAttempt({
        agent_name: `a${i % 3}`,
        issue_type: `i${i % 7}`,
        success: i % 5 > 1,
        confidence: (i % 11) / 11,
        time_seconds: i / 7,
        attempt_id: `id-${i}`,
        cost_usd: i / 1000,
        timestamp: new Date(Date.now() - i * 7_000_000).toISOString(),
      }),
    )
    await using first = await startSidecarProcess(store)
    for (let i = 0; i < attempts.length; i += 50) await post(first.url, attempts.slice(i, i + 50))
    const before = await everything(first.url)
    expect(await first.stop('SIGKILL')).toBe('SIGKILL')
    await using second = await startSidecarProcess(store)
    expect(await everything(second.url)).toEqual(before)
    expect(await (await post(second.url, attempts)).json()).toEqual({ accepted: 0, duplicates: 500 })
    expect(await second.stop()).toBe(0)
    // This time from its snapshot.
    await using third = await startSidecarProcess(store)
    expect(await everything(third.url)).toEqual(before)
    expect(await third.stop()).toBe(0)
  })

  test('writes the documented file, whose totals equal the counters', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    await using sidecar = await startSidecarProcess(store)
    await post(sidecar.url, [anAttempt(), anAttempt(), anAttempt({ success: false })])
    const scrape = await (await fetch(`${sidecar.url}/metrics`)).text()
    await sidecar.stop()
    const document = JSON.parse(await readFile(store, 'utf8')) as { metrics: Record<string, object> }
    expect(document.metrics['a:m:i']).toMatchObject({ total_attempts: 3, successful_fixes: 2, failed_fixes: 1 })
    expect(scrape).toContain('agent_attempts_total{agent_name="a",model_name="m",issue_type="i",result="success"} 2\n')
    expect(scrape).toContain('agent_attempts_total{agent_name="a",model_name="m",issue_type="i",result="failure"} 1\n')
  })

  test('adopts a file of the original program and reproduces it, including running averages and local times', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    const recent = (success: boolean, time_seconds: number): object => ({
      timestamp: '2026-11-22T15:33:13.585327',
      agent_name: 'SecurityAgent',
      model_name: 'llama3:8b',
      issue_type: 'security',
      success,
      confidence: 0.443,
      time_seconds,
    })
    const entry = {
      agent_name: 'SecurityAgent',
      model_name: 'llama3:8b',
      issue_type: 'security',
      total_attempts: 2,
      successful_fixes: 1,
      failed_fixes: 1,
      avg_confidence: 0.443,
      avg_time_seconds: 2.0,
      recent_results: [recent(true, 1.999), recent(false, 2)],
    }
    const older = {
      ...entry,
      agent_name: 'OldAgent',
      total_attempts: 500,
      successful_fixes: 400,
      failed_fixes: 100,
      avg_confidence: 0.7,
      avg_time_seconds: 1.234,
    }
    older.recent_results = older.recent_results.map(one => ({ ...one, agent_name: 'OldAgent' }))
    const metrics = { 'SecurityAgent:llama3:8b:security': entry, 'OldAgent:llama3:8b:security': older }
    await writeFile(
      store,
      JSON.stringify({ version: '1.0', last_updated: '2026-11-22T15:33:15.945638', metrics }, null, 2),
    )
    await using sidecar = await startSidecarProcess(store)
    const rate = await fetch(
      `${sidecar.url}/api/v1/success-rate?agent_name=OldAgent&model_name=llama3:8b&issue_type=security`,
    )
    expect(await rate.json()).toMatchObject({ success_rate: 80, total_attempts: 500 })
    await sidecar.stop()
    expect((JSON.parse(await readFile(store, 'utf8')) as { metrics: object }).metrics).toEqual(metrics)
  })

  test('is the only one on its file: a second exits 75 and names the first', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    await using first = await startSidecarProcess(store)
    await expect(startSidecarProcess(store)).rejects.toThrow(
      new RegExp(`ended with 75: .*process ${first.process.pid} `, 's'),
    )
    await post(first.url, anAttempt())
    expect(await totalOf(first.url)).toBe(1)
  })

  test('drains on SIGTERM: keep-alive clients get answers to the end, no answered attempt is missing, and it exits 0', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    await using sidecar = await startSidecarProcess(store)
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    let kept = 0
    let stopped = false
    const odd: unknown[] = []
    const client = async (): Promise<void> => {
      while (!stopped) {
        const status = await postOver(agent, sidecar.url).catch((error: NodeJS.ErrnoException) => error.code)
        if (status === 200) kept++
        else if (status === 503 || status === 'ECONNREFUSED' || status === 'ECONNRESET') return
        else odd.push(status)
      }
    }
    const clients = Array.from({ length: 8 }, client)
    await expect.poll(() => kept).toBeGreaterThan(50)
    const ended = await sidecar.stop('SIGTERM')
    stopped = true
    await Promise.all(clients)
    agent.destroy()
    expect(odd).toEqual([])
    expect(ended).toBe(0)
    await using again = await startSidecarProcess(store)
    expect(await totalOf(again.url)).toBeGreaterThanOrEqual(kept)
  })

  test('prints its URL on standard output in one line, and nothing else', async () => {
    await using folder = await temporaryFolder()
    const main = new URL('../../src/main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [
      main,
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--store',
      join(folder.path, 's.json'),
    ])
    let out = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      out += text
    })
    await expect.poll(() => out).toMatch(/http:\/\/127\.0\.0\.1:\d+\n$/)
    child.kill('SIGINT')
    expect((await once(child, 'close'))[0]).toBe(0)
    expect(out.split('\n')).toHaveLength(2)
  })
})

function postOver(agent: Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' }
    const req = request(`${url}/api/v1/attempts`, { method: 'POST', agent, headers }, res => {
      res
        .resume()
        .on('end', () => resolve(res.statusCode ?? 0))
        .on('error', reject)
    })
    req.on('error', reject).end(JSON.stringify(anAttempt()))
  })
}

test('200 clients at once and 4 instrumented processes: every attempt is counted exactly once', async () => {
  await using folder = await temporaryFolder()
  await using sidecar = await startSidecarProcess(join(folder.path, 'agent_performance.json'))
  const worker = join(folder.path, 'coordinator.ts')
  const library = new URL('../../src/index.ts', import.meta.url).href
  await writeFile(
    worker,
    `import { deliverTo, trackAttempt } from '${library}'
     const delivery = deliverTo(process.argv[2]!)
     for (let i = 0; i < 1000; i++) {
       const labels = { agent_name: 'agent-' + process.argv[3], model_name: 'm', issue_type: 'i' + (i % 3) }
       await trackAttempt(labels, async () => { if (i % 4 === 0) throw new Error('no'); return { success: true, confidence: 0.5 } }).catch(() => {})
     }
     process.exit((await delivery.flush(30_000)) && delivery.stats().delivered === 1000 ? 0 : 1)`,
  )
  const workers = [1, 2, 3, 4].map(n => promisify(execFile)(process.execPath, [worker, sidecar.url, String(n)]))
  const clients = Array.from({ length: 200 }, async (_, client) => {
    for (let i = 0; i < 10; i++) {
      const answer = await post(sidecar.url, [
        anAttempt({ agent_name: `client-${client % 20}` }),
        anAttempt({ agent_name: 'all', success: false }),
      ])
      expect(answer.status).toBe(200)
    }
  })
  await Promise.all([...workers, ...clients])
  const report = (await (await fetch(`${sidecar.url}/api/v1/report`)).json()) as {
    summary: object
    by_agent: Record<string, object>
  }
  expect(report.summary).toMatchObject({ total_attempts: 4 * 1000 + 200 * 10 * 2, total_successful: 4 * 750 + 2000 })
  expect(report.by_agent.all).toMatchObject({ total_attempts: 2000, success_rate: 0 })
  for (const n of [1, 2, 3, 4])
    expect(report.by_agent[`agent-${n}`]).toMatchObject({ total_attempts: 1000, success_rate: 75 })
  expect(await sidecar.stop()).toBe(0)
})

test('the example runs, learns which agent to send, and prints the report', async () => {
  const example = new URL('../../examples/coordinator.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [example])
  expect(stdout).toMatch(/formatting +FormattingAgent fixed/)
  expect(stdout).toMatch(/imports +ImportAgent fixed/)
  expect(stdout).toMatch(/complexity +RefactoringAgent fixed/)
  expect(stdout).toMatch(/of 72 issues fixed/)
})
