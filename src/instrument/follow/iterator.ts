/** Follows iterators and iterables: generators, async generators, and streams of SDKs that are read with `for await`. */
import { type Ending, replaceMethod } from './ending.ts'

type Step = { readonly done?: unknown } | PromiseLike<{ readonly done?: unknown }>
type Method = (this: unknown, ...args: unknown[]) => Step
type Name = 'next' | 'return' | 'throw'
type FollowedIterator = { [Key in Name]?: Method }
type FollowedIterable = { [Symbol.asyncIterator](...args: unknown[]): FollowedIterator }

export function isAsyncIterable(value: object): value is FollowedIterable {
  return Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function'
}

/** Whether a value is a generator. Other synchronous iterators, such as those of an array, do no work of their own. */
export function isGenerator(value: object): value is FollowedIterator {
  const { next, return: end, throw: raise } = value as FollowedIterator
  return [next, end, raise].every(method => typeof method === 'function') && Symbol.iterator in value
}

/** Follows the iterators that an iterable makes. The first one that ends is the end of the work. */
export function followIterable(iterable: FollowedIterable, ending: Ending): void {
  const iterate = iterable[Symbol.asyncIterator]
  replaceMethod(iterable, Symbol.asyncIterator, function (...args: unknown[]) {
    const iterator = iterate.apply(this, args)
    // An async generator is its own iterator, and is followed already.
    if ((iterator as unknown) !== iterable) followIterator(iterator, ending)
    return iterator
  })
  if (typeof (iterable as FollowedIterator).next === 'function') followIterator(iterable as FollowedIterator, ending)
}

export function followIterator(iterator: FollowedIterator, ending: Ending): void {
  const ended: Readonly<Record<Name, () => void>> = { next: ending.done, throw: ending.done, return: ending.cancelled }
  for (const name of ['next', 'return', 'throw'] as const) {
    const method = iterator[name]
    if (typeof method !== 'function') continue
    replaceMethod(iterator, name, function (this: unknown, ...args: unknown[]) {
      let step: Step
      try {
        step = method.apply(this, args)
      } catch (error) {
        ending.failed(error)
        throw error
      }
      observe(step, ended[name], ending)
      return step
    })
  }
}

/** Calls `ended` if this is the last step. The handlers run before those of the caller, who therefore sees the attempt ended. */
function observe(step: Step, ended: () => void, ending: Ending): void {
  const observed = (result: { readonly done?: unknown }): void => {
    if (result?.done === true) ended()
  }
  if (typeof (step as PromiseLike<object>)?.then === 'function') {
    ;(step as PromiseLike<object>).then(observed, error => ending.failed(error))
  } else observed(step as { readonly done?: unknown })
}
