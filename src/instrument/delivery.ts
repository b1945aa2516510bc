/** Creates the delivery to a sidecar or a tracker. */
import { createDeliveryQueue, type Delivery } from './delivery-queue.ts'
import { createHttpSend } from './http-delivery.ts'
import { MAX_TIMEOUT_MS, wholeNumber } from './options.ts'
import type { AttemptKeeper } from './receipt.ts'
import { createKeeperSend, type Send } from './send.ts'
import { sidecarAddress } from './sidecar-address.ts'

/** The URL of a sidecar, or a tracker in this process. */
export type DeliveryTarget = string | URL | AttemptKeeper

export interface DeliveryOptions {
  /** The bearer token of the sidecar. */
  readonly token?: string | undefined
  /** Capacity of the queue in attempts, about 1 KB each. 10,000 by default. */
  readonly maxQueued?: number | undefined
  /** Maximum attempts per batch. 500 by default, at most 1,000, which always fit into a sidecar's limit of a request. */
  readonly maxBatch?: number | undefined
  /** Time limit of one try in milliseconds, from the connection to the last byte of the answer. 10,000 by default. */
  readonly timeoutMs?: number | undefined
}

/**
 * Delivers attempts in order, in the background. Retries until the target confirms them, which is safe because every attempt has an id.
 * Throws a `TypeError` on an invalid option.
 */
export function createDelivery(to: DeliveryTarget, options: DeliveryOptions = {}): Delivery {
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? 10_000, MAX_TIMEOUT_MS)
  return createDeliveryQueue(sendTo(to, options.token, timeoutMs), {
    maxQueued: wholeNumber('maxQueued', options.maxQueued ?? 10_000, 10_000_000),
    maxBatch: wholeNumber('maxBatch', options.maxBatch ?? 500, 1_000),
  })
}

function sendTo(to: DeliveryTarget, token: string | undefined, timeoutMs: number): Send {
  if (typeof to === 'object' && 'recordAttempts' in to) return createKeeperSend(to, timeoutMs)
  return createHttpSend(sidecarAddress(to, token), timeoutMs)
}
