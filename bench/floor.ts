/** Baseline servers that do only part of the sidecar's work. `node bench/floor.ts NAME FOLDER`, by the names below` */
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { decodeRequest } from '../src/receive/otlp/protobuf/decode.ts'
import { type AppendFile, nodeFileSystem } from '../src/store/file/file-system.ts'

type Serve = (body: Buffer, res: ServerResponse) => void

const answer = (res: ServerResponse): void => void res.writeHead(204).end()

const FLOORS: Readonly<Record<string, (folder: string) => Promise<Serve>>> = {
  bare: async () => (body, res) => {
    JSON.parse(body.toString())
    answer(res)
  },
  lines: async () => (body, res) => {
    for (const line of body.toString().split('\n')) if (line !== '') JSON.parse(line)
    answer(res)
  },
  'otlp-protobuf': async () => (body, res) => {
    decodeRequest('logs', 'protobuf', body)
    answer(res)
  },
  'otlp-spans': async () => (body, res) => {
    decodeRequest('traces', 'protobuf', body)
    answer(res)
  },
  'otlp-json': async () => (body, res) => {
    decodeRequest('logs', 'json', body)
    answer(res)
  },
  written: writeInGroups,
  async fsync(folder) {
    const file = await open(join(folder, 'one-by-one.ndjson'), 'a', 0o600)
    let last = Promise.resolve()
    return (body, res) => {
      JSON.parse(body.toString())
      last = last.then(async () => {
        await file.write(body)
        await file.datasync()
        answer(res)
      })
    }
  },
}

/** Two files of this size have the size of the sidecar's journal in the same benchmark. */
const FILE_BYTES = 64 * 1024 * 1024

/** Group commit and nothing else: requests that arrive during a write form the next group. Keeps the last two files. */
async function writeInGroups(folder: string): Promise<Serve> {
  const paths: string[] = []
  let file = await nextFile()
  let length = 0

  async function nextFile(): Promise<AppendFile> {
    const path = join(folder, `written-${process.pid}-${paths.length}.ndjson`)
    const oldest = paths.at(-2)
    if (oldest !== undefined) await rm(oldest)
    paths.push(path)
    return nodeFileSystem.create(path, FILE_BYTES)
  }

  async function append(bytes: Buffer): Promise<void> {
    if (length > FILE_BYTES) {
      await file.close()
      file = await nextFile()
      length = 0
    }
    await file.append(bytes)
    length += bytes.length
  }

  let waiting: { readonly body: Buffer; readonly res: ServerResponse }[] = []
  let isWriting = false
  async function write(): Promise<void> {
    isWriting = true
    while (waiting.length > 0) {
      await nextIteration()
      const group = waiting
      waiting = []
      await append(Buffer.concat(group.map(({ body }) => body)))
      for (const { res } of group) answer(res)
    }
    isWriting = false
  }
  return (body, res) => {
    JSON.parse(body.toString())
    waiting.push({ body, res })
    if (!isWriting) void write()
  }
}

const [name = '', folder = ''] = process.argv.slice(2)
const serve = await FLOORS[name]!(folder)
const server = createServer((req, res) => {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => serve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), res))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
