/** `alerts`: what fires now and why. */
import type { AlertFigure } from '../../core/alerts/alert.ts'
import type { AlertList, ListedAlert } from '../../questions/alerts.ts'
import { counted, percent, seconds, usd, whole } from '../format.ts'
import { type Io, type Style, styled, widthOf } from '../io.ts'
import type { Layout } from '../layout.ts'
import { wrapLines, wrapped } from '../text.ts'

const HELP = `
Lists what fires now: what happened, since when, how sure it is, and what to look
at. Every rule says how often it fires although nothing is wrong. The rules and
their settings are in docs/alerts.md.

A sidecar tells alerts by itself. This command evaluates the same rules on a
store, or asks a sidecar with --url. With --since it lists the alerts about
something that began since then.

Examples:
  agent-performance alerts
  agent-performance alerts --agent-name droid
  agent-performance alerts --state firing --json | jq -r '.alerts[].summary'`

export const layout: Layout<'alerts'> = {
  help: HELP,
  isEmpty: ({ alerts }) => alerts.length === 0,
  text: (answer, _given, io) => alertsText(answer, io),
}

const STYLES: Readonly<Record<ListedAlert['severity'], Style>> = { critical: 'red', warning: 'yellow', info: 'bold' }

function alertsText({ alerts, watched }: AlertList, io: Io): string {
  if (alerts.length === 0) {
    const lines = watched.map(({ watches }) => wrapped(`- ${watches}`, io, '  '))
    const are = watched.length === 1 ? 'is' : 'are'
    return [`Nothing fires. ${counted(watched.length, 'rule')} ${are} watched:`, ...lines].join('\n')
  }
  return alerts.map(alert => alertText(alert, io)).join('\n\n')
}

function alertText(alert: ListedAlert, io: Io): string {
  const { severity, state, owner, rule, summary, since, detail, false_alarms, figures, links } = alert
  const word = state === 'muted' ? `${severity}, muted` : severity
  const told = owner === null ? '' : `, owner ${owner}`
  const dim = (text: string): string => styled('dim', indented(text, io), io.stdout, io.env)
  return [
    styled(STYLES[severity], wrapped(`${word}: ${summary}`, io, INDENT), io.stdout, io.env),
    indented(`${rule} since ${since}${told}`, io),
    ...figures.map(figure => indented(figureText(figure), io)),
    indented(detail, io),
    dim(false_alarms),
    dim(`see ${links.page}, ${links.question}, ${links.runbook}`),
  ].join('\n')
}

const INDENT = '  '

/** A sentence whose lines all begin with {@link INDENT}. */
const indented = (text: string, { stdout }: Io): string =>
  wrapLines(text, widthOf(stdout) - INDENT.length)
    .map(line => INDENT + line)
    .join('\n')

const PRINTERS: Readonly<Record<AlertFigure['unit'], (value: number) => string>> = {
  percent,
  seconds,
  usd,
  count: whole,
}

function figureText({ name, unit, before, after, interval, n }: AlertFigure): string {
  const print = PRINTERS[unit]
  const change = before === null ? print(after) : `${print(before)} before, ${print(after)} now`
  const range = interval === null ? '' : ` [${print(interval.low)} to ${print(interval.high)}]`
  return `${name}: ${change}${range}${unit === 'count' ? '' : ` of ${counted(n, 'attempt')}`}`
}
