import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Alert, alertId } from '../../src/core/alerts/alert.ts'
import { type AlertsState, applyAlertChange, createAlertsState } from '../../src/core/alerts/lifecycle.ts'
import { type Pending, pendingFor, planChanges } from '../../src/notify/plan.ts'
import { anAlert } from '../support/alerts.ts'

const RULES = ['A', 'B', 'C'] as const
const SINKS = ['ops', 'log'] as const

interface Step {
  readonly firing: readonly string[]
  readonly muted: readonly string[]
  /** The sinks that accept what is pending after the evaluation. */
  readonly accepting: readonly string[]
}

const steps = fc.array(
  fc.record<Step>({
    firing: fc.subarray([...RULES]),
    muted: fc.subarray([...RULES]),
    accepting: fc.subarray([...SINKS]),
  }),
  { maxLength: 8 },
)

function evaluate(state: AlertsState, { firing, muted, accepting }: Step, nowMs: number): Map<string, Pending[]> {
  const isMuted = ({ rule }: Alert): boolean => muted.includes(rule)
  const alerts = firing.map(rule => anAlert(rule))
  for (const change of planChanges(state, alerts, { sinks: SINKS, isMuted, nowMs }).changes)
    applyAlertChange(state, change, nowMs)
  const accepted = new Map<string, Pending[]>()
  for (const sink of accepting) {
    const pending = pendingFor(state, { sink, nowMs, repeatMs: undefined, isMuted })
    accepted.set(sink, pending)
    const episodes = pending.map(({ id, episode: { startedMs, status } }) => ({ id, startedMs, status }))
    applyAlertChange(state, { change: 'notified', sink, episodes }, nowMs)
  }
  return accepted
}

test('whatever fires, is muted and is accepted: a sink never receives the same twice in a row, and in the end the end of all it knows', () => {
  fc.assert(
    fc.property(steps, given => {
      const state = createAlertsState()
      const last = new Map<string, string>()
      const quiet: Step = { firing: [], muted: [], accepting: SINKS }
      for (const [i, step] of [...given, quiet].entries()) {
        for (const [sink, pending] of evaluate(state, step, i + 1)) {
          for (const { id, episode } of pending) {
            const key = `${sink} ${id}`
            const received = `${episode.status} ${episode.startedMs}`
            expect(received).not.toBe(last.get(key))
            last.set(key, received)
          }
        }
        const episodes = [...state.episodes].filter(([, { status }]) => status === 'firing').map(([id]) => id)
        const firing = step.firing.map(rule => alertId(anAlert(rule)))
        for (const id of episodes) expect(firing).toContain(id)
        for (const rule of step.firing)
          if (!step.muted.includes(rule)) expect(episodes).toContain(alertId(anAlert(rule)))
      }
      expect(state.episodes.size).toBe(0)
      for (const received of last.values()) expect(received).toMatch(/^resolved /)
    }),
  )
})
