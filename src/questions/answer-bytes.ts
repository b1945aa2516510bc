/** How many bytes of answers are held for clients that have not read them yet, over all questions. */
export interface AnswerBytes {
  /**
   * Takes `bytes` more for an answer that has taken `own` already; false where that is too much for all answers together. An answer that
   * is the only one may be of any size: it could never be given otherwise.
   */
  take(bytes: number, own: number): boolean
  give(bytes: number): void
  readonly held: number
}

export function createAnswerBytes(maxBytes: number): AnswerBytes {
  let held = 0
  return {
    take(bytes, own) {
      if (held + bytes > maxBytes && held > own) return false
      held += bytes
      return true
    },
    give(bytes) {
      held -= bytes
    },
    get held() {
      return held
    },
  }
}

/** There was no room for the answer. */
export class TooManyAnswerBytes extends Error {
  override readonly name = 'TooManyAnswerBytes'
}
