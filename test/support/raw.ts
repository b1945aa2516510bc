/** Requests as bytes on a connection of their own, for what no HTTP client would send. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection; `text` resolves with all bytes that were received when the connection is closed. */
export function openRaw(url: string): { readonly socket: Socket; readonly text: Promise<string> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return { socket, text: textOf(socket) }
}

/** All bytes that a socket receives, as latin1, when it is closed. */
export async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  // Bytes that the peer did not read make the close a reset, which is no less a close.
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('close', resolve))
  return text
}

/** Sends bytes (as latin1), and resolves with everything that is answered before the server closes the connection. */
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

/** Sends a request that asks for `Connection: close`, and reads its answer, which states its length or has no body. */
export async function askRaw(url: string, bytes: string): Promise<RawAnswer> {
  const text = await sendRaw(url, bytes)
  const end = text.indexOf('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]
  if (end < 0 || status === undefined) throw new Error(`this is no answer: ${JSON.stringify(text.slice(0, 500))}`)
  return { status: Number(status), head: text.slice(0, end), body: text.slice(end + 4) }
}

/** Writes the same bytes again and again until the connection is closed. */
export async function drip(socket: Socket, bytes: string, everyMs = 100): Promise<void> {
  const timer = setInterval(() => socket.write(bytes), everyMs)
  if (!socket.closed) await once(socket, 'close').catch(() => undefined)
  clearInterval(timer)
}
