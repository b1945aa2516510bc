/** The text of server-sent events (WHATWG HTML, "Server-sent events"). */
import type { StreamEvents } from '../../core/events.ts'

/** One event. JSON has no raw line feed, so the data takes one line. */
export function frame<Name extends keyof StreamEvents>(name: Name, data: StreamEvents[Name], id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

/** A comment. It shows the client that the connection works. */
export const HEARTBEAT = ': heartbeat\n\n'

/** Tells the client after how many milliseconds it may connect again. */
export const retry = (ms: number): string => `retry: ${Math.round(ms)}\n\n`

/** The bytes of a text, for many clients. */
export interface Encoded {
  readonly bytes: Buffer
  /** `bytes` as a chunk of HTTP/1.1 (RFC 9112, section 7.1). */
  readonly chunk: Buffer
}

const CRLF = '\r\n'

/** Encodes a text that is not empty: an empty chunk would end the response. */
export function encode(text: string): Encoded {
  const size = Buffer.byteLength(text)
  const head = size.toString(16) + CRLF
  const chunk = Buffer.from(head + text + CRLF)
  return { chunk, bytes: chunk.subarray(head.length, head.length + size) }
}
