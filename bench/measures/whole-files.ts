/** Writes the document and a snapshot of 10,000 keys: event-loop stalls, and the part of the document that is serialized again. */
import { setTimeout as pause } from 'node:timers/promises'
import { type FileStore, openFileStore } from '../../src/store/file/file-store.ts'
import { defaultTally } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attemptOf, attemptsOf } from '../support/attempts.ts'

const KEYS = 10_000
const LIMIT_MS = 180_000

export interface WholeFileTimes {
  /** Longest event-loop stall, in milliseconds, during a document write after one key changed. */
  readonly documentStall: number
  /** Longest event-loop stall, in milliseconds, during a snapshot after all keys changed. */
  readonly snapshotStall: number
  /** Size of the document in bytes. */
  readonly bytes: number
  /** Characters that JSON.stringify produced for the document write. */
  readonly serialised: number
}

/** Measures on a closed store of 10,000 keys with 100 recent attempts each, at `path`. */
export async function wholeFiles(path = ''): Promise<WholeFileTimes> {
  const store = await openFileStore({
    path,
    tally: defaultTally(),
    clock: Date.now,
    monotonic: () => performance.now(),
  })
  const tracker = new AgentPerformanceTracker({ store })
  const documentWritten = next(store, 'document')
  const snapshotTaken = next(store, 'snapshot')
  const iterations = watchEventLoop()
  await tracker.recordAttempts(attemptsOf(KEYS, KEYS))
  await documentWritten
  await snapshotTaken
  const snapshotStall = iterations.longest(lastWrite(store, 'snapshot'))
  // V8 runs a full collection 100 s after the last one, which is about when the next document is due. Collects before the measurement.
  globalThis.gc?.()
  await pause(500)
  const count = countSerialised()
  const documentWrittenAgain = next(store, 'document')
  await tracker.recordAttempt(attemptOf(0))
  await documentWrittenAgain
  const documentStall = iterations.longest(lastWrite(store, 'document'))
  iterations.stop()
  const serialised = count()
  const { bytes } = store.stats().document
  await tracker.close()
  return { documentStall, snapshotStall, bytes, serialised }
}

/** Resolves when the file was written once more. */
async function next(store: FileStore, file: 'document' | 'snapshot'): Promise<void> {
  const { writes } = store.stats()[file]
  for (const startMs = performance.now(); store.stats()[file].writes === writes; await pause(50)) {
    if (performance.now() - startMs > LIMIT_MS) throw new Error(`no ${file} was written for three minutes`)
  }
}

/** A period on the clock of `performance.now`. */
interface Period {
  readonly startMs: number
  readonly endMs: number
}

/** The period of the last write. */
function lastWrite(store: FileStore, file: 'document' | 'snapshot'): Period {
  const { lastSuccessMs = Number.NaN, seconds } = store.stats()[file]
  const endMs = lastSuccessMs - performance.timeOrigin
  return { startMs: endMs - seconds * 1000, endMs }
}

function countSerialised(): () => number {
  const { stringify } = JSON
  let characters = 0
  JSON.stringify = (...args: unknown[]) => {
    const text: string = Reflect.apply(stringify, JSON, args)
    characters += text?.length ?? 0
    return text
  }
  return () => {
    JSON.stringify = stringify
    return characters
  }
}

/** Records event-loop iterations longer than 0.5 ms until it is stopped. */
function watchEventLoop(): { longest(during: Period): number; stop(): void } {
  const long: Period[] = []
  let lastMs = performance.now()
  let next = setImmediate(iteration)
  function iteration(): void {
    const now = performance.now()
    if (now - lastMs > 0.5) long.push({ startMs: lastMs, endMs: now })
    lastMs = now
    next = setImmediate(iteration)
  }
  return {
    longest({ startMs, endMs }) {
      const overlapping = long.filter(one => one.endMs > startMs && one.startMs < endMs)
      return Math.max(0, ...overlapping.map(one => one.endMs - one.startMs))
    },
    stop: () => clearImmediate(next),
  }
}
