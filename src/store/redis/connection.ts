/** A connection to Redis that is made again after it was lost. */
import { isIP } from 'node:net'
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

export const TIMES: ConnectionTimes = { connectMs: 5000, answerMs: 10_000 }
const MAX_RETRY_MS = 1000

/** Connects to the server of the URL. In a cluster, it follows the keys to the node that has them. Rejects where the first connection fails. */
export async function openConnection(
  target: Pick<Target, 'url' | 'ca'>,
  times: ConnectionTimes = TIMES,
): Promise<Connection> {
  let isOpen = false
  let moving: Promise<void> | undefined
  let client = makeClient(target.url, target, { times, reconnects: () => isOpen })
  await client.connect()
  isOpen = true

  function replace(next: Client): void {
    const { isOpen: isConnected } = client
    if (isConnected) client.destroy()
    client = next
  }

  /** If that node ends, another one has the keys: the server of the URL says which. */
  async function moveTo(url: string): Promise<void> {
    const next = makeClient(url, target, { times, reconnects: () => false })
    await next.connect()
    if (!isOpen) return next.destroy()
    replace(next)
    next.once('terminated', () => {
      if (client !== next || !isOpen) return
      replace(makeClient(target.url, target, { times, reconnects: () => isOpen }))
      client.connect().catch(() => undefined)
    })
  }

  /** Resolves with true if the keys are at another node now, to which this connection has moved. */
  async function isMoved(error: unknown): Promise<boolean> {
    const url = movedUrl(error, target.url)
    if (url === undefined) return false
    moving ??= moveTo(url).finally(() => {
      moving = undefined
    })
    await moving.catch((cause: unknown) => {
      throw new NotSent(`the keys are at ${new URL(url).host}: ${messageOf(cause)}`, { cause })
    })
    return true
  }

  async function command<Reply>(args: readonly (string | Buffer)[], asBytes = false): Promise<Reply> {
    const on = asBytes ? client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) : client
    try {
      return (await on.sendCommand([...args])) as Reply
    } catch (error) {
      if (error instanceof ErrorReply) throw error
      const isNotSent = error instanceof ClientOfflineError || error instanceof ClientClosedError
      throw new (isNotSent ? NotSent : Unanswered)(messageOf(error), { cause: error })
    }
  }

  async function followed<Reply>(args: readonly (string | Buffer)[], asBytes?: boolean): Promise<Reply> {
    try {
      return await command(args, asBytes)
    } catch (error) {
      if (!(await isMoved(error))) throw error
      return await command(args, asBytes)
    }
  }

  const send = <Reply>(...args: readonly (string | Buffer)[]): Promise<Reply> => followed(args)
  return {
    send,
    sendForBytes: <Reply>(...args: readonly (string | Buffer)[]) => followed<Reply>(args, true),
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

type Client = ReturnType<typeof makeClient>

interface ClientOptions {
  readonly times: ConnectionTimes
  /** Whether a lost connection is made again. */
  readonly reconnects: () => boolean
}

function makeClient(url: string, { url: given, ca }: Pick<Target, 'url' | 'ca'>, { times, reconnects }: ClientOptions) {
  // A node of a cluster may be known by its address only. Its certificate has the name of the URL then.
  const isAddress = isIP(hostOf(url)) !== 0 && isIP(hostOf(given)) === 0
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
      ...(isAddress && { servername: hostOf(given) }),
      reconnectStrategy: retries => (reconnects() ? Math.min(50 * 2 ** retries, MAX_RETRY_MS) : false),
    },
  })
  // Without a listener, a lost connection would end the process.
  client.on('error', () => undefined)
  return client
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')

/** The URL of the node that has the keys, as a node says that does not have them. Undefined for any other error. */
function movedUrl(error: unknown, url: string): string | undefined {
  const [, host, port] = /^MOVED \d+ (.*):(\d+)$/.exec(replyOf(error) ?? '') ?? []
  if (host === undefined || port === undefined) return undefined
  const moved = new URL(url)
  // Empty: the host that was asked.
  if (host !== '' && host !== '?') moved.hostname = isIP(host) === 6 ? `[${host}]` : host
  moved.port = port
  return moved.href
}

/** The text of an error that the server answered with. Undefined where it did not answer. */
export function replyOf(error: unknown): string | undefined {
  return error instanceof ErrorReply ? error.message : undefined
}
