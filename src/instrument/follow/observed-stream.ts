/** Observes a `ReadableStream` by a stage of its own, for streams that their owner replaces by the observed one. */

/** What an observer receives. The reader causes `cancelled`. */
export interface StreamObserver {
  chunk?(chunk: unknown): void
  end?(): void
  failed?(error: unknown): void
  cancelled(): void
}

/** The same chunks, each requested when the reader requests it. */
export function observedStream<Chunk>(stream: ReadableStream<Chunk>, observer: StreamObserver): ReadableStream<Chunk> {
  const reader = stream.getReader()
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) {
            observer.chunk?.(value)
            controller.enqueue(value)
            return
          }
          observer.end?.()
          controller.close()
        } catch (error) {
          observer.failed?.(error)
          controller.error(error)
        }
      },
      cancel(reason) {
        observer.cancelled()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
