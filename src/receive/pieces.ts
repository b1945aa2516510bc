/** Bytes that come in pieces of any size, in memory that does not depend on the size of the pieces. */

/** Smaller pieces are copied together: a Buffer takes several hundred bytes of memory besides its own. */
const SMALL_BYTES = 4 * 1024
const PAGE_BYTES = 16 * 1024
/** So many pieces stay as they are, however small: most bodies come in fewer. */
const FEW = 8

/** A class: one is made for every request, and an object with getters of its own is slower to make. */
export class Pieces {
  #list: Buffer[] = []
  #page = NOTHING
  /** What of the page is not in the list yet. */
  #start = 0
  #end = 0
  #length = 0

  /** Bytes that were added. They take little more memory than that: a page of their own at the most, and some objects. */
  get length(): number {
    return this.#length
  }

  /** Adds bytes that are not written to any more. */
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

  /** Answers all of them and `last` as one, and forgets them. */
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
