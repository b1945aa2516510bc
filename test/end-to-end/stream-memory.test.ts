/** The memory that hostile streams and bodies use, as Linux reports it for the process. */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { peakMemoryOf } from '../root/memory.ts'
import { anAttempt } from '../support/sidecar.ts'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const MIB = 2 ** 20
const LINE = `${JSON.stringify(anAttempt())}\n`
const NDJSON = { 'Content-Type': 'application/x-ndjson' }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let sidecar: SidecarProcess
beforeEach(async () => {
  folder = await temporaryFolder()
  // V8 doubles its space for new objects, by 32 MiB, at a time that depends on everything since the start. A fixed one leaves what requests keep.
  const env = { NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=8' }
  sidecar = await startSidecarProcess(join(folder.path, 'a.json'), { args: ['--drain-timeout', '50s'], env })
})
afterEach(async () => {
  await sidecar.stop('SIGKILL')
  await folder[Symbol.asyncDispose]()
})

function post(headers: Record<string, string>): ClientRequest {
  return request(`${sidecar.url}/api/v1/attempts`, { method: 'POST', headers }).on('error', () => undefined)
}

async function write(req: ClientRequest, bytes: Buffer | string): Promise<void> {
  if (!req.write(bytes)) await once(req, 'drain')
}

async function answerTo(req: ClientRequest): Promise<{ status: number; body: Record<string, unknown> }> {
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return { status: res.statusCode!, body: JSON.parse(await text(res)) }
}

/** The growth of the peak in MiB during `work`. A first request allocates what stays in any case. */
async function growth(work: () => Promise<void>): Promise<number> {
  await answerTo(post(NDJSON).end(LINE.repeat(1000)))
  const before = await peakMemoryOf(sidecar)
  await work()
  return (await peakMemoryOf(sidecar)) - before
}

describe('memory', () => {
  beforeEach(context => {
    if (process.platform !== 'linux') context.skip('only Linux says what a process takes')
  })

  test('does not grow with the length of a stream', async () => {
    const grown = await growth(async () => {
      const req = post(NDJSON)
      const blank = Buffer.alloc(MIB, '\n')
      for (let i = 0; i < 120; i++) {
        if (i % 40 === 0) await write(req, LINE)
        await write(req, blank)
      }
      expect(await answerTo(req.end())).toEqual({ status: 200, body: { accepted: 3, duplicates: 0 } })
    })
    expect(grown).toBeLessThan(64)
  })

  test('does not grow with the inflated size of gzip, and at most 64 MiB of consecutive blank lines are read', async () => {
    const grown = await growth(async () => {
      const bomb = gzipSync(Buffer.alloc(200 * MIB, '\n'))
      const answer = await answerTo(post({ ...NDJSON, 'Content-Encoding': 'gzip' }).end(bomb))
      expect(answer).toMatchObject({ status: 413, body: { kept_lines: 0 } })
    })
    expect(grown).toBeLessThan(64)
  })

  test('does not depend on the size of the chunks of a body', async () => {
    const { hostname, port } = new URL(sidecar.url)
    for (const type of ['json', 'x-ndjson']) {
      const grown = await growth(async () => {
        const socket = connect(Number(port), hostname)
        const answer = text(socket)
        const head = `POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/${type}\r\n`
        socket.write(`${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`)
        socket.write(`${'1\r\n \r\n'.repeat(250_000)}${LINE.length.toString(16)}\r\n${LINE}\r\n0\r\n\r\n`)
        expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"accepted":1,/)
      })
      // A chunk that is kept takes a Buffer, some 200 bytes: 48 MiB in all.
      expect(grown).toBeLessThan(32)
    }
  })
})

test('a client that disconnects in the middle of a gzip body does not delay a stop', async () => {
  const lines = gzipSync(LINE.repeat(500_000))
  const req = post({ ...NDJSON, 'Content-Encoding': 'gzip' })
  await write(req, lines.subarray(0, lines.length / 2))
  const accepted = async (): Promise<number> => {
    const scrape = await (await fetch(`${sidecar.url}/metrics`)).text()
    return Number(/^agent_performance_attempts_accepted_total (\d+)$/m.exec(scrape)?.[1])
  }
  await expect.poll(accepted).toBeGreaterThan(0)
  req.destroy()
  const startMs = performance.now()
  expect(await sidecar.stop()).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(30_000)
})
