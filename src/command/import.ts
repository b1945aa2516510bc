/** `import`: records attempts from files. The file is long because it holds every step of an import, and what it prints. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { maskSecrets } from '../config/config.ts'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import type { Appended } from '../core/ports.ts'
import type { ImportedDocument } from '../store/import-document.ts'
import { isOutcome, type ReadItem, readAttempts } from './attempts-in.ts'
import type { Lost } from './document.ts'
import { CommandError, EXIT, exitCodeOf } from './exit.ts'
import { counted, whole } from './format.ts'
import { type Io, print, printJson, type Signal } from './io.ts'
import { nameOf } from './lines.ts'
import { createProgress } from './progress.ts'
import { type Source, withSource } from './source.ts'
import { printable } from './table.ts'
import { type WhereOptions, withWhere } from './where.ts'

/** Attempts or outcomes per request or append. */
const BATCH = 1000

const HELP = `
A file contains attempts, one JSON object per line, or is the documented
agent_performance.json. "-" is standard input. Both may be compressed with gzip.

An attempt has agent_name, model_name, issue_type, success and time_seconds. It
may have a timestamp (RFC 3339, by default now), a confidence from 0 to 1,
cost_usd and more. GET /openapi.json of a sidecar describes all fields.

A line with attempt_id, success and source is an outcome of an attempt, as
"export" prints it behind its attempt.

An attempt with an attempt_id counts once, however often it is imported while
that id is remembered (--id-window and --id-window-age of serve). An attempt
without one gets an id, derived from its content and its number among equal
attempts. Without a timestamp, the id is derived from all lines up to it. So an
interrupted import, or a file that has grown, can be imported again from its
beginning.

The documented file contains only the last 100 attempts of a key. An empty store
(--store) takes its totals too, once. A store that holds something already, and
a sidecar, take its attempts only. A damaged entry costs that entry alone: all
others are imported, and the exit code is 65.

Examples:
  agent-performance import attempts.ndjson.gz
  agent-performance export --store old.json | agent-performance import -
  agent-performance import /tmp/agent_performance.json --store agents.json`

interface Imported {
  readonly file: string
  readonly accepted: number
  readonly duplicates: number
  /** Attempts without an id, for which one was derived. */
  readonly derived_ids: number
  /** Outcomes of attempts. Present if the file has any. `unknown`: their attempt is not stored. */
  readonly outcomes?: ImportedOutcomes
  /** Attempts that a documented file counts but does not contain. */
  readonly not_held: Lost
  /** Set if the store begins with the documented file, with all its totals: since now, or since an earlier import. */
  readonly adopted?: 'now' | 'before'
  /** Parts of the documented file that are no data as documented. They were not imported. */
  readonly damaged?: ImportedDocument['damaged']
}

interface ImportedOutcomes {
  readonly accepted: number
  readonly duplicates: number
  readonly unknown: number
}

export function addImport(program: Command, io: Io): void {
  const command = program.command('import').summary('bring in earlier attempts')
  command
    .description('Brings in earlier attempts.')
    .argument('<file...>', 'the documented JSON file, or attempts one a line; "-" for standard input')
  withWhere(command, 'record')
    .option(
      '--model-aliases <path>',
      'with --store: file of spellings by model name (default: $AGENT_PERFORMANCE_MODEL_ALIASES). A sidecar uses its own',
    )
    .addHelpText('after', HELP)
    .action(async (files: string[], options: WhereOptions) => {
      refuseItself(files, options.store)
      if (options.modelAliases !== undefined && options.store === undefined)
        throw new CommandError(
          EXIT.usage,
          '--model-aliases needs --store: a sidecar uses the aliases it was started with',
        )
      const interruption = createInterruption(io)
      const done: Imported[] = []
      try {
        await withSource(options, io, 'record', async source => {
          for (const file of files) {
            const imported = await importFile(file, source, io, interruption.signalled)
            done.push(imported)
            if (options.json === undefined) await print(io.stdout, importedText(imported))
          }
        })
        refuseDamaged(done)
      } finally {
        interruption.end()
        if (options.json && done.length > 0) await printJson(io.stdout, { files: done })
      }
    })
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const SIGNAL_EXITS: ReadonlyMap<string, number> = new Map([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])

interface Interruption {
  /** Rejects at the first signal. */
  readonly signalled: Promise<never>
  /** Removes the signal listeners. */
  end(): void
}

/** The first signal stops the import, which then prints what was recorded. A second signal exits at once. */
function createInterruption(io: Io): Interruption {
  const { promise, reject } = Promise.withResolvers<never>()
  // Prevents an unhandled rejection if the signal arrives before the first batch awaits this promise.
  promise.catch(() => undefined)
  let isFirst = true
  const stop = (signal: Signal): void => {
    const exitCode = SIGNAL_EXITS.get(signal) ?? EXIT.temporary
    if (!isFirst) io.exit(exitCode)
    isFirst = false
    reject(new CommandError(exitCode, `interrupted by ${signal}`))
  }
  for (const signal of SIGNALS) io.on(signal, stop)
  return {
    signalled: promise,
    end() {
      for (const signal of SIGNALS) io.off(signal, stop)
    },
  }
}

/** Rejects a file that is the store itself. Opening the store adopts the file's totals, so importing it would count attempts twice. */
function refuseItself(files: readonly string[], store: string | undefined): void {
  for (const file of files) {
    if (store === undefined || resolve(file) !== resolve(store)) continue
    const name = maskSecrets(file)
    const message = `${name} is the store itself: "agent-performance serve --store ${name}" starts from what it holds, totals and all`
    throw new CommandError(EXIT.usage, message)
  }
}

/** Fails the command after an import that left something out. A user must notice. */
function refuseDamaged(done: readonly Imported[]): void {
  for (const { file, damaged = [] } of done) {
    const [first] = damaged
    if (first === undefined) continue
    const what = counted(damaged.length, 'part of it is', 'parts of it are')
    const message = `${nameOf(file)} was imported, but ${what} damaged and left out: ${printable(first.entry)}: ${printable(first.reason)}`
    throw new CommandError(EXIT.data, message)
  }
}

async function importFile(file: string, source: Source, io: Io, signalled: Promise<never>): Promise<Imported> {
  const kept = { accepted: 0, duplicates: 0 }
  let derived_ids = 0
  let bytes = 0
  let not_held: Lost = { entries: 0, attempts: 0 }
  let adoption: ImportedDocument | undefined
  const damaged: ImportedDocument['damaged'][number][] = []
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
    onDerivedId: () => {
      derived_ids++
    },
    onDamaged: one => damaged.push(one),
    onDocument:
      source.adopt &&
      (async document => {
        adoption = await source.adopt?.(document)
        return adoption?.result !== 'refused'
      }),
  })
  const outcomes = { accepted: 0, duplicates: 0, unknown: 0 }
  const record = async (items: readonly ReadItem[]): Promise<void> => {
    if (items[0] === undefined || !isOutcome(items[0])) {
      const { accepted, duplicates } = await source.record(items as readonly NewAttempt[])
      kept.accepted += accepted
      kept.duplicates += duplicates
      return
    }
    const recorded = await source.recordOutcomes(items as readonly Outcome[])
    outcomes.accepted += recorded.accepted
    outcomes.duplicates += recorded.duplicates
    outcomes.unknown += recorded.unknown.length
  }
  const batch = batches(attempts)
  let inFlight = 0
  try {
    for (;;) {
      const next = await Promise.race([batch.next(), signalled])
      if (next.done) break
      inFlight = next.value.length
      await Promise.race([record(next.value), signalled])
      inFlight = 0
      progress.show(bytes, kept.accepted + kept.duplicates)
    }
  } catch (error) {
    // Not awaited: the generator may wait for input that never arrives.
    batch.return(undefined).catch(() => undefined)
    throw interrupted(error, file, kept, inFlight)
  } finally {
    progress.end()
  }
  const hasOutcomes = Object.values(outcomes).some(count => count > 0)
  const imported = { file: nameOf(file), ...kept, derived_ids, ...(hasOutcomes && { outcomes }), not_held }
  if (adoption === undefined || adoption.result === 'refused')
    return { ...imported, ...(damaged.length > 0 && { damaged }) }
  return { ...imported, ...adoptionOf(adoption) }
}

/** What an import says that made a documented file the beginning of the store. */
function adoptionOf({
  result,
  attempts,
  damaged,
}: ImportedDocument): Pick<Imported, 'accepted' | 'duplicates' | 'adopted' | 'damaged'> {
  if (result === 'before') return { accepted: 0, duplicates: attempts, adopted: 'before' }
  const counts = { accepted: attempts, duplicates: 0, adopted: 'now' as const }
  return { ...counts, ...(damaged.length > 0 && { damaged }) }
}

function sizeOf(file: string): number | undefined {
  return file === '-' ? undefined : statSync(file, { throwIfNoEntry: false })?.size
}

/** Groups items into batches of one kind. Yields the valid items before an invalid one, then rejects. */
async function* batches(items: AsyncGenerator<ReadItem>): AsyncGenerator<ReadItem[]> {
  let batch: ReadItem[] = []
  try {
    for await (const item of items) {
      if (batch.length === BATCH || (batch[0] !== undefined && isOutcome(batch[0]) !== isOutcome(item))) {
        yield batch
        batch = []
      }
      batch.push(item)
    }
  } catch (error) {
    if (batch.length > 0) yield batch
    throw error
  }
  if (batch.length > 0) yield batch
}

/** Adds to the error's message how many attempts were recorded, and how to continue. */
function interrupted(error: unknown, file: string, { accepted, duplicates }: Appended, inFlight: number): unknown {
  const exitCode = exitCodeOf(error)
  if (exitCode === undefined || accepted + duplicates + inFlight === 0) return error
  const known = duplicates === 0 ? '' : ` and ${whole(duplicates)} known already`
  const before = `${counted(accepted, 'attempt')} of ${nameOf(file)} before that ${accepted === 1 ? 'is' : 'are'} imported${known}`
  const next = inFlight === 0 ? '' : `, and some of the next ${whole(inFlight)} may be`
  const again = 'To go on, import it again from its beginning: what is kept counts once'
  return new CommandError(exitCode, `${(error as Error).message}. ${before}${next}. ${again}`, { cause: error })
}

function outcomesText({ accepted, duplicates, unknown }: ImportedOutcomes): string {
  const known = duplicates === 0 ? '' : `, ${whole(duplicates)} known already`
  const lost = unknown === 0 ? '' : `. ${counted(unknown, 'outcome')} of attempts that are not stored`
  return `\nOutcomes: ${whole(accepted)}${known}${lost}.`
}

function importedText({ file, accepted, duplicates, derived_ids, outcomes, not_held, adopted }: Imported): string {
  if (adopted === 'before')
    return `Imported nothing from ${file}: the store began with this document, whose ${counted(duplicates, 'attempt')} it counts.`
  const known = duplicates === 0 ? '' : `, ${whole(duplicates)} known already`
  const verified = outcomes === undefined ? '' : outcomesText(outcomes)
  const derived =
    derived_ids === 0
      ? ''
      : `\nIds were derived for ${counted(derived_ids, 'attempt')} without one: importing the same file again counts nothing twice while the ids are remembered.`
  const totals = adopted === undefined ? '' : ', as its document counts them, totals and all'
  const line = `Imported ${counted(accepted, 'attempt')} from ${file}${known}${totals}.${verified}${derived}`
  if (not_held.attempts === 0) return line
  const entries = counted(not_held.entries, 'entry counts', 'entries count')
  return `${line}
Not imported: ${entries} ${counted(not_held.attempts, 'more attempt')} than the file holds: only the recent ones are in it. To keep the
totals too, start a store from the file itself: agent-performance serve --store ${file}`
}
