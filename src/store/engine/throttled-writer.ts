/** Rewrites a file after changes, with one write at a time, and for at most a share of the time. */

/** The pause after a failure. It doubles after each further one. */
const RETRY = { firstMs: 1000, lastMs: 30_000 }

export interface ThrottledWriterOptions {
  readonly write: () => Promise<void>
  /** The share of the time that may be spent writing, above 0 and up to 1. */
  readonly share: number
  readonly onError: (error: unknown) => void
}

export interface ThrottledWriter {
  /** Requests a write. It begins as soon as the last one is long enough ago. */
  request(): void
  /** Runs a requested write now. Resolves when it succeeded or failed. */
  flush(): Promise<void>
  /** Afterwards only `flush` begins a write. */
  stop(): void
}

export function createThrottledWriter({ write, share, onError }: ThrottledWriterOptions): ThrottledWriter {
  let wanted = false
  let stopped = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let notBeforeMs = 0
  let retryMs = RETRY.firstMs

  function schedule(): void {
    if (!wanted || stopped || running !== undefined || timer !== undefined) return
    timer = setTimeout(run, Math.max(0, notBeforeMs - performance.now()))
    timer.unref()
  }

  function run(): void {
    clearTimeout(timer)
    timer = undefined
    wanted = false
    running = attempt().finally(() => {
      running = undefined
      schedule()
    })
  }

  async function attempt(): Promise<void> {
    const startMs = performance.now()
    try {
      await write()
      const endMs = performance.now()
      notBeforeMs = endMs + (endMs - startMs) * (1 / share - 1)
      retryMs = RETRY.firstMs
    } catch (error) {
      wanted = true
      notBeforeMs = performance.now() + retryMs
      retryMs = Math.min(retryMs * 2, RETRY.lastMs)
      onError(error)
    }
  }

  return {
    request() {
      wanted = true
      schedule()
    },
    async flush() {
      await running
      if (running === undefined && wanted) run()
      await running
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      timer = undefined
    },
  }
}
