/** Limits the bytes of answers that are held for clients that have not read them yet, over all questions. */
export interface AnswerBytes {
  /**
   * Reserves `bytes` more for an answer that holds `own` already. Returns false if all answers together would exceed the limit. The only
   * answer held may be of any size: it could never be sent otherwise.
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

/** The answer would exceed the limit of held bytes. */
export class TooManyAnswerBytes extends Error {
  override readonly name = 'TooManyAnswerBytes'
}
