/** Observes the messages of an async iterable that stays the same object, whether it is iterated over or read by `next`. */

export interface MessageObserver {
  message(message: unknown): void
  ended(how: { readonly error?: unknown; readonly left?: boolean }): void
  /** `interrupt` was called, if the object has one. */
  interrupted(): void
}

type Step = PromiseLike<{ readonly done?: boolean; readonly value?: unknown }>
type Method = (this: unknown, ...args: unknown[]) => unknown

/** The observer's functions must not throw. They are called before the reader sees the same message. */
export function observeMessages(query: AsyncIterable<unknown>, observer: MessageObserver): void {
  // The same iterator may be returned more than once, and an object may read messages from its own iterator. Each is observed once.
  const seen = new WeakSet<object>()
  const isNew = (one: unknown): one is object => {
    if (typeof one !== 'object' || one === null || seen.has(one)) return false
    seen.add(one)
    return true
  }
  const message = (one: unknown): void => {
    if (isNew(one)) observer.message(one)
  }
  const observe = (iterator: object): void => {
    if (isNew(iterator)) observeIterator(iterator, { ...observer, message })
  }
  replaceMethod(
    query,
    'interrupt',
    method =>
      function (...args) {
        observer.interrupted()
        return method.apply(this, args)
      },
  )
  replaceMethod(
    query,
    Symbol.asyncIterator,
    method =>
      function (...args) {
        const iterator = method.apply(this, args) as object
        observe(iterator)
        return iterator
      },
  )
  if ('next' in query) observe(query)
}

function observeIterator(iterator: object, observer: MessageObserver): void {
  for (const name of ['next', 'return', 'throw']) {
    replaceMethod(
      iterator,
      name,
      method =>
        function (...args) {
          const step = method.apply(this, args) as Step
          Promise.resolve(step).then(
            ({ done, value }) => {
              if (done === true) observer.ended({ left: name === 'return' })
              else observer.message(value)
            },
            error => observer.ended({ error }),
          )
          return step
        },
    )
  }
}

/** Replaces a method of one object, out of sight of loops over its properties. */
function replaceMethod(object: object, name: PropertyKey, replacement: (method: Method) => Method): void {
  const method = (object as Record<PropertyKey, unknown>)[name]
  if (typeof method !== 'function') return
  Object.defineProperty(object, name, {
    value: replacement(method as Method),
    writable: true,
    configurable: true,
    enumerable: false,
  })
}
