/**
 * Adopts a document: its content becomes the beginning of a log. The id of the groups' writer is derived from the document. So the next start
 * finishes an adoption that was interrupted, and two processes that adopt the same document at once append it once.
 */
import { type Group, type Log, LogBehind, LogNotEmpty } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { encodeOne } from '../engine/call.ts'
import { baselineJson } from '../record-json.ts'
import type { DocumentContent } from './content.ts'

/** The JSON in one group: a group is one transaction and one value of a shared log. */
const GROUP_BYTES = 1024 * 1024
const GROUP_RECORDS = 2048

export interface AdoptOptions {
  readonly log: Pick<Log, 'append' | 'frame'>
  readonly content: DocumentContent
  /** {@link ParsedDocument.digest}. */
  readonly digest: string
  readonly clock: Clock
  /** The JSON in one group in bytes: the same for every process that may open the log. 1 MiB and at most 2048 records by default. */
  readonly groupBytes?: number | undefined
}

/** The name of the writer that adopts a document: a UUID, as some logs require. */
export function documentWriter(digest: string): string {
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    digest.slice(12, 16),
    digest.slice(16, 20),
    digest.slice(20, 32),
  ].join('-')
}

/**
 * Appends the document to an empty log, or the rest of an earlier adoption. The caller then folds it. Resolves with false, and appends nothing,
 * if the log begins with something else. After a rejection, another call continues where this one ended.
 */
export async function adoptDocument(options: AdoptOptions): Promise<boolean> {
  return (await appendDocument(options)) !== undefined
}

/** {@link adoptDocument}. Resolves with the number of groups that were appended or stored already. Undefined if the log begins with something else. */
export async function appendDocument(options: AdoptOptions): Promise<number | undefined> {
  const { log, digest, clock } = options
  const writer = documentWriter(digest)
  let number = 0
  let stored = 0
  let taken = 0
  for (const { texts, attempts } of groupsOf(options)) {
    if (++number <= stored) continue
    const nowMs = clock()
    const frame = log.frame({ nowMs, idMs: nowMs })
    const records = Buffer.concat(texts.map(text => encodeOne(frame, text)))
    try {
      await log.append({ writer, number, attempts, records, isReset: false })
      taken++
    } catch (error) {
      if (error instanceof LogNotEmpty) return undefined
      if (!(error instanceof LogBehind) || error.number < number) throw error
      stored = error.number
    }
  }
  return taken
}

interface TextGroup extends Pick<Group, 'attempts'> {
  readonly texts: readonly string[]
}

/** Divides the document by its text alone, so that every process makes the same groups. */
function* groupsOf({ content, groupBytes }: AdoptOptions): Generator<TextGroup> {
  const maxRecords = groupBytes === undefined ? GROUP_RECORDS : Number.POSITIVE_INFINITY
  let texts: string[] = []
  let attempts = 0
  let bytes = 0
  for (const { text, isAttempt } of textsOf(content)) {
    texts.push(text)
    bytes += Buffer.byteLength(text)
    if (isAttempt) attempts++
    if (bytes < (groupBytes ?? GROUP_BYTES) && texts.length < maxRecords) continue
    yield { texts, attempts }
    texts = []
    attempts = 0
    bytes = 0
  }
  if (texts.length > 0) yield { texts, attempts }
}

function* textsOf({ baselines, attempts }: DocumentContent): Generator<{ text: string; isAttempt: boolean }> {
  for (const baseline of baselines) yield { text: baselineJson(baseline), isAttempt: false }
  for (const { attempt } of attempts) yield { text: JSON.stringify(attempt), isAttempt: true }
}
