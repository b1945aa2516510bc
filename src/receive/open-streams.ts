/** The streams that are being read. A stop ends them, because a stream may never end by itself. */
import type { Problem } from '../server/problem.ts'

export interface OpenStreams {
  /** Adds a stream by the function that ends it. Returns the function to call when the stream has ended. */
  add(end: (problem: Problem) => void): () => void
  /** Ends every open stream with an answer that says how many of its lines are kept. */
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
