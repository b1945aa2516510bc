/**
 * The lease of the sidecar that sends the alerts of a shared store. It is a record of the log: of two sidecars that take it at the same time, the
 * first in the log gets it. A sidecar takes over when its own clock has seen no change of the lease for the lease's duration, so that clocks need
 * not agree. Only a sidecar that starts compares clocks: it takes over at once from one that died long ago.
 */
import { type AlertLog, leaseVersion } from '../core/alerts/lifecycle.ts'
import type { Clock } from '../core/ports.ts'

/** How much the clocks of sidecars may differ. */
const CLOCK_SKEW_MS = 10_000
/** The part of its time after which a lease is renewed. */
const RENEW_AFTER = 0.4

export interface LeaseOptions {
  readonly log: AlertLog
  readonly clock: Clock
  readonly monotonic: Clock
  /** How long the lease lasts after a change. */
  readonly ttlMs: number
  /** For how long it must be held to begin something. Less than {@link ttlMs}. */
  readonly neededMs: number
}

export interface Lease {
  /** Notes changes by other sidecars. To be called often. */
  observe(): void
  /** Takes or renews the lease if possible. Resolves with whether this sidecar holds it. Rejects with `StoreUnavailable`. */
  acquire(): Promise<boolean>
  /** Whether this sidecar holds the lease, and will for this long. */
  isHeldFor(ms: number): boolean
  /** Gives the lease back, so that another sidecar needs not wait. */
  release(): Promise<void>
}

export function createLease({ log, clock, monotonic, ttlMs, neededMs }: LeaseOptions): Lease {
  const { state, writer } = log
  // Only one process can open the store.
  if (writer === undefined)
    return { observe() {}, acquire: async () => true, isHeldFor: () => true, release: async () => undefined }
  let seen = { version: -1, atMs: monotonic() }
  let isFirst = true
  let heldUntilMs = Number.NEGATIVE_INFINITY

  function observe(): void {
    const version = leaseVersion(state)
    if (version === seen.version) return
    seen = { version, atMs: monotonic() }
    if (isFirst && state.lease !== undefined && clock() - state.lease.atMs > state.lease.ttlMs + CLOCK_SKEW_MS)
      seen.atMs = Number.NEGATIVE_INFINITY
    isFirst = false
  }

  const isOurs = (): boolean => state.lease?.holder === writer
  const isHeldFor = (ms: number): boolean => isOurs() && monotonic() + ms < heldUntilMs

  function isFree(): boolean {
    const { lease } = state
    return lease?.holder === undefined || monotonic() - seen.atMs > lease.ttlMs
  }

  async function change(holder: string | undefined): Promise<boolean> {
    return await log.record({ change: 'lease', holder, after: leaseVersion(state), ttlMs })
  }

  return {
    observe,
    isHeldFor,
    async acquire() {
      observe()
      if (isHeldFor(Math.max(neededMs, ttlMs * (1 - RENEW_AFTER)))) return true
      if (!isOurs() && !isFree()) return false
      // Before the record is written: others count from when they see it, which is later.
      const fromMs = monotonic()
      if (!(await change(writer))) return false
      heldUntilMs = fromMs + ttlMs
      observe()
      return isOurs()
    },
    async release() {
      if (isHeldFor(0)) await change(undefined)
    },
  }
}
