/** Why a question to a sidecar has no answer. */
import type { AttemptProblem } from '../core/attempt/attempt.ts'

/** What a sidecar says of an error: RFC 9457 problem details. */
export interface ProblemDetails {
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  /** What is wrong with the input, each with the index of its item. */
  readonly errors?: readonly (AttemptProblem & { readonly index?: number })[]
}

/** A question that got no usable answer: no connection, a time-out, an error status, or rubbish. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
  /** Of the answer; undefined where there was none. */
  readonly status: number | undefined
  /** What the sidecar said was wrong, where it said so. */
  readonly problem: ProblemDetails | undefined

  constructor(
    message: string,
    options: { readonly status?: number; readonly problem?: ProblemDetails; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.status = options.status
    this.problem = options.problem
  }
}
