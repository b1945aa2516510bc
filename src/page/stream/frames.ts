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
