import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createPickAgent, type PickOptions, pickAgent } from '../../src/index.ts'
import { type Answer, type FakeSidecar, halfABody, json, openFakeSidecar, reset, silent } from './fake-sidecar.ts'
import { ENTRY, runNode } from './run-node.ts'

async function answering(answer: Answer): Promise<FakeSidecar> {
  const opened = await openFakeSidecar()
  opened.always(answer)
  onTestFinished(() => opened.close())
  return opened
}

const route = (agent_name: string, success_rate: number, total_attempts: number, more: object = {}) => ({
  agent_name,
  model_name: 'm',
  success_rate,
  total_attempts,
  ...more,
})
const ranked = (...routes: object[]): Answer => json(200, { ranked: routes, excluded: [] })

/** B is better beyond any chance of a draw. */
const B_IS_BEST = ranked(route('A', 1, 100_000), route('B', 99, 100_000), route('C', 1, 100_000))
const AGENTS = ['A', 'B', 'C'] as const
/** Long enough for an answer on a busy machine. */
const PATIENT: PickOptions = { deadlineMs: 30_000 }

async function tally(times: number, pick: (nth: number) => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let nth = 0; nth < times; nth++) {
    const agent = await pick(nth)
    counts[agent] = (counts[agent] ?? 0) + 1
  }
  return counts
}

it('picks the agent that the attempts at this issue type show to be the best', async () => {
  const { url, received } = await answering(B_IS_BEST)
  expect(await createPickAgent()('a&b=c', AGENTS, { ...PATIENT, url, token: 'secret' })).toBe('B')
  const asked = new URL(received[0]!.path, url)
  expect([asked.pathname, asked.searchParams.get('issue_type')]).toEqual(['/api/v1/route', 'a&b=c'])
  expect(received[0]!.headers.authorization).toBe('Bearer secret')
})

it('asks the sidecar and the token of the environment', async () => {
  const { url, received } = await answering(B_IS_BEST)
  vi.stubEnv('AGENT_PERFORMANCE_URL', url)
  vi.stubEnv('AGENT_PERFORMANCE_TOKEN', 'from-environment')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await pickAgent('bug', AGENTS, PATIENT)).toBe('B')
  expect(received[0]!.headers.authorization).toBe('Bearer from-environment')
})

it('waits 50 ms for a silent sidecar, then picks the first agent', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', () => new Promise(() => {}))
  onTestFinished(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
  const picked = vi.fn()
  const done = createPickAgent()('bug', AGENTS, { url: 'http://sidecar' }).then(picked)
  await vi.advanceTimersByTimeAsync(49)
  expect(picked).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await done
  expect(picked).toHaveBeenCalledWith('A')
})

it('goes on with the last answer if the sidecar has gone, is slow, or answers with an error', async () => {
  const sidecar = await answering(silent)
  const { url } = sidecar
  const pick = createPickAgent()
  sidecar.next(B_IS_BEST, json(503, {}), json(200, { ranked: 'no' }), reset, halfABody)
  for (let i = 0; i < 5; i++) expect(await pick('bug', AGENTS, { ...PATIENT, url })).toBe('B')
  expect(await pick('bug', AGENTS, { url, deadlineMs: 1 })).toBe('B')
  await sidecar.close()
  expect(await pick('bug', AGENTS, { ...PATIENT, url })).toBe('B')
  // Another issue type has no last answer.
  expect(await pick('other', AGENTS, { ...PATIENT, url })).toBe('A')
})

it('uses an answer that came after the deadline for the next pick', async () => {
  const late = Promise.withResolvers<() => void>()
  const sidecar = await answering(silent)
  const { url } = sidecar
  sidecar.next((...args) => late.resolve(() => B_IS_BEST(...args)))
  const pick = createPickAgent()
  expect(await pick('bug', AGENTS, { url, deadlineMs: 1 })).toBe('A')
  const answer = await late.promise
  answer()
  await expect.poll(() => pick('bug', AGENTS, { url, deadlineMs: 1 })).toBe('B')
})

it('sends one request at a time, however many picks wait', async () => {
  const sidecar = await answering(silent)
  const pick = createPickAgent()
  await Promise.all(Array.from({ length: 50 }, () => pick('bug', AGENTS, { url: sidecar.url, deadlineMs: 200 })))
  expect(sidecar.received.length).toBeLessThanOrEqual(1)
})

it('the same seed gives the same agent; seeds together try every agent that may be the best, and a worse one less', async () => {
  const { url } = await answering(ranked(route('A', 50, 10), route('B', 80, 10)))
  const pick = createPickAgent()
  const options = { ...PATIENT, url }
  const once = await tally(60, nth => pick('bug', AGENTS, { ...options, seed: `run ${nth}` }))
  const again = await tally(60, nth => pick('bug', AGENTS, { ...options, seed: `run ${nth}` }))
  expect(again).toEqual(once)
  // C was never tried: nothing says that it is not the best.
  expect(Object.keys(once).sort()).toEqual(['A', 'B', 'C'])
  expect(once.B).toBeGreaterThan(once.A!)
  const seedless = await tally(60, () => pick('bug', AGENTS, options))
  expect(Object.keys(seedless).length).toBeGreaterThan(1)
})

it('repeated runs of a task count as the independent attempts they are worth', async () => {
  const { url } = await answering(
    ranked(route('A', 45, 100_000, { effective_attempts: 2 }), route('B', 55, 100_000, { effective_attempts: 2 })),
  )
  const pick = createPickAgent()
  const picks = await tally(60, nth => pick('bug', ['A', 'B'], { ...PATIENT, url, seed: `${nth}` }))
  expect(picks.A).toBeGreaterThan(10)
})

it('never throws: any arguments give one of the agents, or undefined without agents', async () => {
  const { url } = await answering(json(400, {}))
  await fc.assert(
    fc.asyncProperty(
      fc.anything(),
      fc.array(fc.string()),
      fc.record({
        url: fc.constantFrom(url, 'not a url', 'ftp://x'),
        token: fc.option(fc.string()),
        seed: fc.option(fc.string()),
        deadlineMs: fc.constantFrom(0, 1, -1, Number.NaN),
      }),
      async (issueType, agents, options) => {
        const picked = await createPickAgent()(issueType as string, agents, options as PickOptions)
        expect(picked).toBe(agents[0])
      },
    ),
    { numRuns: 100 },
  )
  expect(await pickAgent('bug', undefined as unknown as string[], { url })).toBeUndefined()
})

it('does not keep the process alive after the pick', async () => {
  const { url } = await answering(B_IS_BEST)
  const { code, stdout, ms } = await runNode(`
    import { pickAgent } from '${ENTRY}'
    console.log(await pickAgent('bug', ['A', 'B', 'C'], { url: '${url}', deadlineMs: 30000 }))
  `)
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'B\n' })
  // A request or a timer of the pick would keep it alive for 30 s.
  expect(ms).toBeLessThan(25_000)
})

it('reaches no module of Node, so that it runs where there is only fetch', () => {
  const seen = new Set<string>()
  const external = new Set<string>()
  const visit = (url: URL): void => {
    if (seen.has(url.href)) return
    seen.add(url.href)
    for (const [, from] of readFileSync(url, 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm)) {
      if (from!.startsWith('.')) visit(new URL(from!, url))
      else external.add(from!)
    }
  }
  visit(new URL('../../src/instrument/pick-agent.ts', import.meta.url))
  expect(seen.size).toBeGreaterThan(3)
  expect([...external]).toEqual(['@opentelemetry/api'])
})
