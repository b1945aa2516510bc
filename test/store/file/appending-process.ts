/** A process that appends until it is killed, and prints the sent and the acknowledged attempts. */
import { writeSync } from 'node:fs'
import { openFileStore } from '../../../src/store/file/file-store.ts'
import { attempt, newTally } from './fixtures.ts'

const [, , path, life = '0'] = process.argv

/** Synchronous, so that no buffered line is lost when the process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}

const store = await openFileStore({ path: path!, tally: newTally(), clock: Date.now })
say('open')

async function appendWithoutEnd(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    const ids = Array.from({ length: 1 + (n % 3) }, (_, i) => `${life}-${lane}-${n}-${i}`)
    for (const id of ids) say(`sent ${id}`)
    await store.append(ids.map((id, i) => attempt(n * 3 + i, { attempt_id: id })))
    for (const id of ids) say(`kept ${id}`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => appendWithoutEnd(lane)))
