/** Writing the document of 10,000 keys: for how long it holds the event loop, and how much of it is made anew. */
import { stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attemptOf, attemptsOf } from '../support/attempts.ts'

const KEYS = 10_000

export interface DocumentTimes {
  /** Milliseconds the event loop was held at most while a document was written, one key having changed. */
  readonly stall: number
  readonly bytes: number
  /** Characters that went through JSON.stringify, of all in the document. */
  readonly serialised: number
}

/** `path`: a store of 10,000 keys with 100 recent attempts each, closed. */
export async function documentWriting(path = ''): Promise<DocumentTimes> {
  const tracker = new AgentPerformanceTracker(path)
  await tracker.recordAttempts(attemptsOf(KEYS, KEYS))
  await nextDocument(path)
  await pause(500)
  const count = countSerialised()
  const probe = longestTurn()
  const before = await mtime(path)
  await tracker.recordAttempt(attemptOf(0))
  await nextDocument(path, before)
  const stall = probe.stop()
  const serialised = count()
  const bytes = (await stat(path)).size
  await tracker.close()
  return { stall, bytes, serialised }
}

const mtime = async (path: string): Promise<number> => (await stat(path)).mtimeMs

/** Waits for a document other than the one that was there, a minute at the most. */
async function nextDocument(path: string, before?: number): Promise<void> {
  const was = before ?? (await mtime(path))
  for (const startMs = performance.now(); (await mtime(path)) === was; await pause(50)) {
    if (performance.now() - startMs > 180_000) throw new Error('no document was written for three minutes')
  }
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

/** The longest time between two turns of the event loop, until it is stopped. */
function longestTurn(): { stop(): number } {
  let longest = 0
  let lastMs = performance.now()
  let next = setImmediate(turn)
  function turn(): void {
    const now = performance.now()
    longest = Math.max(longest, now - lastMs)
    lastMs = now
    next = setImmediate(turn)
  }
  return {
    stop() {
      clearImmediate(next)
      return longest
    },
  }
}
