/** What the runtime offers beside web standards. All of it may be absent: an edge runtime has no modules of Node and no environment. */
interface NodeModules {
  readonly 'node:async_hooks': typeof import('node:async_hooks')
  readonly 'node:fs': typeof import('node:fs')
  readonly 'node:http': typeof import('node:http')
  readonly 'node:https': typeof import('node:https')
  readonly 'node:os': typeof import('node:os')
}

type Process = Pick<NodeJS.Process, 'env' | 'pid' | 'once' | 'off'> & Partial<Pick<NodeJS.Process, 'getBuiltinModule'>>

/** Undefined outside Node, Bun and Deno. */
export const currentProcess = (): Process | undefined => (globalThis as { readonly process?: Process }).process

/**
 * A module of Node, without an import: a bundler for an edge runtime fails on an import of `node:`, even if it is never reached. Undefined
 * outside Node, Bun and Deno, and before Node 20.16. Cloudflare's modules of Node are no reason to prefer them to its `fetch`.
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers') return undefined
  try {
    return currentProcess()?.getBuiltinModule?.(name)
  } catch {
    return undefined
  }
}

/** A variable of the environment. Undefined if it is absent or empty, or if the runtime forbids to read it. */
export function environmentVariable(name: string): string | undefined {
  try {
    return currentProcess()?.env[name]?.trim() || undefined
  } catch {
    return undefined
  }
}

/** Lets the process exit although the timer is pending. Timers of edge runtimes are numbers, and never hold a process. */
export function unref(timer: unknown): void {
  ;(timer as { unref?(): void }).unref?.()
}
