/** Which part of a log is still stored, also where the log is a copy. */
import type { Log, LogReach } from '../../core/log.ts'

/** {@link Log.reach}. A copy is complete from the time on from which the copied log was: what had expired there is only in its snapshots. */
export async function reachOf(log: Pick<Log, 'reach' | 'read'>): Promise<LogReach> {
  const reach = await log.reach()
  if (reach.completeMs > Number.NEGATIVE_INFINITY) return reach
  for await (const { records } of log.read(reach.position)) {
    const first = records.find(({ kind }) => kind !== 'limits')
    if (first !== undefined) return first.kind === 'copy' ? { ...reach, completeMs: first.completeMs } : reach
  }
  return reach
}
