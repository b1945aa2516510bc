/** A lifecycle of alerts that only this process knows. */
import { type AlertLog, applyAlertChange, createAlertsState } from '../core/alerts/lifecycle.ts'
import type { Clock } from '../core/ports.ts'

/** It is lost with the process: for alerts that the store cannot record. */
export function createMemoryAlerts(clock: Clock): AlertLog {
  const state = createAlertsState()
  return { state, writer: undefined, record: async change => applyAlertChange(state, change, clock()) }
}
