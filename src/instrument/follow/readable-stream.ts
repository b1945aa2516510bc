/**
 * Follows a `ReadableStream`. It replaces methods of the one stream and adds no stage to it, so that chunks, backpressure, `tee` and
 * cancellation stay as they are.
 */
import { type Ending, replaceMethod } from './ending.ts'
import { followIterator } from './iterator.ts'

/** What the branches of one stream report to. */
export interface Source {
  readonly ending: Ending
  /** Branches by `tee` that are not cancelled. */
  branches: number
  /** Whether anything but `cancel` was called. */
  wasRead: boolean
}

export function createSource(ending: Ending): Source {
  return { ending, branches: 1, wasRead: false }
}

export function isReadableStream(value: unknown): value is ReadableStream {
  if (typeof value !== 'object' || value === null) return false
  const { getReader, tee } = value as Partial<ReadableStream>
  return typeof getReader === 'function' && typeof tee === 'function'
}

/** Follows one branch. */
export function followReadableStream(stream: ReadableStream, source: Source): void {
  const { ending } = source
  const { getReader, cancel, tee, pipeTo, pipeThrough } = stream
  const opened = (): void => {
    source.wasRead = true
  }
  const stopped = (): void => {
    if (--source.branches === 0) ending.cancelled()
  }

  replaceMethod(stream, 'getReader', function (...args: []) {
    const reader = getReader.apply(this, args)
    opened()
    followReader(reader, { ...ending, cancelled: stopped })
    return reader
  })
  replaceMethod(stream, 'cancel', function (...args: []) {
    const cancelled = cancel.apply(this, args)
    // Rejects if the stream is locked: then it goes on.
    cancelled.then(stopped, () => undefined)
    return cancelled
  })
  replaceMethod(stream, 'tee', function () {
    const branches = tee.apply(this)
    source.branches++
    source.wasRead = true
    for (const branch of branches) followReadableStream(branch, source)
    return branches
  })
  replaceMethod(stream, 'pipeTo', function (...args: [WritableStream]) {
    const piped = pipeTo.apply(this, args)
    opened()
    piped.then(ending.done, () => {
      if (!this.locked) followRest(getReader.call(this), { ...ending, cancelled: stopped })
    })
    return piped
  })
  replaceMethod(stream, 'pipeThrough', function (...args: Parameters<ReadableStream['pipeThrough']>) {
    const [pair, options] = args
    // The original throws the error of such a call.
    if (this.locked || pair?.writable?.locked !== false) return pipeThrough.apply(this, args)
    this.pipeTo(pair.writable, options).catch(() => undefined)
    return pair.readable
  })
  for (const name of ['values', Symbol.asyncIterator] as const) followValues(stream, name, source, { opened, stopped })
}

/** What readers have in common. */
type Reader = Pick<ReadableStreamDefaultReader, 'closed' | 'cancel' | 'releaseLock'>

/** Not every runtime iterates over streams. */
type Iterates = {
  [Name in 'values' | typeof Symbol.asyncIterator]?: (...args: [{ preventCancel?: boolean }?]) => object
}

function followValues(
  stream: ReadableStream,
  name: 'values' | typeof Symbol.asyncIterator,
  source: Source,
  { opened, stopped }: { opened(): void; stopped(): void },
): void {
  const iterates = stream as unknown as Iterates
  const iterate = iterates[name]
  if (typeof iterate !== 'function') return
  replaceMethod(iterates, name, function (...args: [{ preventCancel?: boolean }?]) {
    const iterator = iterate.apply(this, args)
    opened()
    const goesOn = (): void => undefined
    followIterator(iterator, { ...source.ending, cancelled: args[0]?.preventCancel === true ? goesOn : stopped })
    return iterator
  })
}

/** Follows a reader until the stream ends, or the reader gives it back. */
function followReader(reader: Reader, { done, failed, cancelled }: Ending): void {
  const { cancel, releaseLock } = reader
  let end = done
  let isReleased = false
  reader.closed.then(
    () => end(),
    error => isReleased || failed(error),
  )
  replaceMethod(reader, 'cancel', function (...args: []) {
    end = cancelled
    return cancel.apply(this, args)
  })
  replaceMethod(reader, 'releaseLock', function () {
    isReleased = true
    releaseLock.apply(this)
  })
}

/** Reports what a failed pipe left behind: an error of the stream itself, or a stream that the pipe cancelled. */
function followRest(reader: Reader, { failed, cancelled }: Ending): void {
  let isReleased = false
  reader.closed.then(cancelled, error => isReleased || failed(error))
  // A stream that is still open was given back to the caller by `preventCancel`.
  queueMicrotask(() => {
    isReleased = true
    reader.releaseLock()
  })
}
