/** What the rows about the sidecar share. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Frame, type Line, lines } from './panel.ts'

/** What the filters of the dashboard leave. */
export const OWN = 'job=~"$job", instance=~"$instance"'
/** What panels say where no sidecar is. */
export const NOTHING = 'No sidecar was scraped in this time'

/** How much a counter rises a second. */
export const rate = (counter: string, by = 'instance'): string =>
  `sum by (${by}) (rate(${counter}{${OWN}}[$__rate_interval]))`
/** A gauge as it is. */
export const now = (gauge: string): Line => ({ expr: `${gauge}{${OWN}}`, legend: '{{instance}}' })

/** Lines over time that take a third of a row. */
export function third(
  frame: Pick<Frame, 'id' | 'title' | 'description' | 'unit'> & { readonly lines: readonly Line[] },
): Panel {
  return lines({ width: 8, height: 8, noValue: NOTHING, ...frame })
}
