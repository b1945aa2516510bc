/** The delays of a delivery: before a batch, and before a retry. */
import { unref } from './runtime.ts'

const FIRST_MS = 500
const LONGEST_MS = 30_000

/** Upper limit of `Retry-After`. A wrong value must not stop the delivery permanently. */
const LONGEST_RETRY_AFTER_MS = 300_000

/**
 * Exponential backoff with full jitter, so that clients that failed together do not retry together. At most 0.5 s after the first failure,
 * doubling to at most 30 s. `random` is from 0 to 1. Source: Brooker, "Exponential Backoff And Jitter", 2015.
 */
export function backoffMs(failures: number, random: number): number {
  return random * Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1))
}

/** The delay of a `Retry-After` header, which is in seconds or an HTTP date. At most five minutes. Undefined if the header is invalid. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  const asked = /^\d+$/.test(text) ? Number(text) * 1000 : httpDateMs(text) - nowMs
  return Number.isNaN(asked) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, asked))
}

function httpDateMs(text: string): number {
  return text.endsWith('GMT') ? Date.parse(text) : Number.NaN
}

/** The delays of one delivery, one at a time. They do not keep the process alive, and never reject. */
export interface Pace {
  /** Waits briefly for more attempts to join the batch. */
  gather(ms: number): Promise<void>
  /** Waits for `askedMs`, then for the backoff of the consecutive failures. */
  afterFailure(askedMs: number | undefined): Promise<void>
  afterSuccess(): void
  /** Ends a wait that the sidecar did not request, and resets the backoff. */
  hurry(): void
  /** Ends every wait, future ones too. */
  stop(): void
}

export function createPace(random: () => number = Math.random): Pace {
  const asked = createEventLoopYield()
  const own = createEventLoopYield()
  let failures = 0
  return {
    gather: own.wait,
    afterFailure: async askedMs => {
      failures++
      await asked.wait(askedMs ?? 0)
      await own.wait(backoffMs(failures, random()))
    },
    afterSuccess: () => {
      failures = 0
    },
    hurry: () => {
      failures = 0
      own.wake()
    },
    stop: () => {
      asked.stop()
      own.stop()
    },
  }
}

interface Pause {
  wait(ms: number): Promise<void>
  wake(): void
  stop(): void
}

function createEventLoopYield(): Pause {
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let resume = (): void => {}
  const wake = (): void => {
    clearTimeout(timer)
    resume()
  }
  return {
    wait: ms =>
      new Promise(resolve => {
        resume = resolve
        if (stopped || ms <= 0) resolve()
        else {
          timer = setTimeout(resolve, ms)
          unref(timer)
        }
      }),
    wake,
    stop: () => {
      stopped = true
      wake()
    },
  }
}
