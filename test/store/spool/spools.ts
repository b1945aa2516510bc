/** Spools in temporary folders, whose processes may be killed. */

import type { Spool } from '../../../src/store/engine/spool.ts'
import { nodeFileSystem } from '../../../src/store/file/file-system.ts'
import { openSpool, type SpoolOptions } from '../../../src/store/spool/spool.ts'
import { NOW, SILENT } from '../engine/engines.ts'

/** A file system whose locks do not keep anybody out: a test kills a process by leaving its spool open. */
export const withoutLocks: SpoolOptions['fileSystem'] = {
  ...nodeFileSystem,
  lock: async () => ({ isHeld: () => true, movedTo: () => undefined, release() {} }),
}

export function openSpoolIn(folder: string, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  return openSpool({
    folder,
    maxBytes: 10 * 1024 * 1024,
    logId: 'log 1',
    clock: () => NOW,
    log: SILENT,
    fileSystem: withoutLocks,
    ...options,
  })
}
