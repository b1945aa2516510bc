/** Histories of a store: arbitrary ones, and fixed ones that every run includes. */
import fc from 'fast-check'
import type { SeriesPoint } from '../../../src/core/aggregate/series.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'

type Given = Omit<AgentAttempt, 'timestamp'> & { readonly minutesAgo: number }

/** A point, by how many minutes ago its series started and it was read. */
export type GivenPoint = Omit<SeriesPoint, 'startMs' | 'timeMs'> & {
  readonly startedAgo: number
  readonly readAgo: number
}

export type Step =
  | { readonly do: 'count'; readonly points: readonly GivenPoint[] }
  | { readonly do: 'append'; readonly attempts: readonly Given[] }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'close' | 'kill' | 'cut the power' | 'snapshot' | 'reset' | 'fail' }

const arbitraryAttempt: fc.Arbitrary<Given> = fc.record(
  {
    agent_name: fc.constantFrom('a', 'b', '__proto__', 'a:b'),
    model_name: fc.constantFrom('m', 'n:m'),
    issue_type: fc.constantFrom('bug'),
    success: fc.boolean(),
    time_seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    experiment: fc.constant('x'),
    variant: fc.constantFrom('p', 'q', 'r'),
    attempt_id: fc.integer({ min: 0, max: 30 }).map(String),
    minutesAgo: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 400 })),
  },
  { requiredKeys: ['agent_name', 'model_name', 'issue_type', 'success', 'time_seconds', 'minutesAgo'] },
)

/** Series that start and end, and exceed the bound. */
const arbitraryPoint: fc.Arbitrary<GivenPoint> = fc.record({
  series: fc.constantFrom('s', 't', 'u', 'v', 'w'),
  key: fc.record({
    agent_name: fc.constantFrom('a', 'b', 'c'),
    model_name: fc.constant('m'),
    issue_type: fc.constantFrom('bug', 'x'),
  }),
  measure: fc.constantFrom<SeriesPoint['measure']>(
    { metric: 'attempts', of: 'failure' },
    { metric: 'tokens', of: 'input' },
    { metric: 'cost' },
  ),
  startedAgo: fc.integer({ min: 30, max: 60 }),
  readAgo: fc.integer({ min: 0, max: 29 }),
  cumulative: fc.boolean(),
  values: fc.array(fc.nat(50), { minLength: 1, maxLength: 1 }),
})

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('count' as const), points: fc.array(arbitraryPoint, { maxLength: 6 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      attempts: fc.array(arbitraryAttempt, { maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('close', 'kill', 'cut the power', 'snapshot', 'reset', 'fail') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 30 }) }) },
)

export const arbitraryHistory: fc.Arbitrary<Step[]> = fc.array(arbitraryStep, { minLength: 1, maxLength: 25 })

const [kill, cut, close, snapshot, reset, fail] = (
  ['kill', 'cut the power', 'close', 'snapshot', 'reset', 'fail'] as const
).map(name => ({ do: name })) as [Step, Step, Step, Step, Step, Step]

function append(...attempts: readonly Partial<Given>[]): Step {
  const plain = { agent_name: 'a', model_name: 'm', issue_type: 'bug', success: true, time_seconds: 1, minutesAgo: 0 }
  return { do: 'append', attempts: attempts.map(more => ({ ...plain, ...more })) }
}

const ids = (from: number, count: number): Step =>
  append(...Array.from({ length: count }, (_, i) => ({ attempt_id: String(from + i) })))
const keys = (...names: readonly string[]): Step => append(...names.map(agent_name => ({ agent_name })))
/** Cumulative points of many series that started an hour ago, with the same value. */
const count = (series: string, value: number): Step => ({
  do: 'count',
  points: [...series].map(one => ({
    series: one,
    key: { agent_name: one, model_name: 'm', issue_type: 'bug' },
    measure: { metric: 'attempts', of: 'failure' },
    startedAgo: 60,
    readAgo: 0,
    cumulative: true,
    values: [value],
  })),
})
const wait = (minutes: number): Step => ({ do: 'wait', minutes })

/** Histories with the seed of the power loss. Add a history that failed here, as fast-check prints it. */
export const HISTORIES: readonly [Step[], number][] = [
  // An id stays known after any kind of end, with and without a snapshot, and within a batch.
  [
    [
      ids(0, 2),
      kill,
      ids(0, 3),
      cut,
      ids(1, 3),
      snapshot,
      kill,
      ids(2, 3),
      close,
      append({ attempt_id: '9' }, { attempt_id: '9' }),
    ],
    1,
  ],
  // Ids are evicted by number and age, and the same ones after a restart.
  [
    [
      ids(0, 8),
      kill,
      ids(8, 6),
      close,
      ids(3, 1),
      ids(0, 1),
      wait(29),
      ids(13, 1),
      wait(2),
      kill,
      ids(13, 1),
      ids(3, 1),
    ],
    2,
  ],
  // Refused attempts do not come back, whatever happens later.
  [[ids(0, 1), fail, kill, ids(1, 1), fail, cut, fail, ids(2, 1), snapshot, fail, kill], 3],
  // A reset removes totals, ids and listed attempts permanently.
  [[ids(0, 3), snapshot, reset, kill, ids(0, 1), cut, reset, close, ids(1, 1), reset, ids(1, 1), cut], 4],
  // Consecutive snapshots with power losses in between.
  [[ids(0, 1), snapshot, ids(1, 1), snapshot, ids(2, 1), cut, snapshot, cut, ids(3, 1), snapshot, kill, close, cut], 5],
  // Keys and arms beyond the bound overflow, and the same ones after a restart.
  [
    [
      keys('1', '2', '3', '4', '5', '6', '7'),
      append(...['p', 'q', 'r', 'p'].map(variant => ({ experiment: 'x', variant }))),
      kill,
      keys('8', '7', '1'),
      snapshot,
      cut,
      append({ experiment: 'x', variant: 'r' }),
      keys('6', '9'),
    ],
    6,
  ],
  // Series continue after any kind of end. Idle ones are evicted, and not counted again.
  [
    [
      count('st', 3),
      kill,
      wait(1),
      count('stu', 5),
      cut,
      wait(1),
      count('vs', 6),
      snapshot,
      wait(31),
      count('vw', 9),
      kill,
      count('tu', 9),
      wait(31),
      close,
      count('s', 20),
      reset,
      wait(1),
      count('s', 30),
      kill,
      wait(1),
      count('s', 31),
    ],
    8,
  ],
  // Old attempts arrive between new ones, and buckets are evicted.
  [
    [
      append({ minutesAgo: 400 }, {}, { minutesAgo: 19 }),
      wait(21),
      append({ minutesAgo: 21 }, { minutesAgo: 250 }),
      kill,
      wait(30),
      append({ minutesAgo: 39 }, {}),
      snapshot,
      append({ minutesAgo: 399 }),
      close,
      wait(30),
    ],
    7,
  ],
]
