/** Parts that the rows about the sidecar share. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Frame, type Line, lines } from './panel.ts'

/** Selects by the filters of the dashboard. */
export const OWN = 'job=~"$job", instance=~"$instance"'
/** The text of a panel without a sidecar. */
export const NOTHING = 'No sidecar was scraped in this time'

/** The rate of a counter per second. */
export const rate = (counter: string, by = 'instance'): string =>
  `sum by (${by}) (rate(${counter}{${OWN}}[$__rate_interval]))`
/** The current value of a gauge. */
export const now = (gauge: string): Line => ({ expr: `${gauge}{${OWN}}`, legend: '{{instance}}' })

/** Lines over time, a third of a row wide. */
export function third(
  frame: Pick<Frame, 'id' | 'title' | 'description' | 'unit'> & { readonly lines: readonly Line[] },
): Panel {
  return lines({ width: 8, height: 8, noValue: NOTHING, ...frame })
}
