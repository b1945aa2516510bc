/** A snapshot of another program or other settings, over any log: what is rebuilt from the log, and what is reported as missing. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../src/core/aggregate/histogram-bounds.ts'
import type { TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import type { Logger } from '../../../src/store/logger.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'

const BOUNDS = '../../../src/core/aggregate/histogram-bounds.ts'
const OWN = { DURATION_BOUNDS, CONFIDENCE_BOUNDS }
const OTHER = { ...OWN, DURATION_BOUNDS: DURATION_BOUNDS.map(bound => bound * 1.5) }
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

afterEach(() => {
  vi.doUnmock(BOUNDS)
  vi.resetModules()
})

/** The program with other histogram bounds, in modules of its own. */
async function programWith(bounds: typeof OWN) {
  vi.resetModules()
  vi.doMock(BOUNDS, () => bounds)
  return { ...(await import('./engines.ts')), ...(await import('../../../src/core/aggregate/summary.ts')) }
}

function createLines(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = []
  const add = (message: string): void => void lines.push(message)
  return { lines, logger: { debug() {}, info() {}, warn: add, error: add } }
}

/** A log of twenty attempts in four groups, with a snapshot after the third. */
async function filled(): Promise<MemoryServer> {
  const server = createMemoryServer()
  const { openOn, attempt } = await programWith(OWN)
  const engine = await openOn(server.open())
  for (let group = 0; group < 4; group++) {
    await engine.append(Array.from({ length: 5 }, (_, i) => attempt(5 * group + i)))
    if (group !== 2) continue
    engine.requestSnapshot()
    await vi.waitUntil(() => server.snapshots.length === 1, { interval: 1 })
  }
  return server
}

describe('a snapshot with other histogram bounds', () => {
  test('is replaced by the whole log, and the next start needs no rebuild', async () => {
    const server = await filled()
    const expected = createMemoryServer()
    const program = await programWith(OTHER)
    const fresh = await program.openOn(expected.open())
    await fresh.append(Array.from({ length: 20 }, (_, i) => program.attempt(i)))
    for (let start = 0; start < 2; start++) {
      const { lines, logger } = createLines()
      const engine = await program.openOn(server.open(), { logger })
      expect(JSON.parse(await program.answersOf(engine)).rows).toEqual(JSON.parse(await program.answersOf(fresh)).rows)
      const text = 'histogram bounds changed (duration): everything was counted again from the journal'
      expect(lines).toEqual(start === 0 ? [text] : [])
      if (start === 0) await vi.waitUntil(() => server.snapshots.length === 2, { interval: 1 })
      await engine.close()
    }
  })

  test('keeps its totals and reports what was dropped, if part of the log has expired', async () => {
    const server = await filled()
    server.expireFirst(1)
    const program = await programWith(OTHER)
    const { lines, logger } = createLines()
    const engine = await program.openOn(server.open(), { logger })
    expect(await program.countedIn(engine)).toBe(20)
    const [one] = await engine.summaries()
    // Only the attempts after the snapshot are in the histogram of these bounds.
    expect(program.durations(one!.summary, true).count).toBe(5)
    expect(program.timeSum(one!.summary)).toBe(30)
    expect(lines).toEqual([expect.stringMatching(/bounds changed \(duration\).*were dropped \(duration\)/)])
    expect(await engine.append([program.attempt(3)])).toEqual({ accepted: 0, duplicates: 1 })
    await engine.close()
  })

  test('keeps its totals and reports what was dropped, if part of the log is damaged', async () => {
    const server = await filled()
    const program = await programWith(OTHER)
    const { lines, logger } = createLines()
    const log = server.open()
    async function* damaged(...given: Parameters<typeof log.read>) {
      for await (const group of log.read(...given)) yield group.after === '0:' ? { ...group, isDamaged: true } : group
    }
    const engine = await program.openOn({ ...log, read: damaged }, { logger })
    expect(await program.countedIn(engine)).toBe(20)
    expect(lines).toEqual([expect.stringContaining('were dropped (duration)')])
    await engine.close()
  })
})

describe('the plan of an experiment', () => {
  const PLAN = { baseline: 'control', shares: new Map([['control', 0.9]]), endMs: undefined }

  async function planned(): Promise<MemoryServer> {
    const server = createMemoryServer()
    const { openOn, attempt } = await programWith(OWN)
    const engine = await openOn(server.open())
    await engine.append([attempt(1)])
    await engine.putExperimentPlan('prompt', { baseline: 'older' })
    await engine.putExperimentPlan('prompt', PLAN)
    await engine.append([attempt(2)])
    await engine.close()
    expect(server.snapshots).toHaveLength(1)
    return server
  }

  test.each([
    ['the whole log', 0],
    ['the snapshot, where its record has expired', 3],
  ])('of a store with other histogram bounds is taken from %s', async (_, expired) => {
    const server = await planned()
    server.expireFirst(expired)
    const program = await programWith(OTHER)
    const engine = await program.openOn(server.open())
    expect(engine.experimentPlan('prompt')).toEqual(PLAN)
    await engine.close()
  })
})

describe('a snapshot with other tiers', () => {
  const tier = (minutes: number, hours: number): TierOptions => ({
    spanMs: minutes * MINUTE_MS,
    keepMs: hours * HOUR_MS,
  })
  const OLD = [tier(2, 24)]
  const NEW = [tier(3, 48)]

  async function filledByHours(hours: number): Promise<MemoryServer> {
    const server = createMemoryServer()
    const { openOn, attempt, NOW } = await programWith(OWN)
    let nowMs = 0
    const engine = await openOn(server.open(), { clock: () => nowMs, tiers: OLD })
    for (let hour = hours; hour > 0; hour--) {
      nowMs = NOW - hour * HOUR_MS
      await engine.append([attempt(hour, { timestamp: new Date(nowMs).toISOString() })])
    }
    await engine.close()
    expect(server.snapshots).toHaveLength(1)
    return server
  }

  async function countsByHour(server: MemoryServer, hours: number): Promise<{ counts: unknown[]; lines: string[] }> {
    const { openOn, totalAttempts, NOW } = await programWith(OWN)
    const { lines, logger } = createLines()
    const engine = await openOn(server.open(), { tiers: NEW, logger })
    const counts: unknown[] = []
    for (let hour = 1; hour <= hours; hour++) {
      const range = { sinceMs: NOW - hour * HOUR_MS - MINUTE_MS, untilMs: NOW + HOUR_MS }
      const counted = engine.summaries(range).then(all => all.reduce((sum, one) => sum + totalAttempts(one.summary), 0))
      counts.push(await counted.catch(error => error.name))
    }
    await engine.close()
    return { counts, lines }
  }

  test('fills them from the whole log', async () => {
    const { counts, lines } = await countsByHour(await filledByHours(6), 6)
    expect(counts).toEqual([1, 2, 3, 4, 5, 6])
    expect(lines).toEqual(['tiers changed: from 2m:1d to 3m:2d; rebuilt from the journal back to its beginning'])
  })

  test('keeps the old tier, if it covers more than what is left of the log', async () => {
    const server = await filledByHours(6)
    server.expireFirst(3)
    const { counts, lines } = await countsByHour(server, 6)
    expect(counts).toEqual([1, 2, 3, 4, 5, 6])
    expect(lines.join()).toMatch(/rebuilt from the journal back to 2026-03-01T09:05:00.000Z; 2m:1d stays/)
  })

  test('counts nothing from before a reset', async () => {
    const { openOn, attempt, NOW } = await programWith(OWN)
    const server = createMemoryServer()
    const engine = await openOn(server.open(), { tiers: OLD })
    await engine.append([attempt(1)])
    await engine.reset()
    await engine.append([attempt(2, { timestamp: new Date(NOW - MINUTE_MS).toISOString() })])
    await engine.close()
    expect((await countsByHour(server, 1)).counts).toEqual([1])
  })
})
