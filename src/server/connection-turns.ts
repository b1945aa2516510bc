/**
 * Pipelining: Node hands over all requests of a connection as they arrive, and sends the answers in order. Questions of one connection
 * therefore wait for each other, so that one connection never has more than one of them worked on.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Questions of one connection that may wait for their turn. */
const MAX_WAITING = 16
/**
 * Unanswered requests of one connection. Beyond it the connection is closed: a refusal has to wait behind the answers before it, so that
 * refusing holds as much memory as waiting does. To pause the socket does not help, because Node has parsed all it has read by then.
 */
const MAX_UNANSWERED = 128

export interface ConnectionTurns {
  /** Counts a request that waits behind another one of its connection. False where the connection was closed because of it. */
  admit(res: ServerResponse): boolean
  /** Undefined where it is this answer's turn already; else resolves when it is, with false where the client has gone. Never rejects. */
  turnOf(res: ServerResponse): Promise<boolean> | undefined
  /** Whether too many questions of the answer's connection wait already. */
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
      // The first answer of a connection has its socket: nothing is looked up for requests that are not pipelined.
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
