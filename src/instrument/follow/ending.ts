/** What a follower reports about work that goes on after it was returned. */

/** How such work ended. Only the first report counts. */
export interface Ending {
  /** It was read to its end. */
  done(): void
  failed(error: unknown): void
  /** Its reader stopped before the end. */
  cancelled(): void
}

/** Replaces a method on one object, out of sight of loops over its properties. Throws on a frozen object. */
export function replaceMethod<This extends object, Name extends keyof This>(
  object: This,
  name: Name,
  method: (this: This, ...args: never[]) => unknown,
): void {
  Object.defineProperty(object, name, { value: method, writable: true, configurable: true, enumerable: false })
}
