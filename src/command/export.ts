/** `export`: every kept attempt, one a line. */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Command } from 'commander'
import type { AgentAttempt } from '../core/attempt.ts'
import type { Question } from '../tracker.ts'
import { counted } from './format.ts'
import { type Io, print, printJson, write } from './io.ts'
import { type QuestionOptions, questionOf, withQuestion, withWhere } from './options.ts'
import { type Source, withSource } from './source.ts'

const EXAMPLES = `
The attempts come newest first, as JSON objects one a line (NDJSON), for
"agent-performance import" and any other program. --json is about what --output
says when it is done.

Examples:
  agent-performance export --output attempts.ndjson
  agent-performance export --since 24h | jq -c 'select(.success | not)'
  agent-performance export --store agents.json | gzip > attempts.ndjson.gz`

interface ExportOptions extends QuestionOptions {
  readonly output?: string
}

export function addExport(program: Command, io: Io): void {
  const command = program.command('export').summary('print every kept attempt as JSON lines')
  command.description('Prints every kept attempt as a line of JSON.')
  withQuestion(withWhere(command))
    .optionsGroup('Options:')
    .option('--output <file>', 'write the lines to a file, and how many there were to standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ExportOptions) => {
      const question = questionOf(options)
      const { output } = options
      await withSource(options, io, 'ask', async source => {
        if (output === undefined) return void (await exportTo(io.stdout, source, question))
        const exported = await exportToFile(output, source, question)
        if (options.json) await printJson(io.stdout, { exported, output })
        else await print(io.stdout, `Exported ${counted(exported, 'attempt')} to ${output}.`)
      })
    })
}

/** Asks for the first page before the file is made: where nothing can be asked, what stands there stays. */
async function exportToFile(path: string, source: Source, question: Question): Promise<number> {
  await source.attempts(question)
  const file = createWriteStream(path)
  await once(file, 'open')
  const exported = await exportTo(file, source, question)
  file.end()
  await once(file, 'close')
  return exported
}

async function exportTo(to: Writable, source: Source, question: Question): Promise<number> {
  let exported = 0
  let cursor: string | undefined
  do {
    const page = await source.attempts({ ...question, cursor })
    const lines = page.attempts.map(lineOf).join('')
    if (lines !== '') await write(to, lines)
    exported += page.attempts.length
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return exported
}

/** An attempt as it can be recorded again: the cost that was computed is computed again wherever it is kept. */
function lineOf({ computed_cost_usd, ...attempt }: AgentAttempt): string {
  return `${JSON.stringify(attempt)}\n`
}
