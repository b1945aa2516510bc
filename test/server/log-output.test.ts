/** The output of the log in this process: what it buffers, what it drops, and how it reports that. */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openLogOutput } from '../../src/server/log-output.ts'
import { openPipe } from '../support/blocked.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const aLine = (number: number): string => `${JSON.stringify({ number, more: 'x'.repeat(180) })}\n`

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}

describe('the output of the log', () => {
  test('drops lines that nothing reads, counts them, and reports them in their place when it can write again', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    const output = openLogOutput(pipe.fd)
    const sent = 20_000
    for (let number = 0; number < sent; number++) output.write(aLine(number))
    expect(output.dropped).toBeGreaterThan(sent / 2)
    const { dropped } = output
    let read = ''
    await expect
      .poll(() => {
        read += pipe.read()
        return read
      })
      .toContain('log lines were dropped')
    output.write(aLine(sent))
    await output.flush(1000)
    const lines = linesOf(read + pipe.read())
    const kept = sent - dropped
    expect(lines.slice(0, kept).map(line => line.number)).toEqual(Array.from({ length: kept }, (_, number) => number))
    expect(lines.slice(kept)).toMatchObject([
      { level: 'warn', dropped, msg: `${dropped} log lines were dropped: the reader of the log is too slow` },
      { number: sent },
    ])
    expect(output.dropped).toBe(dropped)
  })

  test('is not opened before the first line', () => {
    const before = process.listenerCount('exit')
    openLogOutput(2)
    expect(process.listenerCount('exit')).toBe(before)
  })

  test.each(['a full device', 'a full pipe', 'a broken pipe'])(
    'neither throws nor blocks on %s, and a flush ends in bounded time',
    async kind => {
      await using folder = await temporaryFolder()
      using pipe = openPipe(folder.path)
      if (kind === 'a full pipe') pipe.fill()
      if (kind === 'a broken pipe') pipe.break()
      const fd = kind === 'a full device' ? openSync('/dev/full', 'w') : pipe.fd
      const output = openLogOutput(fd)
      for (let number = 0; number < 10_000; number++) output.write(aLine(number))
      expect(output.dropped).toBeGreaterThan(0)
      await output.flush(100)
      if (kind === 'a full device') closeSync(fd)
    },
  )

  test('keeps the order of lines in a file', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'log')
    const fd = openSync(path, 'a')
    const output = openLogOutput(fd)
    for (let number = 0; number < 5000; number++) output.write(aLine(number))
    await output.flush(10_000)
    expect(linesOf(readFileSync(path, 'utf8')).map(line => line.number)).toEqual([...Array(5000).keys()])
    closeSync(fd)
  })

  test('drops a line that is longer than its buffer, and reports it', async () => {
    await using folder = await temporaryFolder()
    using pipe = openPipe(folder.path)
    const output = openLogOutput(pipe.fd)
    output.write(`${'x'.repeat(2 << 20)}\n`)
    expect(linesOf(pipe.read())).toMatchObject([{ dropped: 1, msg: expect.stringMatching(/^1 log line was dropped/) }])
  })
})
