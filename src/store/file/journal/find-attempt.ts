/** Looks up an attempt by its id, from the newest segment back. Its outcomes are recorded after it, so the newest one is found first. */
import type { OutcomeRecord } from '../../../core/fold.ts'
import type { FoundAttempt } from '../../../core/log.ts'
import { scan } from '../recovery/scan.ts'
import { type ChainOptions, readChain } from './extents.ts'
import { segmentPath } from './segments.ts'

export async function findAttempt(options: ChainOptions, attemptId: string): Promise<FoundAttempt | undefined> {
  const { extents } = await readChain(options)
  let outcome: OutcomeRecord | undefined
  for (const { sequence, end, state } of [...extents].reverse()) {
    if (state === 'absent') continue
    const found = await findIn(options, sequence, end, attemptId)
    outcome ??= found.outcome
    if (found.attempt !== undefined) return { attempt: found.attempt, outcome }
  }
  return undefined
}

async function findIn(
  { fileSystem, directory }: ChainOptions,
  sequence: number,
  end: number,
  attemptId: string,
): Promise<Partial<FoundAttempt>> {
  const found: { -readonly [Name in keyof FoundAttempt]?: FoundAttempt[Name] } = {}
  await scan(fileSystem, segmentPath(directory, sequence), { start: 0, end, bounded: true }, record => {
    if (record.kind === 'attempt' && record.attempt.attempt_id === attemptId) found.attempt = record
    if (record.kind === 'outcome' && record.outcome.attempt_id === attemptId) found.outcome = record
  })
  return found
}
