import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSeries, MAX_INTERVALS, type Series, type SeriesPoint } from '../../../src/core/aggregate/series.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = Date.UTC(2026, 0, 31)
const key = { agent_name: 'a', model_name: 'm', issue_type: 'i' }

/** A point of a counter that counted `value` since `startMs`. */
function point(series: string, value: number, timeMs: number, startMs = NOW - HOUR, cumulative = true): SeriesPoint {
  return {
    series,
    key,
    measure: { metric: 'attempts', of: 'success' },
    startMs,
    timeMs,
    cumulative,
    values: [value],
  }
}

/** Takes points in, and says how much was new. */
function taking(series: Series): (points: readonly SeriesPoint[], nowMs: number) => number {
  return (points, nowMs) => {
    const step = series.step(points, nowMs)
    series.take(step)
    return step.increments.reduce((sum, { values }) => sum + values[0]!, 0)
  }
}

/** The series that have a state. The id of a cumulative one ends with its start. */
const namesIn = ({ states }: Series): string[] => Array.from(states.keys(), id => id.split(' ')[0]!)

test('a step that was not taken changes nothing: the same points are as new as before', () => {
  const series = createSeries({ limit: 10, keepMs: DAY })
  const first = series.step([point('s', 3, NOW)], NOW)
  expect(series.step([point('s', 3, NOW)], NOW)).toEqual(first)
  expect(first.increments.map(({ values }) => values)).toEqual([[3]])
  series.take(first)
  expect(series.step([point('s', 3, NOW)], NOW)).toMatchObject({ points: [], increments: [] })
})

test('a time too far ahead of our clock counts as of the time of receipt', () => {
  const { increments } = createSeries({ limit: 10, keepMs: DAY }).step(
    [point('near', 1, NOW + 60_000), point('far', 1, NOW + HOUR)],
    NOW,
  )
  expect(increments.map(({ atMs }) => atMs)).toEqual([NOW + 60_000, NOW])
})

test('series beyond a lower limit stay, and lose nothing; new ones are refused until one has been idle for long', () => {
  const before = createSeries({ limit: 10, keepMs: DAY })
  const all = Array.from({ length: 8 }, (_, i) => `s${i}`)
  taking(before)(
    all.map(id => point(id, 5, NOW)),
    NOW,
  )
  const series = createSeries({ limit: 3, keepMs: DAY })
  series.restore(before.forgottenMs, before.states)
  const later = (id: string, value: number, hours: number): SeriesPoint => point(id, value, NOW + hours * HOUR)
  expect(taking(series)([later('s7', 6, 1)], NOW + HOUR)).toBe(1)
  expect(series.states.size).toBe(8)
  expect(series.step([later('new', 1, 2)], NOW + 2 * HOUR)).toMatchObject({ refused: 1 })
  expect(
    taking(series)(
      all.map(id => later(id, 8, 3)),
      NOW + 3 * HOUR,
    ),
  ).toBe(7 * 3 + 2)
  expect(series.states.size).toBe(8)
  expect(taking(series)([later('new', 4, 40)], NOW + 40 * HOUR)).toBe(4)
  expect(series.states.size).toBe(8)
  // As a start does with what the journal holds, where a larger limit was in force when it was written.
  const again = createSeries({ limit: 3, keepMs: DAY })
  for (const id of all) again.take(again.step([point(id, 5, NOW)], NOW, true))
  expect(again.states.size).toBe(8)
})

test('what says nothing new is not kept, but for once in a while', () => {
  const series = createSeries({ limit: 10, keepMs: DAY })
  const take = taking(series)
  take([point('s', 3, NOW)], NOW)
  expect(series.step([point('s', 3, NOW + 60_000)], NOW + 60_000).points).toEqual([])
  expect(series.step([point('s', 3, NOW + HOUR)], NOW + HOUR).points).toHaveLength(1)
})

describe('when all series are forgotten', () => {
  test('one that began before is counted from its next point on, one that began later as a whole', () => {
    const series = createSeries({ limit: 10, keepMs: DAY })
    const take = taking(series)
    expect(take([point('old', 5, NOW)], NOW)).toBe(5)
    series.forget(NOW + 1)
    expect(take([point('old', 7, NOW + 10)], NOW + 10)).toBe(0)
    expect(take([point('old', 9, NOW + 20)], NOW + 20)).toBe(2)
    expect(take([point('new', 4, NOW + 30, NOW + 5)], NOW + 30)).toBe(4)
  })

  test('one that does not say when it began is taken as older; deltas are new as they come', () => {
    const series = createSeries({ limit: 10, keepMs: DAY })
    series.forget(NOW)
    const take = taking(series)
    expect(take([point('unknown', 5, NOW + 10, 0)], NOW + 10)).toBe(0)
    expect(take([point('delta', 5, NOW + 10, NOW - 10, false)], NOW + 10)).toBe(5)
  })
})

describe('when there are too many series', () => {
  test('recently active ones stay, and points of further ones are refused', () => {
    const series = createSeries({ limit: 2, keepMs: DAY })
    const take = taking(series)
    take([point('a', 1, NOW), point('b', 1, NOW)], NOW)
    expect(series.step([point('c', 1, NOW + 1), point('a', 2, NOW + 1)], NOW + 1)).toMatchObject({ refused: 1 })
    expect(take([point('c', 1, NOW + 1), point('a', 2, NOW + 1)], NOW + 1)).toBe(1)
    expect(namesIn(series).sort()).toEqual(['a', 'b'])
  })

  test('the least recently active one is removed, and counts once when it returns', () => {
    const series = createSeries({ limit: 2, keepMs: DAY })
    const take = taking(series)
    take([point('a', 1, NOW), point('b', 1, NOW + 1)], NOW)
    const later = NOW + DAY + HOUR
    expect(take([point('c', 1, later, later - 1)], later)).toBe(1)
    expect(namesIn(series)).toEqual(['b', 'c'])
    expect(take([point('a', 9, later + 1)], later + 1)).toBe(0)
    expect(take([point('a', 11, later + 2)], later + 2)).toBe(2)
  })
})

describe('deltas in any order', () => {
  const delta = (i: number, value = 1): SeriesPoint => point('d', value, NOW + i * 1000, NOW + (i - 1) * 1000, false)

  test('each interval counts once, whatever order and however often a Collector delivers it', () => {
    const delivered = fc
      .uniqueArray(fc.record({ i: fc.nat(200), value: fc.integer({ min: 1, max: 9 }), writer: fc.nat(2) }), {
        selector: ({ i, writer }) => `${i} ${writer}`,
        maxLength: MAX_INTERVALS,
      })
      .chain(all => fc.tuple(fc.constant(all), fc.array(fc.constantFrom(...(all.length === 0 ? [undefined] : all)))))
    fc.assert(
      fc.property(delivered, fc.func(fc.nat()), ([all, repeats], rank) => {
        const take = taking(createSeries({ limit: 10, keepMs: DAY }))
        const order = [...all, ...all, ...repeats.filter(one => one !== undefined)]
        order.sort((a, b) => rank(a) - rank(b))
        // Several processes with one resource: their intervals overlap.
        const counted = order.reduce((sum, { i, value, writer }) => {
          const startMs = NOW + i * 1000 + writer * 300
          return sum + take([point('d', value, startMs + 1000, startMs, false)], NOW)
        }, 0)
        expect(counted).toBe(all.reduce((sum, { value }) => sum + value, 0))
      }),
    )
  })

  test('an interval before all that are remembered is late: it is not counted, and is reported', () => {
    const series = createSeries({ limit: 10, keepMs: DAY })
    const take = taking(series)
    for (let i = 1; i <= MAX_INTERVALS + 1; i++) expect(take([delta(i)], NOW)).toBe(1)
    expect(series.step([delta(1)], NOW)).toMatchObject({ points: [], increments: [], late: 1 })
    expect(series.step([delta(2)], NOW)).toMatchObject({ points: [], increments: [], late: 0 })
  })
})

test('several processes that send cumulative series with one resource are all counted', () => {
  const take = taking(createSeries({ limit: 10, keepMs: DAY }))
  const starts = [NOW, NOW + 7, NOW + 3]
  let counted = 0
  for (let i = 1; i <= 20; i++)
    for (const startMs of starts) counted += take([point('one', i, NOW + i * 1000 + (startMs - NOW), startMs)], NOW)
  expect(counted).toBe(60)
})

/** Senders that count up, send again, restart, fall silent and return, each with its true count. */
const moves = fc.array(
  fc.record({
    sender: fc.integer({ min: 0, max: 5 }),
    counts: fc.nat(9),
    again: fc.boolean(),
    restarts: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
    hours: fc.integer({ min: 0, max: 20 }),
    cumulative: fc.boolean(),
  }),
  { maxLength: 60 },
)

function play(limit: number, list: typeof moves extends fc.Arbitrary<infer T> ? T : never): [number, number, Series] {
  const series = createSeries({ limit, keepMs: DAY })
  const take = taking(series)
  const senders = new Map<string, { total: number; startMs: number }>()
  let [nowMs, counted, heard] = [NOW, 0, 0]
  for (const { sender, counts, again, restarts, hours, cumulative } of list) {
    nowMs += hours * HOUR + 1
    const name = `${sender} ${cumulative}`
    const one = restarts ? undefined : senders.get(name)
    const state = one ?? { total: 0, startMs: nowMs - 1 }
    state.total += counts
    senders.set(name, state)
    counted += counts
    const sent = point(name, cumulative ? state.total : counts, nowMs, state.startMs, cumulative)
    heard += take([sent], nowMs)
    if (again) heard += take([sent], nowMs)
  }
  return [counted, heard, series]
}

test('whatever senders do, all they count is counted once', () => {
  fc.assert(
    fc.property(moves, list => {
      const [counted, heard] = play(100, list)
      expect(heard).toBe(counted)
    }),
  )
})

test('with more series than there is room for, nothing is counted twice', () => {
  fc.assert(
    fc.property(moves, fc.integer({ min: 1, max: 4 }), (list, limit) => {
      const [counted, heard, series] = play(limit, list)
      expect(heard).toBeLessThanOrEqual(counted)
      expect(series.states.size).toBeLessThanOrEqual(limit)
    }),
  )
})

test('the kept points alone lead to the same, however small the room', () => {
  const request = fc.array(fc.record({ id: fc.integer({ min: 0, max: 8 }), value: fc.nat(5) }), { maxLength: 8 })
  const requests = fc.array(fc.record({ points: request, hours: fc.nat(30) }), { maxLength: 20 })
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 6 }), (list, limit) => {
      const [first, second] = [createSeries({ limit, keepMs: DAY }), createSeries({ limit, keepMs: DAY })]
      const totals = new Map<number, number>()
      let nowMs = NOW
      for (const { points, hours } of list) {
        nowMs += hours * HOUR + 1
        const sent = points.map(({ id, value }, i) => {
          totals.set(id, (totals.get(id) ?? 0) + value)
          return point(`${id}`, totals.get(id)!, nowMs + i / 100, NOW - 1)
        })
        const step = first.step(sent, nowMs)
        first.take(step)
        const again = second.step(step.points, nowMs, true)
        second.take(again)
        expect(again.increments).toEqual(step.increments)
        expect([...second.states]).toEqual([...first.states])
        expect(second.forgottenMs).toBe(first.forgottenMs)
      }
    }),
  )
})
