/** `attempts`: the attempts that the store keeps, one per line. */
import type { AgentAttempt } from '../../core/attempt/attempt.ts'
import type { AttemptPage, MissingAttempts } from '../../core/ports.ts'
import type { Input } from '../../questions/questions.ts'
import { confidence, counted, seconds, usd } from '../format.ts'
import type { Hints } from '../hints.ts'
import { type Io, styled } from '../io.ts'
import type { Layout } from '../layout.ts'
import type { Column } from '../table.ts'
import { note, nothingYet, tableText, wrapped } from '../text.ts'

const HELP = `
One line is one attempt. "ended" is in the zone of --tz. "conf." is the stated
confidence. "cost" is the reported cost, else the one computed from tokens and
prices. A column without any value is left out.

"result" is what the attempt reported, and "pending" if it reported none.
Outcomes that were recorded later are not shown: "agent-performance honesty"
compares them, and "agent-performance export" prints them.

A page holds --limit attempts. If there are more, the last line gives the
--cursor of the next page. --json prints every field, and the cursor as
next_cursor. "agent-performance export" prints all attempts, without pages.

Examples:
  agent-performance attempts
  agent-performance attempts --agent-name droid --since 24h --limit 20
  agent-performance attempts --json | jq '.attempts[] | select(.success | not)'`

export const layout: Layout<'attempts'> = {
  help: HELP,
  isEmpty: ({ attempts, next_cursor }) => attempts.length === 0 && next_cursor === null,
  text: attemptsText,
}

function attemptsText(page: AttemptPage, given: Given, io: Io, hints: Hints): string {
  const { attempts, next_cursor, missing } = page
  return [
    ...(missing === undefined ? [] : [styled('yellow', missingText(missing, io), io.stdout, io.env), '']),
    ...(attempts.length === 0 ? [emptyText(page, given, hints)] : tableOf(attempts, given, io)),
    // On a line of its own and never wrapped, so that it can be copied.
    ...(next_cursor === null ? [] : [`There are more: add --cursor ${next_cursor}`]),
  ].join('\n')
}

/** A page may be empty although later ones are not: the store reads a bounded part of its log for each. */
function emptyText({ next_cursor }: AttemptPage, given: Given, hints: Hints): string {
  if (next_cursor !== null) return 'No attempt on this page fits that question.'
  return given.cursor === undefined ? nothingYet(given, hints) : 'No further attempts.'
}

function tableOf(attempts: readonly AgentAttempt[], { order = 'newest', tz = 'UTC' }: Given, io: Io): string[] {
  const rows = attempts.map(attempt => COLUMNS.map(({ cell }) => cell(attempt, tz)))
  // A column of dashes would take width that names need.
  const used = COLUMNS.map(({ isOptional }, i) => isOptional !== true || rows.some(row => row[i] !== '-'))
  const cells = rows.map(row => row.filter((_, i) => used[i]))
  const columns = COLUMNS.filter((_, i) => used[i])
  return [
    tableText(columns, cells, io),
    '',
    note(`${counted(attempts.length, 'attempt')}, ${order} first. Times are in ${tz}.`, io),
  ]
}

type Given = Input<'attempts'>

interface AttemptColumn extends Column {
  /** Left out if no row has a value. */
  readonly isOptional?: true
  readonly cell: (attempt: AgentAttempt, tz: string) => string
}

const COLUMNS: readonly AttemptColumn[] = [
  { title: 'ended', align: 'right', cell: ({ timestamp }, tz) => timeText(timestamp, tz) },
  { title: 'agent', align: 'left', cell: ({ agent_name }) => agent_name },
  { title: 'model', align: 'left', cell: ({ model_name }) => model_name },
  { title: 'issue', align: 'left', cell: ({ issue_type }) => issue_type },
  { title: 'result', align: 'left', cell: resultText },
  { title: 'conf.', align: 'right', isOptional: true, cell: attempt => confidence(attempt.confidence ?? null) },
  { title: 'time', align: 'right', cell: ({ time_seconds }) => lengthText(time_seconds) },
  {
    title: 'cost',
    align: 'right',
    isOptional: true,
    cell: ({ cost_usd, computed_cost_usd }) => usd(cost_usd ?? computed_cost_usd),
  },
]

/** As it was recorded. An attempt without a result is no failure: an outcome will decide it. */
function resultText({ success, error_type = 'failure' }: AgentAttempt): string {
  if (success === undefined) return 'pending'
  return success ? 'success' : error_type
}

/** Without tenths where they say little: they would make a line with a cost wider than 80 columns. */
const lengthText = (length: number): string => (length < 100 ? seconds(length) : `${length.toFixed(0)} s`)

/** `2026-01-31 12:00` in a zone. */
function timeText(timestamp: string, timeZone: string): string {
  // Swedish dates have this form.
  return new Date(timestamp).toLocaleString('sv-SE', { timeZone }).slice(0, 16)
}

function missingText({ records, exact }: MissingAttempts, io: Io): string {
  const least = exact ? '' : 'At least '
  return wrapped(`${least}${counted(records, 'attempt')} of the store cannot be read and may be missing here.`, io)
}
