/** `export`: prints every stored attempt as one line of JSON. */
import { type Command, Option } from 'commander'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import type { MissingAttempts } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { questionAt } from '../questions/questions.ts'
import { CommandError, EXIT } from './exit.ts'
import { exportDocument } from './export-document.ts'
import { counted, whole } from './format.ts'
import { type Io, print, printJson, type TextOutput, write } from './io.ts'
import { writeFileWhole } from './output-file.ts'
import { givenParameters, isNarrowed, withParameters } from './parameters.ts'
import { type Source, withSource } from './source.ts'
import { type WhereOptions, withWhere } from './where.ts'

const EXAMPLES = `
Prints attempts as JSON objects, one per line (NDJSON), in the order in which
they were recorded, oldest first, and their outcomes behind them.
"agent-performance import" reads this format.
An attempt without an attempt_id gets one here, the same at every export.
Attempts recorded during the export are left out. --json changes only the
summary that --output prints.

--output replaces the file only when everything is written. If attempts are
damaged or missing in the store, all others are exported, and the exit code is
65.

--format document prints the file that a file store keeps, for a store of any
kind: totals, averages and the last 100 attempts of every key.

Examples:
  agent-performance export --output attempts.ndjson
  agent-performance export --since 24h | jq -c 'select(.success | not)'
  agent-performance export --store agents.json | gzip > attempts.ndjson.gz`

/** Parameters that the export sets itself. It reads all pages, oldest attempts first. */
const RESERVED = ['limit', 'cursor', 'order', 'with_ids', 'with_outcomes']

interface Exported {
  readonly attempts: number
  readonly missing: MissingAttempts
}

interface ExportOptions extends WhereOptions {
  readonly output?: string
  readonly format: 'ndjson' | 'document'
}

export function addExport(program: Command, io: Io): void {
  const command = program.command('export').summary('print every kept attempt as JSON lines')
  command.description('Prints every kept attempt as a line of JSON.')
  withParameters(withWhere(command), questionAt('attempts'), RESERVED)
    .optionsGroup('Options:')
    .addOption(
      new Option('--format <format>', 'attempts, one per line, or the documented file of a store')
        .choices(['ndjson', 'document'])
        .default('ndjson'),
    )
    .option('--output <file>', 'write the lines to a file, and how many there were to standard output')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const { output, json, format, ...where } = command.opts<ExportOptions>()
      const selection = givenParameters(command, questionAt('attempts'))
      if (format === 'document')
        return await exportDocument({ ...where, ...(json && { json }) }, { output, selection }, io)
      await withSource(where, io, 'ask', async source => {
        if (output === undefined) {
          const stdout: TextOutput = { write: text => write(io.stdout, text) }
          return refuseIncomplete(await exportTo(stdout, source, selection), selection)
        }
        // Ask before creating the file: if the question fails, the old file stays.
        await source.ask('attempts', { ...selection, ...PAGE })
        const exported = await writeFileWhole(output, to => exportTo(to, source, selection))
        const { attempts, missing } = exported
        if (json) await printJson(io.stdout, { exported: attempts, output, ...(isAny(missing) && { missing }) })
        else await print(io.stdout, `Exported ${counted(attempts, 'attempt')} to ${output}.`)
        refuseIncomplete(exported, selection)
      })
    })
}

const PAGE = { limit: 1000, order: 'oldest', with_ids: true, with_outcomes: true } as const

async function exportTo(to: TextOutput, source: Source, selection: Selection): Promise<Exported> {
  let attempts = 0
  let missing: MissingAttempts = { records: 0, segments: 0, exact: true }
  let cursor: string | undefined
  do {
    const page = await source.ask('attempts', { ...selection, ...PAGE, cursor })
    const outcomes = (page.outcomes ?? []).map(outcome => `${JSON.stringify(outcome)}\n`)
    const lines = [...page.attempts.map(lineOf), ...outcomes].join('')
    if (lines !== '') await to.write(lines)
    attempts += page.attempts.length
    if (page.missing !== undefined) missing = sumOf(missing, page.missing)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { attempts, missing }
}

/** Prints an attempt without its computed cost. The store that imports the attempt computes it again. */
function lineOf({ computed_cost_usd, ...attempt }: AgentAttempt): string {
  return `${JSON.stringify(attempt)}\n`
}

function sumOf(a: MissingAttempts, b: MissingAttempts): MissingAttempts {
  return { records: a.records + b.records, segments: a.segments + b.segments, exact: a.exact && b.exact }
}

const isAny = ({ records, segments }: MissingAttempts): boolean => records > 0 || segments > 0

/** Fails the command after an incomplete export. A user must notice that attempts are missing. */
function refuseIncomplete({ attempts, missing }: Exported, selection: Selection): void {
  if (!isAny(missing)) return
  const { records, segments, exact } = missing
  const lost = `${exact ? '' : 'at least '}${counted(records, 'attempt')}`
  const files = segments === 0 ? '' : `, with ${counted(segments, 'file')} of its journal`
  const of = exact && !isNarrowed(selection) ? ` of ${whole(attempts + records)}` : ''
  const message = `exported ${whole(attempts)}${of} attempts. The store is damaged: ${lost} cannot be read${files}. Warnings above name the files, or the log of its sidecar and GET /readyz?verbose`
  throw new CommandError(EXIT.data, message)
}
