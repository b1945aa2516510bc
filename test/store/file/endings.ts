/** Ends a process at each operation that changes its disk, and says what disks the next process may find. */
import { createHash } from 'node:crypto'
import { afterPowerLoss, type Disk, type Node } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem, type Fault, READING } from './fake-file-system.ts'
import { randomFrom } from './fixtures.ts'

/**
 * How much of its last operation a process has done. There is no `all`: it leaves the disk that the next operation finds, at which a process
 * that ends has acknowledged at least as much.
 */
export const DONE = ['nothing', 'half'] as const

/** The disks that the next process may find, by what ended the one before. */
export type Ending = (disk: Disk, at: number) => readonly Disk[]

export const ENDINGS: readonly (readonly [string, Ending])[] = [
  ['the process is killed', disk => [disk]],
  ['the power is lost with all that was not synced', disk => [afterPowerLoss(disk)]],
  ['the power is lost with some of what was not synced', someLeft],
]

/** Random numbers decide what is left of unsynced data, so there are this many draws. */
const DRAWS = 3

/** Distinct disks on which at least some unsynced data is left: without any, the ending above is the same. */
function someLeft(disk: Disk, at: number): readonly Disk[] {
  const known = new Set([contentOf(afterPowerLoss(disk).root)])
  return Array.from({ length: DRAWS }, (_, draw) => afterPowerLoss(disk, randomFrom(at * DRAWS + draw))).filter(
    left => {
      const content = contentOf(left.root)
      return !known.has(content) && known.add(content)
    },
  )
}

function contentOf(node: Node): string {
  if (node.kind === 'file') return node.content.toString('latin1')
  return JSON.stringify([...node.entries].map(([name, child]) => [name, contentOf(child)]))
}

/**
 * Random bytes for the stores of one history: other ones at each call, and the same ones in each run of the history. Without them equal histories
 * leave different disks, because each store writes random names.
 */
export function repeatableBytes(): (bytes: number) => Buffer {
  let calls = 0
  return bytes => createHash('sha512').update(`${calls++}`).digest().subarray(0, bytes)
}

/**
 * Tells whether a disk is new, together with what its client knows. A check of the same state again would only repeat itself: many operations,
 * such as a write that is not synced yet, leave the disk that another one leaves.
 */
export function createUnchecked(): (disk: Disk, ...known: readonly Iterable<string | number>[]) => boolean {
  const checked = new Set<string>()
  return (disk, ...known) => {
    const state = `${digestOf(disk)} ${JSON.stringify(known.map(values => [...values]))}`
    return !checked.has(state) && checked.add(state) !== undefined
  }
}

/**
 * A digest of all that the next process may find, now and after a power loss without a random draw: entries, content, and which entries are the
 * same file.
 */
function digestOf({ root }: Disk): string {
  const hash = createHash('sha256')
  const numbers = new Map<Node, number>()
  const visit = (node: Node): number => {
    const known = numbers.get(node)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(node, number)
    if (node.kind === 'file') {
      const { content, synced } = node
      hash.update(`file ${number} ${content.length} ${synced.length} `).update(content).update(synced)
    } else {
      const [entries, synced] = [node.entries, node.synced].map(all =>
        [...all].map(([name, one]) => [name, visit(one)]),
      )
      hash.update(`${JSON.stringify(['directory', number, entries, synced])} `)
    }
    return number
  }
  visit(root)
  return hash.digest('base64')
}

/**
 * Calls `run` with a process that ends at change 0, 1, 2, … of the disk, until a run ends before its change. Returns the number of runs.
 * Operations that only read are passed over, and those that write at once where half is wanted: such an end leaves the disk of another one.
 */
export async function atEveryChange(
  newDisk: () => Disk | Promise<Disk>,
  { done, preallocatedBytes = 0 }: { readonly done: (typeof DONE)[number]; readonly preallocatedBytes?: number },
  run: (fileSystem: FakeFileSystem, at: number) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const fileSystem = createFakeFileSystem(await newDisk(), preallocatedBytes)
    let changes = 0
    let last: string | undefined
    fileSystem.fault = ({ name, path }): Fault | undefined => {
      if (done === 'half' ? name !== 'write' : READING.has(name)) return undefined
      if (changes++ < at) return undefined
      last = `${name} ${path}`
      return { kind: 'end', done }
    }
    await run(fileSystem, at).catch(error => {
      throw new Error(`change ${at}: ${last}`, { cause: error })
    })
    if (last === undefined) return at + 1
  }
}
