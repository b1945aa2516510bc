/** Follows the result of `streamText` and `streamObject` of the Vercel AI SDK (4 to 7). */
import type { Ending } from './ending.ts'
import { createSource, followReadableStream, isReadableStream } from './readable-stream.ts'

/** Every stream and promise of such a result reads a branch of this one stream. */
interface AiResult {
  baseStream: ReadableStream
}

/** A part of the stream. Errors and aborts are parts of a stream that ends without an error. */
interface Part {
  readonly type?: unknown
  readonly error?: unknown
  readonly finishReason?: unknown
}

export function isAiResult(value: object): value is AiResult {
  return 'textStream' in value && 'baseStream' in value && isReadableStream(value.baseStream)
}

export function followAiResult(result: AiResult, ending: Ending): void {
  const observed = observedStream(result.baseStream, ending)
  followReadableStream(observed, createSource(ending, true))
  result.baseStream = observed
}

/** The same chunks, each requested when the reader requests it. */
function observedStream(stream: ReadableStream, ending: Ending): ReadableStream {
  const reader = stream.getReader()
  const seen = createPartObserver(ending)
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) {
            seen.part(value)
            controller.enqueue(value)
            return
          }
          seen.end()
          controller.close()
        } catch (error) {
          ending.failed(error)
          controller.error(error)
        }
      },
      cancel(reason) {
        ending.cancelled()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function createPartObserver(ending: Ending): { part(chunk: unknown): void; end(): void } {
  let end = ending.done
  return {
    part: chunk => {
      // `streamText` wraps its parts; `streamObject` does not.
      const { type, error, finishReason } = ((chunk as { part?: Part } | undefined)?.part ?? chunk ?? {}) as Part
      if (type === 'abort') end = ending.cancelled
      else if (type === 'error') end = () => ending.failed(error)
      else if (type === 'finish' && finishReason === 'error' && end === ending.done)
        end = () => ending.failed(undefined)
    },
    end: () => end(),
  }
}
