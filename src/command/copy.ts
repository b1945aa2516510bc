/** `copy`: copies a store into another one, of any kind, and compares what both answer. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { maskSecrets } from '../config/config.ts'
import { createTally, type Tally } from '../core/aggregate/tally.ts'
import type { Log } from '../core/log.ts'
import type { ReadableStore } from '../store/backend.ts'
import type { Copied } from '../store/copy/copy.ts'
import { CommandError, EXIT } from './exit.ts'
import { counted, whole } from './format.ts'
import { type Io, print, printJson } from './io.ts'
import { createProgress } from './progress.ts'
import type { Comparison } from './same-answers.ts'
import { warningsTo } from './warnings.ts'

const HELP = `
A store is a path, sqlite:PATH, postgres://... or redis://... The target must be
empty, or hold an earlier copy of the same source: then only what it lacks is
copied. So a copy that was interrupted goes on when it is run again.

The source is only read. A sidecar may use it meanwhile: what it records later
is copied by the next run. Nothing may use the target before the copy is done.

Single attempts are copied with their ids, their order and their times of
receipt. Totals are copied too, with expired attempts, experiments, metric
series, known ids and alerts. In the end both stores are asked every question.
The exit code is 0 only if all answers are equal.

Examples:
  agent-performance copy --from agents.json --to sqlite:/var/lib/attempts.db
  agent-performance copy --from agents.json --to 'postgres://app@db/metrics?password_file=/run/secrets/db'`

interface CopyOptions {
  readonly from: string
  readonly to: string
  readonly json?: true
}

export function addCopy(program: Command, io: Io): void {
  program
    .command('copy')
    .summary('copy a store into another one')
    .description('Copies a store into another one, and verifies the copy.')
    .requiredOption('--from <path|url>', 'the store to copy, which is only read')
    .requiredOption('--to <path|url>', 'an empty store, or an unfinished copy')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', HELP)
    .action(async ({ from, to, json }: CopyOptions) => {
      if (isSame(from, to)) throw new CommandError(EXIT.usage, '--from and --to are the same store')
      const result = await copyAndCompare({ from, to }, io)
      const { copied, comparison } = result
      if (json) await printJson(io.stdout, { from: maskSecrets(from), to: maskSecrets(to), ...summaryOf(result) })
      else if (comparison.differences.length === 0) await print(io.stdout, textOf(from, to, result))
      refuseDifferences(comparison, to)
      if (!copied.isDamaged) return
      const message = `${maskSecrets(from)} is damaged: attempts that cannot be read are in no copy. Their totals are`
      throw new CommandError(EXIT.data, message)
    })
}

/** Compares paths. A database that is copied into itself is refused later, because its log does not begin with a copy. */
function isSame(from: string, to: string): boolean {
  return from === to || (!/^[a-z]+:/i.test(from) && !/^[a-z]+:/i.test(to) && resolve(from) === resolve(to))
}

interface Result {
  readonly copied: Copied
  readonly comparison: Comparison
}

async function copyAndCompare({ from, to }: Pick<CopyOptions, 'from' | 'to'>, io: Io): Promise<Result> {
  const { openLog, openStore } = await import('../store/open.ts')
  const { openToRead } = await import('./local.ts')
  const { compareStores } = await import('./same-answers.ts')
  const nowMs = Date.now()
  const clock = (): number => nowMs
  const log = warningsTo(io.stderr)
  const source = await openToRead(from, io.stderr, clock)
  try {
    const { limits } = source
    const ids = { limit: limits.idWindow, keepMs: limits.idWindowAgeMs }
    const open = (): Promise<Log> => openLog(to, { tally: tallyOf(source), ids, log })
    const copied = await copyInto(open, source, { to, io })
    // As a sidecar would: this writes the document of a file store.
    await (await openStore(to, { tally: tallyOf(source), ids, log })).close()
    const target = await openToRead(to, io.stderr, clock)
    try {
      return { copied, comparison: await compareStores(source, target, clock) }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** An empty tally with the limits and the time tiers of a store. */
function tallyOf({ limits, state: { tally } }: ReadableStore): Tally {
  const tiers = tally.times.save().map(({ spanMs, keepMs }) => {
    const wanted = tally.wantedTiers.find(tier => tier.spanMs === spanMs && tier.keepMs === keepMs)
    return wanted ?? { spanMs, keepMs }
  })
  return createTally({ ...limits, tiers })
}

async function copyInto(
  open: () => Promise<Log>,
  source: ReadableStore,
  { to, io }: { readonly to: string; readonly io: Io },
): Promise<Copied> {
  const { copyStore } = await import('../store/copy/copy.ts')
  const progress = createProgress(io.stderr, undefined)
  let target: Log | undefined
  try {
    target = await open()
    return await copyStore({ source, target, clock: Date.now, onProgress: attempts => progress.show(0, attempts) })
  } catch (error) {
    throw explained(error, maskSecrets(to))
  } finally {
    progress.end()
    await target?.close()
  }
}

/** EX_CANTCREAT of sysexits.h: no copy can be made there. */
const CANNOT_CREATE = 73

function explained(error: unknown, to: string): unknown {
  if (!(error instanceof Error)) return error
  if (error.name === 'OtherContent' || error.name === 'LogNotEmpty') {
    const remedy = 'Name an empty store with --to, or delete what that one holds'
    return new CommandError(CANNOT_CREATE, `cannot copy into ${to}: ${error.message}. ${remedy}`, { cause: error })
  }
  if (error.name === 'OtherWriter' || error.name === 'LogBehind') {
    const why = 'another process writes to it'
    const remedy = 'Stop it, empty the store, and copy again'
    return new CommandError(EXIT.temporary, `cannot copy into ${to}: ${why}. ${remedy}`, { cause: error })
  }
  // The target cannot be opened, or the fault is in this program.
  if ('exitCode' in error || error instanceof TypeError || error instanceof RangeError) return error
  const again = 'Run the same command again to go on'
  return new CommandError(EXIT.temporary, `the copy into ${to} broke off: ${error.message}. ${again}`, { cause: error })
}

function summaryOf({ copied, comparison }: Result): object {
  const { questions, answers, keys, attempts, differences } = comparison
  return {
    copied: copied.attempts,
    copied_before: copied.known,
    source_damaged: copied.isDamaged,
    verified: { questions, answers, keys, attempts, differences },
  }
}

function textOf(from: string, to: string, { copied, comparison }: Result): string {
  const { questions, answers, keys, attempts } = comparison
  const before = copied.known === 0 ? '' : `, ${whole(copied.known)} copied before`
  return `Copied ${counted(copied.attempts, 'attempt')} from ${maskSecrets(from)} to ${maskSecrets(to)}${before}.
Verified: both stores give the same ${whole(answers)} answers to all ${questions} questions, the same /metrics, the same
totals of ${counted(keys, 'key')} to the last bit, and list the same ${counted(attempts, 'attempt')} in the same order.`
}

function refuseDifferences({ differences }: Comparison, to: string): void {
  if (differences.length === 0) return
  const shown = differences.slice(0, 3).join('; ')
  const message = `the copy in ${maskSecrets(to)} differs from its source in ${counted(differences.length, 'answer')}: ${shown}. Do not use it`
  throw new CommandError(EXIT.internal, message)
}
