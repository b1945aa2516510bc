/** `import`: attempts that were made before. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { maskSecrets } from '../config.ts'
import type { NewAttempt } from '../core/attempt.ts'
import { readAttempts } from './attempts-in.ts'
import type { Lost } from './document.ts'
import { CommandError, EXIT } from './exit.ts'
import { counted, whole } from './format.ts'
import { type Io, print, printJson } from './io.ts'
import { nameOf } from './lines.ts'
import { type WhereOptions, withWhere } from './options.ts'
import { createProgress } from './progress.ts'
import { type Source, withSource } from './source.ts'

/** Attempts of one request or append. */
const BATCH = 1000

const HELP = `
A file is either attempts, one JSON object a line, or the documented
agent_performance.json; "-" is standard input. Both may be gzip.

An attempt has agent_name, model_name, issue_type, success and time_seconds; it
may have a timestamp (RFC 3339; now, where it has none), a confidence from 0 to
1, cost_usd and more: GET /openapi.json on a sidecar names all.

An attempt with an attempt_id counts once, however often it is imported while
that id is remembered (--id-window and --id-window-age of serve). The documented
file holds only the last 100 attempts of a key: they are imported with ids of
their own. To keep its totals, start a store from the file itself:
agent-performance serve --store FILE

Examples:
  agent-performance import attempts.ndjson.gz
  agent-performance export --store old.json | agent-performance import -
  agent-performance import /tmp/agent_performance.json --store agents.json`

interface ImportOptions extends WhereOptions {
  readonly json?: true
}

interface Imported {
  readonly file: string
  readonly accepted: number
  readonly duplicates: number
  /** What a documented file counts beyond the attempts it holds. */
  readonly not_held: Lost
}

export function addImport(program: Command, io: Io): void {
  const command = program.command('import').summary('bring in earlier attempts')
  command
    .description('Brings in earlier attempts.')
    .argument('<file...>', 'the documented JSON file, or attempts one a line; "-" for standard input')
  withWhere(command, 'record')
    .addHelpText('after', HELP)
    .action(async (files: string[], options: ImportOptions) => {
      refuseItself(files, options.store)
      const imported = await withSource(options, io, 'record', async source => {
        const done: Imported[] = []
        for (const file of files) done.push(await importFile(file, source, io))
        return done
      })
      if (options.json) await printJson(io.stdout, { files: imported })
      else await print(io.stdout, imported.map(importedText).join('\n'))
    })
}

/** Opened as a store the file's totals are adopted: its recent attempts would count twice. */
function refuseItself(files: readonly string[], store: string | undefined): void {
  for (const file of files) {
    if (store === undefined || resolve(file) !== resolve(store)) continue
    const name = maskSecrets(file)
    const message = `${name} is the store itself: "agent-performance serve --store ${name}" starts from what it holds, totals and all`
    throw new CommandError(EXIT.usage, message)
  }
}

async function importFile(file: string, source: Source, io: Io): Promise<Imported> {
  const kept = { accepted: 0, duplicates: 0 }
  let bytes = 0
  let not_held: Lost = { entries: 0, attempts: 0 }
  const progress = createProgress(io.stderr, sizeOf(file))
  const attempts = readAttempts({
    path: file,
    stdin: io.stdin,
    onBytes: more => {
      bytes += more
    },
    onLost: lost => {
      not_held = lost
    },
  })
  try {
    for await (const batch of batches(attempts)) {
      const { accepted, duplicates } = await source.record(batch)
      kept.accepted += accepted
      kept.duplicates += duplicates
      progress.show(bytes, kept.accepted + kept.duplicates)
    }
  } catch (error) {
    throw brokenOff(error, file, kept.accepted)
  } finally {
    progress.end()
  }
  return { file: nameOf(file), ...kept, not_held }
}

function sizeOf(file: string): number | undefined {
  return file === '-' ? undefined : statSync(file, { throwIfNoEntry: false })?.size
}

/** Groups of attempts. What stands before a bad one is given out before that rejects. */
async function* batches(attempts: AsyncGenerator<NewAttempt>): AsyncGenerator<NewAttempt[]> {
  let batch: NewAttempt[] = []
  try {
    for await (const attempt of attempts) {
      batch.push(attempt)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
  } catch (error) {
    if (batch.length > 0) yield batch
    throw error
  }
  if (batch.length > 0) yield batch
}

function brokenOff(error: unknown, file: string, accepted: number): unknown {
  if (!(error instanceof CommandError) || accepted === 0) return error
  const before = `${counted(accepted, 'attempt')} of ${nameOf(file)} before that ${accepted === 1 ? 'is' : 'are'} imported`
  return new CommandError(error.exitCode, `${error.message}. ${before}`, { cause: error })
}

function importedText({ file, accepted, duplicates, not_held }: Imported): string {
  const known = duplicates === 0 ? '' : `, ${whole(duplicates)} known already`
  const line = `Imported ${counted(accepted, 'attempt')} from ${file}${known}.`
  if (not_held.attempts === 0) return line
  const entries = counted(not_held.entries, 'entry counts', 'entries count')
  return `${line}
Not imported: ${entries} ${counted(not_held.attempts, 'more attempt')} than the file holds: only the recent ones are in it. To keep the
totals too, start a store from the file itself: agent-performance serve --store ${file}`
}
