/** Parses server-sent events (WHATWG HTML, "Server-sent events", section 9.2.6). */

/** An event as it was received. */
export interface ReceivedEvent {
  readonly event: string
  readonly data: string
  /** The last id that was received, which may be that of an earlier event. */
  readonly lastId: string | undefined
}

export interface EventParser {
  /** The events that `text` completes. */
  push(text: string): ReceivedEvent[]
  /** The latest delay before a new connection that the server asked for, in milliseconds. */
  readonly retryMs: number | undefined
}

/** The longest event in characters: a server that never ends one must not fill the memory. */
const MAX_EVENT = 1024 * 1024

/** Throws a RangeError if an event is longer than a megabyte. */
export function createEventParser(): EventParser {
  let rest = ''
  let lastId: string | undefined
  let retryMs: number | undefined
  let event = ''
  let data: string[] = []

  /** Returns the event that an empty line ends. */
  function end(): ReceivedEvent | undefined {
    const ended = data.length === 0 ? undefined : { event: event || 'message', data: data.join('\n'), lastId }
    event = ''
    data = []
    return ended
  }

  function readField(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') event = value
    else if (name === 'data') data.push(value)
    else if (name === 'id' && !value.includes('\0')) lastId = value
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) retryMs = Number(value)
  }

  return {
    push(text) {
      // A line may end with CR, LF or both. A CR at the end of the text may be half of both.
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      if (rest.length > MAX_EVENT) throw new RangeError('an event is longer than a megabyte')
      const events: ReceivedEvent[] = []
      for (const line of lines) {
        if (line !== '') {
          readField(line)
          continue
        }
        const ended = end()
        if (ended !== undefined) events.push(ended)
      }
      return events
    },
    get retryMs() {
      return retryMs
    },
  }
}
