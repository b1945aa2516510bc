/** A request and its answer, whatever sends it. */

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Time limit from the connection to the last byte of the answer. */
  readonly timeoutMs: number
  /** Size limit of the answer's body. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
  /** True if the process may exit during the request. */
  readonly background?: boolean
}

export interface HttpAnswer {
  readonly status: number
  /** A header by its name in lower case. */
  header(name: string): string | undefined
  readonly text: string
}

export const tooLate = (timeoutMs: number): Error => new Error(`no whole answer within ${timeoutMs} ms`)
export const tooLong = (maxBytes: number): Error => new Error(`the answer is longer than ${maxBytes} bytes`)
