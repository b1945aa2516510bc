/** Whether the sidecar accepts attempts: the checks of `/readyz`. */
import type { FileStore } from '../store/file/file-store.ts'

/** One condition and whether it holds. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  /** Present if attempts are accepted even though the condition does not hold. */
  readonly advisory?: true
}

export interface Readiness {
  checks(): readonly Check[]
}

/** Whether all conditions hold that are required to accept attempts. */
export const isReady = (checks: readonly Check[]): boolean =>
  checks.every(({ ok, advisory }) => ok || advisory === true)

export function createReadiness(store: Pick<FileStore, 'health' | 'stats'>, isDraining: () => boolean): Readiness {
  return {
    checks() {
      const { writable, reason } = store.health()
      const { detail: damage } = store.stats().damage
      const isServing = !isDraining()
      return [
        { name: 'store', ok: writable, ...(reason !== undefined && { detail: reason }) },
        { name: 'serving', ok: isServing, ...(!isServing && { detail: 'the sidecar is shutting down' }) },
        // Advisory: damaged records cannot be listed, but new attempts are recorded.
        ...(damage === undefined ? [] : [{ name: 'damage', ok: false, advisory: true, detail: damage } as const]),
      ]
    },
  }
}
