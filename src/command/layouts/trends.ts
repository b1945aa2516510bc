/** `trends`: the success rate over time. */
import type { Selection } from '../../core/reports/selection.ts'
import type { TrendPoint, TrendReport } from '../../core/reports/trends.ts'
import type { RateDifference } from '../../core/statistics/sequential.ts'
import { counted, lengthText, points, RATE_COLUMNS, rateCells } from '../format.ts'
import type { Hints } from '../hints.ts'
import { type Io, type Style, styled } from '../io.ts'
import type { Layout } from '../layout.ts'
import { PLOT_COLUMN, plot } from '../plot.ts'
import { nothingYet, tableText, wrapped } from '../text.ts'

const HELP = `
Every line is an interval of time. Days and weeks (from Monday on) are those of
--tz. In the plot, # is its success rate and - the 95 % interval. If the lines
of two intervals overlap, they may be equal.

The first sentence is the verdict: what has drifted, and what the halves say.

The direction compares the later half of the attempts with the earlier half. You
may ask as often as you like. Without enough evidence it says "cannot tell yet".

Drift is computed as of --until, from up to 1,000 attempts of every key (agent,
model and issue type). The first 30 are learned, the others compared with them.
With --since, only attempts from then on can show a drift. After a drift the new
rate is learned. New or harder issues of an agent are no drift.

Examples:
  agent-performance trends
  agent-performance trends --agent-name droid --since 30d --interval 1d
  agent-performance trends --issue-type bug --json | jq -r .direction`

export const layout: Layout<'trends'> = {
  help: HELP,
  isEmpty: report => attemptsOf(report) === 0,
  text: trendText,
}

const attemptsOf = ({ points }: TrendReport): number => points.reduce((sum, point) => sum + point.total_attempts, 0)

function trendText(report: TrendReport, given: Selection, io: Io, hints: Hints): string {
  const attempts = attemptsOf(report)
  if (attempts === 0) return nothingYet(given, hints)
  const { tz = 'UTC' } = given
  const columns = [{ title: `from (${tz})`, align: 'right' } as const, PLOT_COLUMN, ...RATE_COLUMNS]
  const rows = report.points.map(point => [timeText(point.since, report.interval_seconds, tz), ...pointCells(point)])
  return [
    `${counted(attempts, 'attempt')} by intervals of ${lengthText(report.interval_seconds)}`,
    styled(NEWS.get(report.verdict.split(/[: ]/, 1)[0]!) ?? 'bold', wrapped(report.verdict, io), io.stdout, io.env),
    '',
    wrapped(directionText(report), io),
    '',
    tableText(columns, rows, io),
    '',
    ...driftLines(report, given).map(line => wrapped(line, io, '  ')),
  ].join('\n')
}

/** The styles of verdicts by their first word. */
const NEWS: ReadonlyMap<string, Style> = new Map([
  ['Better', 'green'],
  ['Worse', 'red'],
  ['Mixed', 'yellow'],
])

/** `2026-01-31` in a zone, with the time if intervals are shorter than a day. */
function timeText(time: string, lengthSeconds: number, timeZone: string): string {
  // Swedish dates have this form.
  const parts = new Date(time).toLocaleString('sv-SE', { timeZone })
  return lengthSeconds % 86_400 === 0 ? parts.slice(0, 10) : parts.slice(0, 16)
}

function pointCells(point: TrendPoint): string[] {
  if (point.total_attempts === 0) return ['', '-', '-', '0']
  return [plot(point.success_rate_interval, { '#': point.success_rate }), ...rateCells(point)]
}

function directionText({ direction, change }: TrendReport): string {
  if (change === null) return TOO_FEW
  const { low, high } = change.difference_interval
  if (direction !== 'cannot_tell_yet') {
    const more = direction === 'improving' ? 'more' : 'less'
    const by = `${Math.abs(change.difference).toFixed(1)} points ${more}`
    return `${direction}: the later half of them succeeds ${by} than the earlier half (${points(low)} to ${points(high)})`
  }
  if (saysNothing(change)) return TOO_FEW
  return `cannot tell yet: the later half of them may succeed ${sideText(low)} to ${sideText(high)} than the earlier half`
}

const TOO_FEW = 'cannot tell yet: there are too few of them to compare the later half with the earlier'

const saysNothing = ({ difference_interval: { low, high } }: RateDifference): boolean => low <= -99 && high >= 99

const sideText = (value: number): string => `${Math.abs(value).toFixed(1)} points ${value < 0 ? 'less' : 'more'}`

/** Maximum number of drifts named. The text only counts the others. */
const NAMED = 10

function driftLines({ agents, drifted_keys }: TrendReport, { since, until }: Selection): string[] {
  const watched = Object.entries(agents)
  const drifted = [
    ...watched.map(([agent, drift]) => ({ ...drift, who: `${agent}, over all its issue types` })),
    ...drifted_keys.map(key => ({ ...key, who: `${key.agent_name} with ${key.model_name} at ${key.issue_type}` })),
  ].filter(({ direction }) => direction !== 'none')
  if (drifted.length > 0) {
    const named = drifted.slice(0, NAMED).map(({ who, direction, began_attempts_ago }) => {
      const since = began_attempts_ago === null ? '' : `, since about ${counted(began_attempts_ago, 'attempt')}`
      return `- ${who}: ${direction === 'down' ? 'down' : 'up'}${since}`
    })
    const rest = drifted.length - named.length
    return ['Drifted from what it was:', ...named, ...(rest > 0 ? [`- ${counted(rest, 'other')}`] : [])]
  }
  if (watched.length > 0) return ['No drift can be told.']
  if (since === undefined && until === undefined)
    return ['No agent has enough attempts yet to tell whether it has drifted.']
  return ['No agent has enough attempts in that time and before it to tell whether it has drifted.']
}
