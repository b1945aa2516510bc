/** The folder of the spool of a store. */
import { join } from 'node:path'
import type { SpoolPlace } from '../backend.ts'
import type { Spool } from '../engine/spool.ts'
import { messageOf } from '../messages.ts'
import { openSpool, SpoolLocked, type SpoolOptions } from './spool.ts'

/** The most sidecars of one store that find a folder of their own on one machine. */
const MAX_SIDECARS = 100

/**
 * Opens the spool. In a folder for several sidecars it is the first folder `LOG-ID.1`, `LOG-ID.2` … that no other one uses, so that a start finds
 * what an earlier one left. If that cannot be written, the log says so, and the result is undefined: it was not asked for. Rejects as
 * {@link openSpool}.
 */
export async function openSpoolAt(
  { folder, isOwn, maxBytes }: SpoolPlace,
  options: Pick<SpoolOptions, 'logId' | 'clock' | 'log'>,
): Promise<Spool | undefined> {
  if (maxBytes === 0) return undefined
  if (isOwn) return await openSpool({ ...options, folder, maxBytes })
  for (let number = 1; number <= MAX_SIDECARS; number++) {
    const own = join(folder, `${options.logId}.${number}`)
    try {
      return await openSpool({ ...options, folder: own, maxBytes })
    } catch (error) {
      if (error instanceof SpoolLocked) continue
      options.log.warn('there is no spool: attempts are refused while the store is away', {
        folder: own,
        error: messageOf(error),
      })
      return undefined
    }
  }
  throw new SpoolLocked(folder)
}
