/** The error of a question to a sidecar. */
import type { AttemptProblem } from '../core/attempt/attempt.ts'

/** The problem details (RFC 9457) of a sidecar's error response. */
export interface ProblemDetails {
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  /** The problems of the input, each with the index of its item. */
  readonly errors?: readonly (AttemptProblem & { readonly index?: number })[]
}

/** A question got no usable answer: no connection, a time-out, an error status, or an invalid response. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
  /** The HTTP status. Undefined without a response. */
  readonly status: number | undefined
  /** The problem details, if the sidecar sent any. */
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
