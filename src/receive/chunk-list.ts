/** Bytes that arrive in chunks of any size, in memory that does not depend on the size of the chunks. */

/** Smaller chunks are copied into pages: a Buffer takes several hundred bytes of memory besides its content. */
const SMALL_BYTES = 4 * 1024
const PAGE_BYTES = 16 * 1024
/** The first chunks are kept as they are, however small: most bodies have fewer. */
const FEW = 8

/** A class: one is created per request, and an object literal with getters takes longer to create. */
export class ChunkList {
  #list: Buffer[] = []
  #page = NOTHING
  /** The part of the page that is not yet in the list. */
  #start = 0
  #end = 0
  #length = 0

  /** Bytes that were added. Their memory is larger by one page and a few objects at most. */
  get length(): number {
    return this.#length
  }

  /** Adds bytes, which must not change afterwards. */
  add(bytes: Buffer): void {
    this.#length += bytes.length
    if (bytes.length < SMALL_BYTES && this.#list.length >= FEW) {
      this.#copy(bytes)
      return
    }
    this.#closePage()
    this.#list.push(bytes)
  }

  #copy(bytes: Buffer): void {
    if (this.#end + bytes.length > this.#page.length) {
      this.#closePage()
      this.#page = Buffer.allocUnsafeSlow(PAGE_BYTES)
      this.#start = 0
      this.#end = 0
    }
    this.#page.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #closePage(): void {
    if (this.#end > this.#start) this.#list.push(this.#page.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  /** Returns all bytes and `last` as one buffer, and empties the list. */
  join(last?: Buffer): Buffer {
    this.#closePage()
    if (last !== undefined) this.#list.push(last)
    const bytes = this.#list.length === 1 ? this.#list[0]! : Buffer.concat(this.#list)
    this.clear()
    return bytes
  }

  clear(): void {
    this.#list = []
    this.#page = NOTHING
    this.#start = 0
    this.#end = 0
    this.#length = 0
  }
}

const NOTHING = Buffer.alloc(0)
