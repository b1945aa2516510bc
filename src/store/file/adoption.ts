/** Adopts the document that a start of the file store found at its path. */

import { runYieldingAlone } from '../../lib/event-loop.ts'
import { adoptDocument, documentWriter } from '../document/adopt.ts'
import { type DocumentContent, readContent, recordsOf } from '../document/content.ts'
import { type ParsedDocument, parseDocument } from '../document/document.ts'
import type { Engine } from '../engine/engine.ts'
import type { CoveringDocument } from '../engine/restore.ts'
import type { Logger } from '../logger.ts'
import type { FileLog } from './file-log.ts'
import { type FoundDocument, inspectFound } from './found-document.ts'
import { FIRST_MARK, printMark } from './journal/mark.ts'
import { asideName } from './lock/directory.ts'
import type { RecoveredJournal, StartOptions } from './recovery/start.ts'

/** Each group is a segment of the journal. */
const GROUP_BYTES = 8 * 1024 * 1024

/** The document with which the journal begins, unless the journal already contains other records. */
export async function adoptable(
  { fileSystem, path }: Pick<StartOptions, 'fileSystem' | 'path'>,
  document: FoundDocument,
  { hasOnlyAdopted, adopted, segments }: RecoveredJournal,
): Promise<ParsedDocument | undefined> {
  if (!hasOnlyAdopted || document.kind === 'missing' || document.kind === 'damaged') return undefined
  const known = document.kind === 'foreign' ? document.parsed : undefined
  const parsed = known ?? (await parseDocument(fileSystem, path))
  if (typeof parsed === 'string') throw new Error(`${path} changed while it was read`)
  return segments.size === 0 || adopted.has(documentWriter(parsed.digest)) ? parsed : undefined
}

export interface AdoptionTarget {
  readonly log: FileLog
  readonly start: StartOptions
  readonly recovered: RecoveredJournal
  readonly document: FoundDocument
}

/** Adopts the document if the journal is empty, or continues an interrupted adoption. Returns whether it is adopted. */
export async function adoptFound(
  { log, start, recovered, document }: AdoptionTarget,
  engine: Pick<Engine, 'between' | 'follow' | 'requestSnapshot'>,
): Promise<boolean> {
  const { path, clock, fileSystem, log: logger } = start
  const parsed = await adoptable(start, document, recovered)
  if (parsed === undefined) return false
  const content = await contentOf(path, parsed, logger)
  const { digest } = parsed
  const options = { log, content, digest, clock, groupBytes: GROUP_BYTES }
  if (!(await engine.between(() => adoptDocument(options)))) return false
  await engine.follow()
  engine.requestSnapshot()
  const { baselines, attempts, damaged } = content
  const counts = { entries: baselines.length, attempts: attempts.length, damaged: damaged.length }
  logger.info('the document was adopted', { path, ...counts })
  if (damaged.length > 0) await fileSystem.rename(path, asideName(path, 'corrupt', clock()))
  return true
}

/** Reads the entries, and reports those that are invalid. */
export async function contentOf(path: string, parsed: ParsedDocument, logger: Logger): Promise<DocumentContent> {
  const content = await runYieldingAlone(readContent(parsed))
  for (const one of content.damaged)
    logger.error('part of the document is damaged and was not adopted', { path, ...one })
  return content
}

/** The document at the path, if it is valid and states which part of the journal it covers. */
export async function coveringDocument({
  fileSystem,
  path,
  clock,
  log,
}: Pick<StartOptions, 'fileSystem' | 'path' | 'clock' | 'log'>): Promise<CoveringDocument | undefined> {
  const document = await inspectFound(fileSystem, path)
  if (document.kind !== 'ours') return undefined
  const parsed = await parseDocument(fileSystem, path)
  if (typeof parsed === 'string') return undefined
  const position = printMark({ ...FIRST_MARK, ...document.position })
  return { position, records: recordsOf(await contentOf(path, parsed, log), clock()) }
}
