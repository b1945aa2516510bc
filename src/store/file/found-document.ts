/** The document that is at the path of a file store when it opens. */

import type { Clock } from '../../core/ports.ts'
import { type DocumentState, type InspectOptions, inspectDocument } from '../document/document.ts'
import type { DocumentGuard } from '../document/document-writer.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import type { FileSystem } from './file-system.ts'
import { isBefore, type Position } from './journal/position.ts'
import { asideName } from './lock/directory.ts'
import type { DirectoryLock } from './lock/directory-lock.ts'

export type FoundDocument = DocumentState<Position>

/** {@link inspectDocument} for documents of file stores. */
export function inspectFound(
  fileSystem: Pick<FileSystem, 'stat' | 'read'>,
  path: string,
  options: Omit<InspectOptions<Position>, 'readPlace'> = {},
): Promise<FoundDocument> {
  return inspectDocument(fileSystem, path, { ...options, readPlace })
}

function readPlace({ segment, offset }: Readonly<Record<string, unknown>>): Position | undefined {
  const isPlace = Number.isSafeInteger(segment) && Number.isSafeInteger(offset)
  return isPlace ? { segment: segment as number, offset: offset as number } : undefined
}

export interface DocumentFile {
  readonly path: string
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly log: Logger
}

export interface FoundGuardOptions extends DocumentFile {
  readonly lock: Pick<DirectoryLock, 'loss' | 'assertHeld'>
  /** The end of the journal at the start, if the document was not verified then. Verifying it later keeps the start fast. */
  readonly unverified: Position | undefined
}

/** Verifies the document that was found before it is replaced, and moves a damaged one aside. */
export function createFoundGuard(options: FoundGuardOptions): DocumentGuard {
  const { path, fileSystem, log, lock } = options
  let { unverified } = options
  let request = (): void => {}

  async function verify(): Promise<void> {
    if (unverified === undefined || lock.loss() !== undefined) return
    const document = await inspectFound(fileSystem, path).catch(
      (error): FoundDocument => ({ kind: 'damaged', reason: messageOf(error) }),
    )
    const isGone = await settleDocument(options, document, unverified)
    unverified = undefined
    if (isGone) request()
  }

  return {
    async begin(given) {
      request = given
      await verify().catch(error => {
        log.error('the document that was found cannot be moved aside', { path, error: messageOf(error) })
      })
    },
    async mayWrite() {
      // The outage reports it, and requests a document when it ends.
      if (lock.loss() !== undefined) return false
      // A document that cannot be moved aside is not overwritten either.
      await verify()
      return true
    },
    assertOwned: lock.assertHeld,
  }
}

/**
 * Moves a document aside that this store did not write last, because it may be the only copy of something. Returns whether another must be
 * written. `end` is the end of the journal.
 */
export async function settleDocument(
  { path, fileSystem, clock, log }: DocumentFile,
  document: FoundDocument,
  end: Position,
): Promise<boolean> {
  if (document.kind === 'missing') return true
  if (document.kind === 'ours' && !isBefore(end, document.position)) return false
  const aside = asideName(path, document.kind === 'damaged' ? 'corrupt' : 'foreign', clock())
  if (document.kind === 'damaged')
    log.error('the document is damaged: it was moved aside', { path, aside, reason: document.reason })
  else log.warn('something else wrote the document: it was moved aside, and the journal goes on', { path, aside })
  await fileSystem.rename(path, aside)
  return true
}
