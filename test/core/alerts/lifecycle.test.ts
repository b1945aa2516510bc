import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alertId } from '../../../src/core/alerts/alert.ts'
import {
  type AlertChange,
  type AlertsState,
  applyAlertChange,
  createAlertsState,
  replaceAlerts,
  wouldChange,
} from '../../../src/core/alerts/lifecycle.ts'
import { alertsJson, alertsOf, changeOf, storedChange } from '../../../src/store/alert-json.ts'
import { ALERT_CHANGES, anAlert, fires } from '../../support/alerts.ts'

const ID = alertId(anAlert('Slow'))
const over = (startedMs: number): AlertChange => ({ change: 'resolve', id: ID, startedMs })
const notified = (sink: string, startedMs: number, status: 'firing' | 'resolved'): AlertChange => ({
  change: 'notified',
  sink,
  episodes: [{ id: ID, startedMs, status }],
})

/** The state after changes at times 1, 2, 3, and whether each changed it. */
function stateAfter(...changes: readonly AlertChange[]): { state: AlertsState; effects: boolean[] } {
  const state = createAlertsState()
  return { state, effects: changes.map((change, i) => applyAlertChange(state, change, i + 1)) }
}

describe('an alert', () => {
  test('that fires twice begins one episode, with the content of its beginning', () => {
    const later = { ...fires('Slow', ['ops']), alert: anAlert('Slow', { summary: 'It is worse now.' }) }
    const { state, effects } = stateAfter(fires('Slow', ['ops']), later)
    expect(effects).toEqual([true, false])
    expect(state.episodes.get(ID)).toMatchObject({ alert: anAlert('Slow'), startedMs: 1, status: 'firing' })
  })

  test('that ends must be sent to every sink that may know of it, also one whose answer was lost', () => {
    const { state } = stateAfter(fires('Slow', ['ops', 'log']), notified('ops', 1, 'firing'), over(1))
    expect([...state.episodes.get(ID)!.sinks]).toEqual([
      ['ops', undefined],
      ['log', undefined],
    ])
    for (const sink of ['ops', 'log']) applyAlertChange(state, notified(sink, 1, 'resolved'), 4)
    expect(state.episodes.size).toBe(0)
  })

  test('that fires again is another episode, which what was said of the one before does not change', () => {
    const { state, effects } = stateAfter(
      fires('Slow', ['ops']),
      over(1),
      fires('Slow', ['ops']),
      notified('ops', 1, 'resolved'),
      over(1),
    )
    expect(effects).toEqual([true, true, true, false, false])
    expect(state.episodes.get(ID)).toMatchObject({ startedMs: 3, status: 'firing' })
  })

  test('that no sink must receive is forgotten when it ends', () => {
    expect(stateAfter(fires('Slow'), over(1)).state.episodes.size).toBe(0)
  })

  test('must be sent to a sink that is added while it fires, and not to the others again', () => {
    const { state, effects } = stateAfter(
      fires('Slow', ['ops']),
      notified('ops', 1, 'firing'),
      fires('Slow', ['ops', 'new']),
    )
    expect(effects).toEqual([true, true, true])
    expect([...state.episodes.get(ID)!.sinks]).toEqual([
      ['ops', 2],
      ['new', undefined],
    ])
  })
})

test('of two sidecars that take the lease behind the same change, the first in the log has it', () => {
  const take = (holder: string, version: number): AlertChange => ({ change: 'lease', holder, after: version, ttlMs: 5 })
  const { state, effects } = stateAfter(take('a', 0), take('b', 0), take('a', 1), take('b', 1))
  expect(effects).toEqual([true, false, true, false])
  expect(state.lease).toEqual({ holder: 'a', version: 2, ttlMs: 5, atMs: 3 })
})

const anyChange = fc.oneof(
  fc.record({
    change: fc.constant('fire' as const),
    alert: fc.constantFrom('A', 'B').map(rule => anAlert(rule)),
    sinks: fc.subarray(['ops', 'log', '__proto__']),
  }),
  fc.record({
    change: fc.constant('resolve' as const),
    id: fc.constantFrom('A', 'B').map(rule => alertId(anAlert(rule))),
    startedMs: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({
    change: fc.constant('notified' as const),
    sink: fc.constantFrom('ops', 'log', '__proto__'),
    episodes: fc.array(
      fc.record({
        id: fc.constantFrom('A', 'B').map(rule => alertId(anAlert(rule))),
        startedMs: fc.integer({ min: 1, max: 8 }),
        status: fc.constantFrom('firing' as const, 'resolved' as const),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    change: fc.constant('lease' as const),
    holder: fc.constantFrom('a', undefined),
    after: fc.integer({ min: 0, max: 3 }),
    ttlMs: fc.constant(5),
  }),
)

test('a state that is saved and restored anywhere goes on as if it had not been', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 12 }), fc.nat(12), (changes, saveAt) => {
      const [whole, restored] = [createAlertsState(), createAlertsState()]
      for (const [i, change] of changes.entries()) {
        if (i === saveAt) replaceAlerts(restored, alertsOf(alertsJson(restored)))
        const before = wouldChange(restored, change, i + 1)
        expect(applyAlertChange(whole, change, i + 1)).toBe(before)
        expect(applyAlertChange(restored, changeOf(JSON.parse(JSON.stringify(storedChange(change))))!, i + 1)).toBe(
          before,
        )
      }
      expect(restored).toEqual(whole)
      expect(alertsJson(restored)).toBe(alertsJson(whole))
    }),
  )
})

test('every kind of change survives JSON, and an unknown kind is none', () => {
  for (const change of ALERT_CHANGES) expect(changeOf(JSON.parse(JSON.stringify(storedChange(change))))).toEqual(change)
  expect([{ change: 'newer' }, 'slow', null, undefined].map(changeOf)).toEqual(new Array(4).fill(undefined))
})
