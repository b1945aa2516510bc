/** Follows the result of `streamText` and `streamObject` of the Vercel AI SDK (5 to 7). */
import { type Ending, replaceMethod } from './ending.ts'
import { observedStream } from './observed-stream.ts'
import { isReadableStream } from './readable-stream.ts'

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
  const parts = createPartObserver(ending)
  const stream = observedStream(result.baseStream, {
    chunk: parts.part,
    end: parts.end,
    failed: ending.failed,
    cancelled: ending.cancelled,
  })
  countReaders(stream, { reading: 0, cancelled: ending.cancelled })
  result.baseStream = stream
}

/**
 * Counts the branches that are read. The SDK reads one branch of `tee`, and keeps the other for the next reader, who may never come: when all
 * readers have cancelled theirs, the work is cancelled.
 */
function countReaders(stream: ReadableStream, readers: { reading: number; readonly cancelled: () => void }): void {
  const { tee } = stream
  replaceMethod(stream, 'tee', function () {
    const [read, kept] = tee.apply(this)
    countReaders(kept, readers)
    readers.reading++
    const cancelled = (): void => {
      if (--readers.reading === 0) readers.cancelled()
    }
    return [observedStream(read, { cancelled }), kept]
  })
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
