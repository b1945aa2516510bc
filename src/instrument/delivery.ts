/** Creates the delivery to a sidecar or a tracker. */
import { createDeliveryQueue, type Delivery } from './delivery-queue.ts'
import type { OnRejected } from './drain.ts'
import { createHttpSend } from './http-delivery.ts'
import { MAX_TIMEOUT_MS, wholeNumber } from './options.ts'
import { createSayProblem, type OnProblem } from './problems.ts'
import type { AttemptKeeper } from './receipt.ts'
import { createKeeperSend, type Send } from './send.ts'
import { sidecarAddress, urlOfEnvironment } from './sidecar-address.ts'
import { openSpool } from './spool.ts'

/** The URL of a sidecar, or a tracker in this process. */
export type DeliveryTarget = string | URL | AttemptKeeper

export interface DeliveryOptions {
  /** The bearer token of the sidecar. By default `AGENT_PERFORMANCE_TOKEN` of the environment. */
  readonly token?: string | undefined
  /** Capacity of the queue in attempts, about 1 KB each. 10,000 by default. */
  readonly maxQueued?: number | undefined
  /** Maximum attempts per batch. 500 by default, at most 1,000, which always fit into a sidecar's limit of a request. */
  readonly maxBatch?: number | undefined
  /** Time limit of one try in milliseconds, from the connection to the last byte of the answer. 10,000 by default. */
  readonly timeoutMs?: number | undefined
  /**
   * A folder for attempts that are not delivered yet. What is there when a process ends or is killed, the next process with this folder
   * delivers. Several processes may share it. It is created with access for its owner only. It survives the process, not a power loss: files
   * are not synced. Only where there are files: Node 20.16 or newer, Bun, Deno.
   */
  readonly spoolDirectory?: string | undefined
  /** Receives attempts that the target rejected permanently. Errors that it throws are ignored. */
  readonly onRejected?: OnRejected | undefined
  /** Receives at most one problem a minute. By default `console.warn`. */
  readonly onProblem?: OnProblem | undefined
}

/**
 * Delivers attempts in order, in the background. Retries until the target confirms them or names them as invalid, which is safe because every
 * attempt has an id. By default the target is `AGENT_PERFORMANCE_URL` of the environment, else `http://127.0.0.1:9464`. Throws a `TypeError`
 * on an invalid option.
 */
export function createDelivery(to: DeliveryTarget = urlOfEnvironment(), options: DeliveryOptions = {}): Delivery {
  const { spoolDirectory, onRejected, onProblem } = options
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? 10_000, MAX_TIMEOUT_MS)
  const bounds = {
    maxQueued: wholeNumber('maxQueued', options.maxQueued ?? 10_000, 10_000_000),
    maxBatch: wholeNumber('maxBatch', options.maxBatch ?? 500, 1_000),
  }
  const send = sendTo(to, options.token, timeoutMs)
  const say = createSayProblem(() => onProblem)
  const spool = spoolDirectory === undefined ? undefined : openSpool(spoolDirectory, say)
  return createDeliveryQueue({ send, ...bounds, say, onRejected, spool })
}

function sendTo(to: DeliveryTarget, token: string | undefined, timeoutMs: number): Send {
  if (typeof to === 'object' && 'recordAttempts' in to) return createKeeperSend(to, timeoutMs)
  return createHttpSend(sidecarAddress(to, token), timeoutMs)
}
