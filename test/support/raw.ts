/** Requests as raw bytes on a new connection, for input that no HTTP client would send. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opens a connection. `text` resolves with all received bytes when the connection is closed. */
export function openRaw(url: string): { readonly socket: Socket; readonly text: Promise<string> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return { socket, text: textOf(socket) }
}

/** Resolves with all bytes that a socket received, as latin1, when it is closed. */
export async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  // If the peer closes without reading all bytes, the socket reports a reset. It is still a close.
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('close', resolve))
  return text
}

/** Sends bytes (latin1). Resolves with everything the server sends until it closes the connection. */
export function sendRaw(url: string, bytes: string): Promise<string> {
  const { socket, text } = openRaw(url)
  socket.write(bytes, 'latin1')
  return text
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends a request, which must contain `Connection: close`, and parses the answer. Its body must not be chunked. */
export async function askRaw(url: string, bytes: string): Promise<RawAnswer> {
  const text = await sendRaw(url, bytes)
  const end = text.indexOf('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]
  if (end < 0 || status === undefined) throw new Error(`not an HTTP answer: ${JSON.stringify(text.slice(0, 500))}`)
  return { status: Number(status), head: text.slice(0, end), body: text.slice(end + 4) }
}

/** Writes the same bytes repeatedly until the connection is closed. */
export async function drip(socket: Socket, bytes: string, everyMs = 100): Promise<void> {
  const timer = setInterval(() => socket.write(bytes), everyMs)
  if (!socket.closed) await once(socket, 'close').catch(() => undefined)
  clearInterval(timer)
}
