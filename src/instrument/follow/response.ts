/** Follows the body of a `Response`. */
import { type Ending, replaceMethod } from './ending.ts'
import { createSource, followReadableStream, isReadableStream, type Source } from './readable-stream.ts'

const CONSUMERS = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const
type Consumes = { [Name in (typeof CONSUMERS)[number]]?: () => Promise<unknown> }

/** Whether a value is a response whose body is still to be read. */
export function isUnreadResponse(value: object): value is Response {
  const { bodyUsed, arrayBuffer, body } = value as Partial<Response>
  return bodyUsed === false && typeof arrayBuffer === 'function' && isReadableStream(body)
}

/** A body that is cancelled before anything of it was read was not wanted: the status and the headers are the whole answer. */
export function followResponse(response: Response, ending: Ending): void {
  const source: Source = createSource({
    ...ending,
    cancelled: () => (source.wasRead ? ending.cancelled() : ending.done()),
  })
  followBody(response, source)
}

function followBody(response: Response, source: Source): void {
  const { ending } = source
  for (const name of CONSUMERS) {
    const consume = (response as Consumes)[name]
    if (typeof consume !== 'function') continue
    replaceMethod(response as Consumes, name, function () {
      const consumed = consume.apply(this)
      source.wasRead = true
      consumed.then(ending.done, ending.failed)
      return consumed
    })
  }
  const { clone } = response
  replaceMethod(response, 'clone', function () {
    const copy = clone.apply(this)
    source.branches++
    followBody(copy, source)
    return copy
  })
  followStreams(response, source)
}

/** The body is another stream after `clone`. */
function followStreams(response: Response, source: Source): void {
  const body = bodyOf(response)
  let followed: unknown
  Object.defineProperty(response, 'body', {
    configurable: true,
    get() {
      const stream = body()
      if (stream !== followed && isReadableStream(stream)) {
        followed = stream
        followReadableStream(stream, source)
      }
      return stream
    },
  })
}

/** Reads the body by the accessor of its class, which the followed one hides. */
function bodyOf(response: Response): () => unknown {
  for (let owner: unknown = response; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const { get } = Object.getOwnPropertyDescriptor(owner, 'body') ?? {}
    if (get !== undefined) return () => get.call(response)
  }
  const { body } = response
  return () => body
}
