/** Reads attempts and outcomes from NDJSON, or attempts from the documented JSON file. */
import { createHash } from 'node:crypto'
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { outcomeProblems } from '../core/attempt/outcome.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems } from '../core/attempt/validation.ts'
import type { Outcome } from '../core/fold.ts'
import { type ParsedDocument, parseDocumentText } from '../store/document/document.ts'
import type { ImportedDocument } from '../store/import-document.ts'
import { asDocument, type Lost, recentAttempts } from './document.ts'
import { CommandError, EXIT } from './exit.ts'
import { createLineIds, type LineIds } from './line-ids.ts'
import { type Input, type Line, linesOf, nameOf } from './lines.ts'
import { printable } from './table.ts'

export interface ReadOptions extends Input {
  /** Receives how many attempts a documented file counts but does not contain. */
  readonly onLost: (lost: Lost) => void
  /** Called for every line without an `attempt_id`, for which an id was derived from the input. */
  readonly onDerivedId: () => void
  /** Receives each part of a documented file that is left out. */
  readonly onDamaged: (damage: ImportedDocument['damaged'][number]) => void
  /** Takes a documented file as a whole. True if it is done: then the file yields no attempts. */
  readonly onDocument?: ((document: Pick<ParsedDocument, 'metrics' | 'digest'>) => Promise<boolean>) | undefined
}

/** One line of an input. */
export type ReadItem = NewAttempt | Outcome

/** An attempt has no source. */
export const isOutcome = (item: ReadItem): item is Outcome => 'source' in item

/**
 * Yields every attempt and outcome of an input, validated, attempts with an id. Timestamps are independent of the local time zone. Rejects with a
 * {@link CommandError} at the first invalid line. The error names the file and the line.
 */
export async function* readAttempts(options: ReadOptions): AsyncGenerator<ReadItem> {
  const hash = createHash('sha256')
  const lines = linesOf({ ...options, onContent: chunk => void hash.update(chunk) })
  const name = nameOf(options.path)
  const first = await firstLine(lines)
  if (first === undefined) return
  const parsed = parse(first.text)
  // A documented file may be a single line. A line without `metrics` is an attempt.
  const isOneLine = parsed.ok && asDocument(parsed.value) === undefined
  if (isOneLine) yield* fromLines(first, lines, options)
  else yield* fromDocument(await wholeOf(first, lines), name, options, () => hash.digest('hex'))
}

async function firstLine(lines: AsyncGenerator<Line>): Promise<Line | undefined> {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    if (next.value.text.trim() !== '') return next.value
  }
  return undefined
}

async function* fromLines(
  first: Line,
  rest: AsyncGenerator<Line>,
  { path, onDerivedId }: ReadOptions,
): AsyncGenerator<ReadItem> {
  const ids = createLineIds()
  const read = (line: Line): ReadItem => {
    const { item, isDerived } = readLine(line, nameOf(path), ids)
    if (isDerived) onDerivedId()
    return item
  }
  yield read(first)
  for await (const line of rest) if (line.text.trim() !== '') yield read(line)
}

function readLine(
  { number, text }: Line,
  name: string,
  ids: LineIds,
): { readonly item: ReadItem; readonly isDerived: boolean } {
  const parsed = parse(text)
  if (!parsed.ok) throw invalid(`${name} line ${number} is not JSON: ${parsed.detail}`)
  const { value } = parsed
  if (typeof value === 'object' && value !== null && 'source' in value && !('agent_name' in value))
    return { item: checkedOutcome(value, `${name} line ${number}`), isDerived: false }
  // `export` prints this field. The store that imports the attempt computes it again.
  if (typeof value === 'object' && value !== null) delete (value as { computed_cost_usd?: unknown }).computed_cost_usd
  const attempt = checked(value, `${name} line ${number}`)
  // The id prevents counting the attempt twice after a retry or a second import.
  const attempt_id = ids.next(value as NewAttempt)
  const isDerived = attempt.attempt_id === undefined
  return { item: isDerived ? { attempt_id, ...attempt } : attempt, isDerived }
}

async function wholeOf(first: Line, rest: AsyncGenerator<Line>): Promise<string> {
  const texts = [first.text]
  for await (const line of rest) texts.push(line.text)
  return texts.join('\n')
}

/** `digestOf` returns the digest of the content. */
async function* fromDocument(
  text: string,
  name: string,
  { onLost, onDocument, onDamaged }: Pick<ReadOptions, 'onLost' | 'onDocument' | 'onDamaged'>,
  digestOf: () => string,
): AsyncGenerator<NewAttempt> {
  const document = parseDocumentText(name, text)
  if (typeof document === 'string') {
    const parsed = parse(text)
    const why = parsed.ok ? 'it has no "metrics"' : parsed.detail
    throw invalid(`${name} is neither attempts, one JSON object a line, nor the documented file: ${why}`)
  }
  if ((await onDocument?.({ ...document, digest: digestOf() })) === true) return
  const { attempts, lost, problem } = recentAttempts(document.metrics)
  if (problem !== undefined) throw invalid(`${name}: ${problem}`)
  if (lost.attempts > 0) onLost(lost)
  for (const { attempt, place } of attempts) {
    if (holdsConstant(attempt)) onDamaged({ entry: place, reason: 'it holds NaN or Infinity' })
    else yield checked(attempt, `${name}: ${place}`)
  }
}

/** Whether Python wrote NaN or Infinity, which are read as objects. */
function holdsConstant(attempt: object): boolean {
  return Object.values(attempt).some(
    value =>
      typeof value === 'object' && value !== null && Object.keys(value).some(key => /^(NaN|-?Infinity)$/.test(key)),
  )
}

function checkedOutcome(value: object, place: string): Outcome {
  refuseProblems(outcomeProblems(value, isTime), `${place} is no outcome as documented`)
  return withZone(value as Outcome)
}

function checked(value: unknown, place: string): NewAttempt {
  refuseProblems(attemptProblems(value, isTime), `${place} is no attempt as documented`)
  return withZone(value as NewAttempt)
}

const isTime = (text: string): boolean => parseTimestamp(text) !== undefined

function refuseProblems(problems: readonly AttemptProblem[], what: string): void {
  if (problems.length > 0) throw invalid(`${what}: ${problems.slice(0, 3).map(problemText).join('; ')}`)
}

/** A time without a zone is local to this machine. A sidecar may run in another time zone. */
function withZone<T extends NewAttempt | Outcome>(item: T): T {
  const at = item.timestamp === undefined ? undefined : parseTimestamp(item.timestamp)
  return { ...item, ...(at?.local && { timestamp: printTimestamp({ ms: at.ms, local: false }) }) }
}

const problemText = ({ pointer, detail }: AttemptProblem): string => printable(`${pointer} ${detail}`.trim())

const invalid = (message: string): CommandError => new CommandError(EXIT.data, message)

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string }

function parse(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, detail: printable((error as Error).message).slice(0, 200) }
  }
}
