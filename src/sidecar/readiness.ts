/** Whether the sidecar accepts attempts: the checks of `/readyz`. */
import type { Store } from '../core/ports.ts'

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

export function createReadiness(store: Pick<Store, 'health'>, isDraining: () => boolean): Readiness {
  return {
    checks() {
      const { writable, reason, advisories = [] } = store.health()
      const isServing = !isDraining()
      return [
        { name: 'store', ok: writable, ...(reason !== undefined && { detail: reason }) },
        { name: 'serving', ok: isServing, ...(!isServing && { detail: 'the sidecar is shutting down' }) },
        ...advisories.map(({ name, detail }) => ({ name, ok: false, advisory: true, detail }) as const),
      ]
    },
  }
}
