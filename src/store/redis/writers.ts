/** The hash of writers: the number and position of the newest group of each, and when it was seen. */
import type { ForgetBefore } from '../shared/writers.ts'
import type { Connection } from './connection.ts'
import { FORGET } from './scripts.ts'
import type { Keys } from './target.ts'

/** Fields of one read. */
const SCAN_FIELDS = '500'
const SEEN = ':seen'

/** Notes that a writer is alive. Fails where the server does not take writes. */
export async function seeWriter({ send }: Connection, keys: Keys, writer: string, nowMs: number): Promise<void> {
  await send('HSET', keys.writers, writer + SEEN, String(nowMs))
}

/** Deletes those that are not needed any more. */
export async function forgetWriters(
  { send, run }: Connection,
  keys: Keys,
  { expiredMs, emptyMs }: ForgetBefore,
): Promise<void> {
  for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
    const [next, found] = await send<[string, string[]]>('HSCAN', keys.writers, cursor, 'COUNT', SCAN_FIELDS)
    const old = found.flatMap((field, i) =>
      i % 2 === 0 && field.endsWith(SEEN) && Number(found[i + 1]) < Math.max(expiredMs, emptyMs)
        ? field.slice(0, -SEEN.length)
        : [],
    )
    if (old.length > 0) await run(FORGET, [keys.head, keys.writers], String(expiredMs), String(emptyMs), ...old)
    cursor = next
  }
}
