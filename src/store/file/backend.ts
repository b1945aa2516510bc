/** The default backend: the target is the path of the documented JSON file. */
import { type Log, LogNotEmpty } from '../../core/log.ts'
import type { Backend, BackendOptions } from '../backend.ts'
import { openFileLog, openFileStore } from './file-store.ts'
import { isSame, ORIGIN } from './journal/position.ts'
import { checkPlace } from './place.ts'
import { openFileReader } from './reader.ts'

export const FILE_BACKEND: Backend = {
  open: (path, options) => openFileStore({ ...options, path }),
  check: checkPlace,
  openToRead: (path, options) => openFileReader({ ...options, path }),
  openLog,
}

/** A document that counts what the journal does not hold may be the only copy of that. */
async function openLog(path: string, options: BackendOptions): Promise<Log> {
  const { log, document, recovered } = await openFileLog({ ...options, path })
  if (document.kind === 'missing') return log
  if (document.kind === 'ours' && (recovered.segments.size > 0 || isSame(document.position, ORIGIN))) return log
  await log.close()
  throw new LogNotEmpty(`${path} holds a document that this log did not write`)
}
