/** Questions about attempts whose results were verified later. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentAttempt } from '../../src/core/attempt/attempt.ts'
import { answerQuestion, type Input, QUESTIONS, type QuestionPath } from '../../src/questions/questions.ts'
import type { Engine } from '../../src/store/engine/engine.ts'
import { NOW, openOn, recordOutcome } from '../store/engine/engines.ts'
import { createMemoryServer } from '../store/memory-log.ts'

const MINUTE_MS = 60_000

/** An attempt, and the results of its outcomes in order. */
interface Fact {
  readonly attempt: AgentAttempt
  readonly outcomes: readonly boolean[]
}

/** 240 attempts of six keys in two arms over four hours. A quarter is pending at first, and two thirds are verified. */
const FACTS: readonly Fact[] = Array.from({ length: 240 }, (_, i) => {
  const hash = (i * 2_654_435_761) % 1000
  const attempt = {
    agent_name: ['a', 'b', 'c'][i % 3]!,
    model_name: 'm',
    issue_type: ['bug', 'docs'][hash % 2]!,
    confidence: (hash % 10) / 10,
    time_seconds: 1 + (hash % 50),
    timestamp: new Date(NOW - (240 - i) * MINUTE_MS).toISOString(),
    attempt_id: `id ${i}`,
    cost_usd: 0.01 * (1 + (hash % 5)),
    ...(i % 5 === 0 && { task_id: `task ${hash % 7}` }),
    ...(i % 2 === 0 && { experiment: 'e', variant: hash % 4 < 2 ? 'old' : 'new' }),
  }
  const outcomes = i % 3 === 2 ? [] : i % 7 === 0 ? [hash % 3 === 0, hash % 2 === 0] : [hash % 3 > 0]
  return { attempt: i % 4 === 1 ? attempt : { ...attempt, success: hash % 4 > 0 }, outcomes }
})

const isReported = ({ attempt }: Fact): boolean => attempt.success !== undefined
/** Pending attempts count when they are decided, which is after all others here. */
const IN_ORDER = [...FACTS.filter(isReported), ...FACTS.filter(fact => !isReported(fact))]

const engines: Engine[] = []

async function storeOf(attempts: readonly AgentAttempt[]): Promise<Engine> {
  const engine = await openOn(createMemoryServer().open())
  engines.push(engine)
  if (attempts.length > 0) await engine.append(attempts)
  return engine
}

const decidedBy = (resultOf: (fact: Fact) => boolean | undefined): AgentAttempt[] =>
  IN_ORDER.flatMap(fact => {
    const success = resultOf(fact)
    return success === undefined ? [] : { ...fact.attempt, success }
  })

let store: Engine
let latest: Engine
let reported: Engine
let verified: Engine

beforeAll(async () => {
  store = await storeOf(FACTS.map(({ attempt }) => attempt))
  for (const { attempt, outcomes } of IN_ORDER)
    for (const success of outcomes)
      await recordOutcome(store, { attempt_id: attempt.attempt_id!, success, source: 'ci' })
  latest = await storeOf(decidedBy(({ attempt, outcomes }) => outcomes.at(-1) ?? attempt.success))
  reported = await storeOf(decidedBy(({ attempt }) => attempt.success))
  verified = await storeOf(decidedBy(({ outcomes }) => outcomes.at(-1)))
})
afterAll(() => Promise.all(engines.map(engine => engine.close())))

/** Parameters that find attempts. */
function parametersOf(path: string): object {
  if (path.includes('{name}')) return { name: 'e' }
  return ['best-agent', 'route', 'leaderboard'].includes(path) ? { issue_type: 'bug' } : {}
}

const ABOUT_RESULTS = QUESTIONS.filter(({ parameters }) => 'outcome' in parameters.shape).map(({ path }) => path)

/** What is always about the latest results, and the numbers that say how attempts were judged. */
const OTHERS = new Set(['outcomes', 'recent_results', 'drifted_keys', 'agents', 'verdict'])

async function answerOf(
  engine: Engine,
  path: QuestionPath,
  more: object,
  leftOut: ReadonlySet<string>,
): Promise<unknown> {
  const given = { ...parametersOf(path), ...more } as Input<QuestionPath>
  const answer = await answerQuestion(engine, path, given, NOW)
  return JSON.parse(JSON.stringify(answer, (name, value) => (leftOut.has(name) ? undefined : value)))
}

describe.each([{}, { since: '2h' }])('a question with %o', range => {
  test.each(ABOUT_RESULTS)('%s is answered from the latest results as if they had been reported so', async path => {
    const leftOut = new Set(['outcomes'])
    const expected = await answerOf(latest, path, range, leftOut)
    expect(await answerOf(store, path, range, leftOut)).toEqual(expected)
    expect(await answerOf(store, path, { ...range, outcome: 'latest' }, leftOut)).toEqual(expected)
  })

  test.each(ABOUT_RESULTS)('%s counts only what was reported, or only what was verified, where asked', async path => {
    const of = (engine: Engine, outcome?: string): Promise<unknown> =>
      answerOf(engine, path, { ...range, ...(outcome !== undefined && { outcome }) }, OTHERS)
    expect(await of(store, 'reported')).toEqual(await of(reported))
    expect(await of(store, 'verified')).toEqual(await of(verified))
    // No alert fires, whichever results count.
    if (path !== 'alerts') expect(await of(store, 'reported')).not.toEqual(await of(store, 'verified'))
  })
})

test('answers that decide say how many attempts were verified, only reported, and are pending', async () => {
  const isOf = (issue: string) => (fact: Fact) => fact.attempt.issue_type === issue
  function totalsOf(facts: readonly Fact[]): object {
    const verified = facts.filter(({ outcomes }) => outcomes.length > 0).length
    const pending = facts.filter(fact => !isReported(fact) && fact.outcomes.length === 0).length
    return { verified, reported: facts.length - verified - pending, pending }
  }
  for (const path of ['best-agent', 'route'] as const) {
    const expected = totalsOf(FACTS.filter(isOf('bug')))
    for (const outcome of ['latest', 'verified'] as const)
      expect(await answerQuestion(store, path, { issue_type: 'bug', outcome }, NOW)).toMatchObject({
        outcomes: expected,
      })
  }
  for (const path of ['calibration', 'leaderboard', 'costs', 'fair-comparison'] as const)
    expect(await answerQuestion(store, path, {}, NOW)).toMatchObject({ outcomes: totalsOf(FACTS) })
  expect(await answerQuestion(store, 'experiments/{name}', { name: 'e' }, NOW)).toMatchObject({
    outcomes: totalsOf(FACTS.filter(({ attempt }) => attempt.experiment === 'e')),
  })
})

test('keys whose attempts are all pending are in no answer but that about honesty', async () => {
  const one = FACTS.find(fact => !isReported(fact))!.attempt
  const engine = await storeOf([one])
  expect(await answerQuestion(engine, 'metrics', {}, NOW)).toMatchObject({ metrics: {} })
  expect(await answerQuestion(engine, 'success-rate', { group_by: 'agent_name' }, NOW)).toMatchObject({ details: {} })
  const pending = { outcomes: { verified: 0, reported: 0, pending: 1 } }
  for (const given of [{}, { since: '5h' }])
    expect(await answerQuestion(engine, 'honesty', given, NOW)).toMatchObject({
      overall: { ...pending, difference: null },
      by_agent: { [one.agent_name]: pending },
    })
})

describe('honesty', () => {
  /** Attempts of one agent: how many reported each result, and what was verified. `?` is pending, `-` is not verified. */
  async function honestyOf(kinds: Readonly<Record<string, number>>) {
    const list = Object.entries(kinds).flatMap(([kind, count]) => Array.from({ length: count }, () => kind))
    const engine = await storeOf(
      list.map((kind, i) => ({
        ...{ agent_name: 'a', model_name: 'm', issue_type: 'i', time_seconds: 1, attempt_id: `id ${i}` },
        timestamp: new Date(NOW - 60 * MINUTE_MS).toISOString(),
        ...(kind[0] !== '?' && { success: kind[0] === '+' }),
      })),
    )
    for (const [i, kind] of list.entries())
      if (kind[1] !== '-')
        await recordOutcome(engine, { attempt_id: `id ${i}`, success: kind[1] === '1', source: 'ci' })
    return (await answerQuestion(engine, 'honesty', {}, NOW)).by_agent.a!
  }

  test('compares the reported with the verified results of the same attempts, and counts the others', async () => {
    const honesty = await honestyOf({ '+1': 50, '+0': 20, '-0': 25, '-1': 5, '+-': 7, '?1': 3, '?-': 4 })
    expect(honesty).toMatchObject({
      self_reported: { success_rate: 70, total_attempts: 100 },
      verified: { total_attempts: 100 },
      difference: 15,
      over_claimed: 20,
      under_claimed: 5,
      false_success: { total_attempts: 70 },
      time_to_outcome: { attempts: 103, p95_interval: { high: 4096 } },
      outcomes: { verified: 103, reported: 7, pending: 4 },
    })
    expect(honesty.verified.success_rate).toBeCloseTo(55, 10)
    expect(honesty.false_success.success_rate).toBeCloseTo((20 / 70) * 100, 10)
    // Bonett and Price: (21 - 6) / 102 ± 1.96 sqrt((21/102 + 6/102 - (15/102)²) / 102).
    expect(honesty.difference_interval!.low).toBeCloseTo(5.14, 2)
    expect(honesty.difference_interval!.high).toBeCloseTo(24.27, 2)
  })

  test('finds nothing to compare where no attempt reported a result', async () => {
    expect(await honestyOf({ '?1': 3, '+-': 2 })).toMatchObject({
      self_reported: { total_attempts: 0 },
      difference: null,
      difference_interval: null,
      outcomes: { verified: 3, reported: 2, pending: 0 },
    })
  })
})
