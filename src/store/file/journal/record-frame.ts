/** The frame of journal records for the log port. */
import type { Log, RecordFrame } from '../../../core/log.ts'
import { lineHead, sealLine } from './record.ts'

/** Caches the latest frame: calls in the same millisecond have the same one. */
export function createFrames(): Log['frame'] {
  let cached = { nowMs: Number.NaN, idMs: Number.NaN, frame: frameOf(0, 0) }
  return ({ nowMs, idMs }) => {
    if (cached.nowMs !== nowMs || cached.idMs !== idMs) cached = { nowMs, idMs, frame: frameOf(nowMs, idMs) }
    return cached.frame
  }
}

function frameOf(nowMs: number, idMs: number): RecordFrame {
  const head = lineHead(nowMs, idMs)
  return { before: head.bytes, after: 1, seal: (bytes, start, end) => sealLine(bytes, start, end, head) }
}
