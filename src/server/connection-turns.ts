/**
 * HTTP pipelining: Node emits all requests of a connection as they arrive, and sends the responses in order. Questions of one connection
 * therefore run one after another, so that one connection cannot occupy more than one worker.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Maximum questions of one connection that wait. */
const MAX_WAITING = 16
/**
 * Maximum unanswered requests of one connection. Beyond it the connection is closed. A refusal would not help: it waits behind the responses
 * before it and takes as much memory. Pausing the socket would not help: Node has already parsed everything it read.
 */
const MAX_UNANSWERED = 128

export interface ConnectionTurns {
  /** Counts a request that waits behind another one of its connection. False if the connection was closed because there are too many. */
  admit(res: ServerResponse): boolean
  /** Undefined if it is this response's turn. Otherwise resolves at its turn, or with false if the client disconnects. Never rejects. */
  turnOf(res: ServerResponse): Promise<boolean> | undefined
  /** Whether too many questions of this connection already wait. */
  isFull(res: ServerResponse): boolean
}

interface Pipelined {
  unanswered: number
  waiting: number
}

export function createConnectionTurns(): ConnectionTurns {
  const connections = new WeakMap<Socket, Pipelined>()

  function pipelinedOn({ req: { socket } }: ServerResponse): Pipelined {
    const known = connections.get(socket)
    if (known !== undefined) return known
    const made = { unanswered: 0, waiting: 0 }
    connections.set(socket, made)
    return made
  }

  return {
    admit(res) {
      // The response whose turn it is has a socket: no lookup for requests that are not pipelined.
      if (res.socket !== null) return true
      const { socket } = res.req
      if (socket.destroyed) return false
      const pipelined = pipelinedOn(res)
      if (pipelined.unanswered >= MAX_UNANSWERED) {
        socket.destroy()
        return false
      }
      pipelined.unanswered++
      res.once('close', () => pipelined.unanswered--)
      return true
    },
    isFull: res => res.socket === null && pipelinedOn(res).waiting >= MAX_WAITING,
    turnOf(res) {
      if (res.socket !== null) return undefined
      const pipelined = pipelinedOn(res)
      pipelined.waiting++
      return new Promise(resolve => {
        const end = (isTurn: boolean): void => {
          res.off('socket', begin).off('close', leave)
          pipelined.waiting--
          resolve(isTurn)
        }
        const begin = (): void => end(true)
        const leave = (): void => end(false)
        res.once('socket', begin).once('close', leave)
      })
    },
  }
}
