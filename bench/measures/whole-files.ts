/** Writing the files with 10,000 keys: how long each blocks the event loop, and how much of the document is serialised again. */
import { setTimeout as pause } from 'node:timers/promises'
import { type FileStore, openFileStore } from '../../src/store/file/file-store.ts'
import { defaultTally } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attemptOf, attemptsOf } from '../support/attempts.ts'

const KEYS = 10_000
const LIMIT_MS = 180_000

export interface WholeFileTimes {
  /** Milliseconds the event loop was held at most while a document was written, one key having changed; and while a snapshot was. */
  readonly documentStall: number
  readonly snapshotStall: number
  /** Bytes of the document. */
  readonly bytes: number
  /** Characters that went through JSON.stringify, of all in the document. */
  readonly serialised: number
}

/** `path`: a store of 10,000 keys with 100 recent attempts each, closed. */
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
  const turns = watchTurns()
  await tracker.recordAttempts(attemptsOf(KEYS, KEYS))
  await documentWritten
  await snapshotTaken
  const snapshotStall = turns.longest(lastWrite(store, 'snapshot'))
  // A hundred seconds after the last time V8 compacts all there is by itself, and that is about when the next document is due.
  globalThis.gc?.()
  await pause(500)
  const count = countSerialised()
  const documentWrittenAgain = next(store, 'document')
  await tracker.recordAttempt(attemptOf(0))
  await documentWrittenAgain
  const documentStall = turns.longest(lastWrite(store, 'document'))
  turns.stop()
  const serialised = count()
  const { bytes } = store.stats().document
  await tracker.close()
  return { documentStall, snapshotStall, bytes, serialised }
}

/** Waits for a file to be written once more. */
async function next(store: FileStore, file: 'document' | 'snapshot'): Promise<void> {
  const { writes } = store.stats()[file]
  for (const startMs = performance.now(); store.stats()[file].writes === writes; await pause(50)) {
    if (performance.now() - startMs > LIMIT_MS) throw new Error(`no ${file} was written for three minutes`)
  }
}

/** A time in milliseconds, as `performance.now` tells it. */
interface Period {
  readonly startMs: number
  readonly endMs: number
}

/** When the last one was written. */
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

/** Looks at the turns of the event loop until it is stopped. */
function watchTurns(): { longest(during: Period): number; stop(): void } {
  const long: Period[] = []
  let lastMs = performance.now()
  let next = setImmediate(turn)
  function turn(): void {
    const now = performance.now()
    if (now - lastMs > 0.5) long.push({ startMs: lastMs, endMs: now })
    lastMs = now
    next = setImmediate(turn)
  }
  return {
    longest({ startMs, endMs }) {
      const held = long.filter(one => one.endMs > startMs && one.startMs < endMs)
      return Math.max(0, ...held.map(one => one.endMs - one.startMs))
    },
    stop: () => clearImmediate(next),
  }
}
