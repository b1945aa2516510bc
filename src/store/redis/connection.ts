/** A connection to Redis that is made again after it was lost. */
import { ClientClosedError, ClientOfflineError, createClient, ErrorReply, RESP_TYPES } from '@redis/client'
import { messageOf } from '../messages.ts'
import { NotSent, Unanswered } from '../shared/server-errors.ts'
import type { Script } from './scripts.ts'
import type { Target } from './target.ts'

export interface Connection {
  /**
   * Sends one command. Rejects with {@link Unanswered} where it is unknown whether the server ran it, with {@link NotSent} if no
   * connection exists, else with the server's error.
   */
  send<Reply>(...args: readonly (string | Buffer)[]): Promise<Reply>
  /** {@link send}, with strings of the reply as bytes. */
  sendForBytes<Reply>(...args: readonly (string | Buffer)[]): Promise<Reply>
  run<Reply>(script: Script, keys: readonly string[], ...args: readonly (string | Buffer)[]): Promise<Reply>
  close(): Promise<void>
}

/** Time limits in milliseconds. */
export interface ConnectionTimes {
  /** For a connection. */
  readonly connectMs: number
  /** For an answer. Without it, a half-open connection would never answer. */
  readonly answerMs: number
}

const TIMES: ConnectionTimes = { connectMs: 5000, answerMs: 10_000 }
const MAX_RETRY_MS = 1000

/** Rejects where the first connection fails. */
export async function openConnection(
  { url, ca }: Pick<Target, 'url' | 'ca'>,
  times: ConnectionTimes = TIMES,
): Promise<Connection> {
  let isOpen = false
  const client = createClient({
    url,
    name: 'agent-performance',
    disableOfflineQueue: true,
    commandsQueueMaxLength: 1000,
    RESP: 2,
    socket: {
      connectTimeout: times.connectMs,
      socketTimeout: times.answerMs,
      ...(ca !== undefined && { ca }),
      reconnectStrategy: retries => (isOpen ? Math.min(50 * 2 ** retries, MAX_RETRY_MS) : false),
    },
  })
  // Without a listener, a lost connection would end the process.
  client.on('error', () => undefined)
  await client.connect()
  isOpen = true
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })

  async function answered<Reply>(reply: Promise<unknown>): Promise<Reply> {
    try {
      return (await reply) as Reply
    } catch (error) {
      if (error instanceof ErrorReply) throw error
      const isNotSent = error instanceof ClientOfflineError || error instanceof ClientClosedError
      throw new (isNotSent ? NotSent : Unanswered)(messageOf(error), { cause: error })
    }
  }

  const send = <Reply>(...args: readonly (string | Buffer)[]): Promise<Reply> => answered(client.sendCommand([...args]))
  return {
    send,
    sendForBytes: <Reply>(...args: readonly (string | Buffer)[]) => answered<Reply>(bytes.sendCommand([...args])),
    async run<Reply>({ text, sha }: Script, keys: readonly string[], ...args: readonly (string | Buffer)[]) {
      const rest = [String(keys.length), ...keys, ...args]
      try {
        return await send<Reply>('EVALSHA', sha, ...rest)
      } catch (error) {
        if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error
        return await send<Reply>('EVAL', text, ...rest)
      }
    },
    async close() {
      isOpen = false
      if (client.isOpen) client.destroy()
    },
  }
}

/** The text of an error that the server answered with. Undefined where it did not answer. */
export function replyOf(error: unknown): string | undefined {
  return error instanceof ErrorReply ? error.message : undefined
}
