/** A file that is written whole whenever something changed, but never for more than a share of the time. One write at a time. */

/** After a failure: doubled every time. */
const RETRY = { firstMs: 1000, lastMs: 30_000 }

export interface PacedWriterOptions {
  readonly write: () => Promise<void>
  /** The part of all time that may be spent writing, above 0 to 1. */
  readonly share: number
  readonly onError: (error: unknown) => void
}

export interface PacedWriter {
  /** Something changed: it is written at once when the last write is long enough ago, else as soon as it is. */
  request(): void
  /** Writes now what was requested; resolves when that was tried. */
  flush(): Promise<void>
  /** No write begins any more but by `flush`. */
  stop(): void
}

export function createPacedWriter({ write, share, onError }: PacedWriterOptions): PacedWriter {
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
