/** The streams that are being read: a stop ends them, because a stream may go on for ever. */
import type { Problem } from '../server/problem.ts'

export interface OpenStreams {
  /** Adds a stream by what ends it. Answers what to call when it has ended. */
  add(end: (problem: Problem) => void): () => void
  /** Ends all that are open now, each with an answer that says how many of its lines are kept. */
  end(problem: Problem): void
}

export function createOpenStreams(): OpenStreams {
  const ends = new Set<(problem: Problem) => void>()
  return {
    add(end) {
      ends.add(end)
      return () => void ends.delete(end)
    },
    end(problem) {
      for (const end of ends) end(problem)
    },
  }
}
