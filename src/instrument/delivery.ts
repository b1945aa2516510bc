/** A delivery to wherever attempts are kept. */
import { createDeliveryQueue, type Delivery } from './delivery-queue.ts'
import { createHttpSend } from './http-delivery.ts'
import { MAX_TIMEOUT_MS, wholeNumber } from './options.ts'
import type { AttemptKeeper } from './receipt.ts'
import { createKeeperSend, type Send } from './send.ts'
import { sidecarAddress } from './sidecar-address.ts'

/** The URL of a sidecar, or a tracker in this process. */
export type DeliveryTarget = string | URL | AttemptKeeper

export interface DeliveryOptions {
  /** The bearer token that a sidecar asks for. */
  readonly token?: string | undefined
  /** How many attempts may wait; 10,000 by default. About 1 KB each. */
  readonly maxQueued?: number | undefined
  /** How many attempts go into one batch, at most 1,000, which always fit in what a sidecar takes; 500 by default. */
  readonly maxBatch?: number | undefined
  /** How long one try may take, from the connection to the last byte of the answer; 10,000 by default. */
  readonly timeoutMs?: number | undefined
}

/**
 * Delivers attempts in order, in the background, and again until whoever keeps them says that they are kept: with their ids that
 * is safe. Throws a `TypeError` where an option cannot be meant.
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
