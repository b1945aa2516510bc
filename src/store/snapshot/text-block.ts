/** Blocks of texts, such as the names of keys. */
import { type BlockReader, type NewBlock, roomOf } from './block.ts'

/** A block of texts: their number, their lengths in bytes, and their UTF-8. */
export function encodeTexts(texts: readonly string[], newBlock: NewBlock): Uint8Array {
  const parts = texts.map(text => Buffer.from(text))
  const all = Buffer.concat(parts)
  const block = newBlock(1 + roomOf(parts.length * 4) + roomOf(all.length))
  block.double(parts.length)
  block.put(Uint32Array.from(parts, part => part.length))
  block.put(all)
  return block.bytes()
}

/** The number of entries in a block. Throws if it is below one. */
export function countIn(block: BlockReader): number {
  const [count = 0] = block.doubles(1)
  if (!(count > 0)) throw new RangeError('an empty block')
  return count
}

/** Reads the texts of a block of {@link encodeTexts} and appends them to `into`. Returns how many. */
export function decodeTexts(block: BlockReader, into: string[]): number {
  const count = countIn(block)
  const lengths = block.words(count)
  const bytes = Buffer.from(block.bytes(sum(lengths)))
  let at = 0
  for (const length of lengths) {
    into.push(bytes.toString('utf8', at, at + length))
    at += length
  }
  return count
}

/** The sum of lengths. */
export function sum(numbers: Uint32Array): number {
  let all = 0
  for (const number of numbers) all += number
  return all
}
