/** `export`: every kept attempt, one a line. */
import type { Command } from 'commander'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import type { MissingAttempts } from '../core/ports.ts'
import type { Selection } from '../core/reports/selection.ts'
import { questionAt } from '../questions/questions.ts'
import { CommandError, EXIT } from './exit.ts'
import { counted, whole } from './format.ts'
import { type Io, print, printJson, type TextOutput, write } from './io.ts'
import { writeFileWhole } from './output-file.ts'
import { givenParameters, isNarrowed, withParameters } from './parameters.ts'
import { type Source, withSource } from './source.ts'
import { type WhereOptions, withWhere } from './where.ts'

const EXAMPLES = `
The attempts come oldest first, in the order in which they were kept, as JSON
objects one a line (NDJSON), for "agent-performance import" and any other
program. An attempt that was kept without an attempt_id gets one here, the same
at every export. What is recorded meanwhile is left out. --json is about what
--output says when it is done.

--output replaces the file only when all is written. Where attempts are damaged
or gone from the store all others are exported, and the exit code is 65.

Examples:
  agent-performance export --output attempts.ndjson
  agent-performance export --since 24h | jq -c 'select(.success | not)'
  agent-performance export --store agents.json | gzip > attempts.ndjson.gz`

/** Parameters that an export sets itself: it reads all pages, the oldest attempts first. */
const OWN = ['limit', 'cursor', 'order', 'with_ids']

interface Exported {
  readonly attempts: number
  readonly missing: MissingAttempts
}

export function addExport(program: Command, io: Io): void {
  const command = program.command('export').summary('print every kept attempt as JSON lines')
  command.description('Prints every kept attempt as a line of JSON.')
  withParameters(withWhere(command), questionAt('attempts'), OWN)
    .optionsGroup('Options:')
    .option('--output <file>', 'write the lines to a file, and how many there were to standard output')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const { output, json, ...where } = command.opts<WhereOptions & { readonly output?: string }>()
      const selection = givenParameters(command, questionAt('attempts'))
      await withSource(where, io, 'ask', async source => {
        if (output === undefined) {
          const stdout: TextOutput = { write: text => write(io.stdout, text) }
          return refuseIncomplete(await exportTo(stdout, source, selection), selection)
        }
        // Asked before the file is made: where nothing can be asked, what stands there stays.
        await source.ask('attempts', { ...selection, ...PAGE })
        const exported = await writeFileWhole(output, to => exportTo(to, source, selection))
        const { attempts, missing } = exported
        if (json) await printJson(io.stdout, { exported: attempts, output, ...(isAny(missing) && { missing }) })
        else await print(io.stdout, `Exported ${counted(attempts, 'attempt')} to ${output}.`)
        refuseIncomplete(exported, selection)
      })
    })
}

const PAGE = { limit: 1000, order: 'oldest', with_ids: true } as const

async function exportTo(to: TextOutput, source: Source, selection: Selection): Promise<Exported> {
  let attempts = 0
  let missing: MissingAttempts = { records: 0, segments: 0, exact: true }
  let cursor: string | undefined
  do {
    const page = await source.ask('attempts', { ...selection, ...PAGE, cursor })
    const lines = page.attempts.map(lineOf).join('')
    if (lines !== '') await to.write(lines)
    attempts += page.attempts.length
    if (page.missing !== undefined) missing = sumOf(missing, page.missing)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { attempts, missing }
}

/** An attempt as it can be recorded again: the cost that was computed is computed again wherever it is kept. */
function lineOf({ computed_cost_usd, ...attempt }: AgentAttempt): string {
  return `${JSON.stringify(attempt)}\n`
}

function sumOf(a: MissingAttempts, b: MissingAttempts): MissingAttempts {
  return { records: a.records + b.records, segments: a.segments + b.segments, exact: a.exact && b.exact }
}

const isAny = ({ records, segments }: MissingAttempts): boolean => records > 0 || segments > 0

/** What was exported is all that can be read; that it is not all must not go unnoticed. */
function refuseIncomplete({ attempts, missing }: Exported, selection: Selection): void {
  if (!isAny(missing)) return
  const { records, segments, exact } = missing
  const lost = `${exact ? '' : 'at least '}${counted(records, 'attempt')}`
  const files = segments === 0 ? '' : `, with ${counted(segments, 'file')} of its journal`
  const of = exact && !isNarrowed(selection) ? ` of ${whole(attempts + records)}` : ''
  const message = `exported ${whole(attempts)}${of} attempts. The store is damaged: ${lost} cannot be read${files}. Warnings above name the files, or the log of its sidecar and GET /readyz?verbose`
  throw new CommandError(EXIT.data, message)
}
