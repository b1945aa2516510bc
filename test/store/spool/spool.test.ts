/** What the files of a spool keep: every group that was stored, in order, whatever ends the process or damages them. */
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Spool, SpooledGroup } from '../../../src/store/engine/spool.ts'
import { nodeFileSystem } from '../../../src/store/file/file-system.ts'
import { openSpoolAt } from '../../../src/store/spool/place.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { NOW, SILENT } from '../engine/engines.ts'
import { openSpoolIn } from './spools.ts'

function put(spool: Spool, text: string): Promise<void> {
  return spool.put({ records: Buffer.from(`${text}\n`), attempts: 1, isReset: false })
}

/** Takes all groups. */
async function takeAll(spool: Spool): Promise<SpooledGroup[]> {
  const groups: SpooledGroup[] = []
  for (;;) {
    const group = await spool.first()
    if (group === undefined) return groups
    groups.push({ ...group, records: Buffer.from(group.records) })
    await spool.removeFirst()
  }
}

const textsOf = (groups: readonly SpooledGroup[]): string[] =>
  groups.map(({ records }) => Buffer.from(records).toString().trimEnd())

const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter(name => name.endsWith('.spool'))

test('groups are returned in order with consecutive numbers, also after a kill, and then no file is left', async () => {
  await using folder = await temporaryFolder()
  const killed = await openSpoolIn(folder.path)
  const records = Buffer.from('unanswered\n')
  await killed.put({ records, attempts: 2, isReset: true, sentAs: { writer: 'w', number: 7 } })
  for (const text of ['a', 'b', 'c']) await put(killed, text)
  const spool = await openSpoolIn(folder.path)
  expect(spool.stats).toMatchObject({ attempts: 5, oldestMs: NOW })
  const groups = await takeAll(spool)
  expect(textsOf(groups)).toEqual(['unanswered', 'a', 'b', 'c'])
  expect(groups[0]).toMatchObject({ writer: 'w', number: 7, attempts: 2, isReset: true })
  expect(groups.slice(1).map(({ number }) => number)).toEqual([1, 2, 3])
  expect(new Set(groups.slice(1).map(({ writer }) => writer)).size).toBe(1)
  expect(spool.stats).toMatchObject({ bytes: 0, attempts: 0, oldestMs: undefined })
  expect(await filesIn(folder.path)).toEqual([])
})

test('a start returns every group of a file that is not empty yet with the same writer and number', async () => {
  await using folder = await temporaryFolder()
  const first = await openSpoolIn(folder.path)
  for (const text of ['a', 'b']) await put(first, text)
  const taken = await first.first()
  await first.removeFirst()
  const again = await takeAll(await openSpoolIn(folder.path))
  expect(again[0]).toEqual(taken)
  expect(textsOf(again)).toEqual(['a', 'b'])
})

test('groups that are stored while earlier ones are taken come behind them', async () => {
  await using folder = await temporaryFolder()
  const spool = await openSpoolIn(folder.path)
  await put(spool, 'a')
  expect(textsOf([(await spool.first())!])).toEqual(['a'])
  await put(spool, 'b')
  expect(textsOf(await takeAll(spool))).toEqual(['a', 'b'])
  await put(spool, 'c')
  expect(textsOf(await takeAll(spool))).toEqual(['c'])
})

test('a group that was half written when the process ended is ignored, and no damage is reported', async () => {
  await using folder = await temporaryFolder()
  const killed = await openSpoolIn(folder.path)
  for (const text of ['a', 'b']) await put(killed, text)
  await killed.close()
  const path = join(folder.path, (await filesIn(folder.path))[0]!)
  const whole = await readFile(path)
  for (const cut of [1, 2, 20]) {
    await writeFile(path, whole.subarray(0, whole.length - cut))
    const lines: string[] = []
    const spool = await openSpoolIn(folder.path, { log: { ...SILENT, error: line => void lines.push(line) } })
    expect(spool.stats.attempts).toBe(1)
    expect(textsOf([(await spool.first())!])).toEqual(['a'])
    expect(lines).toEqual([])
  }
})

test('damage costs its group only: the file is copied aside, and what follows has the same identity at every start', async () => {
  await using folder = await temporaryFolder()
  const killed = await openSpoolIn(folder.path)
  for (const text of ['a', 'bbbb', 'c', 'd']) await put(killed, text)
  await killed.close()
  const path = join(folder.path, (await filesIn(folder.path))[0]!)
  const bytes = await readFile(path)
  bytes[bytes.indexOf('bbbb')] = 'x'.charCodeAt(0)
  await writeFile(path, bytes)
  const lines: string[] = []
  const spool = await openSpoolIn(folder.path, { log: { ...SILENT, error: line => void lines.push(line) } })
  expect(lines).toEqual(['the spool is damaged: attempts in it are lost'])
  const groups = [(await spool.first())!]
  const again = await takeAll(await openSpoolIn(folder.path))
  expect(textsOf(again)).toEqual(['a', 'c', 'd'])
  expect(again[0]).toEqual(groups[0])
  // A log takes groups of a writer without gaps.
  expect(again.map(({ number }) => number)).toEqual([1, 1, 2])
  expect(again[1]!.writer).not.toBe(again[0]!.writer)
  expect(again[2]!.writer).toBe(again[1]!.writer)
  expect((await readdir(folder.path)).filter(name => name.includes('.corrupt-'))).toHaveLength(1)
})

test('a group whose write fails is not found later, and the next one is stored', async () => {
  await using folder = await temporaryFolder()
  let isFull = false
  const fileSystem: typeof nodeFileSystem = {
    ...nodeFileSystem,
    async create(path, maxBytes) {
      const file = await nodeFileSystem.create(path, maxBytes)
      return {
        ...file,
        async append(bytes) {
          // The bytes reach the file, and the flush fails.
          if (isFull) await appendFile(path, bytes)
          if (isFull) throw new Error('no space left on device')
          await file.append(bytes)
        },
      }
    },
  }
  const spool = await openSpoolIn(folder.path, { fileSystem })
  await put(spool, 'a')
  isFull = true
  await expect(put(spool, 'b')).rejects.toThrow('no space left')
  isFull = false
  await put(spool, 'c')
  await spool.close()
  expect(textsOf(await takeAll(await openSpoolIn(folder.path)))).toEqual(['a', 'c'])
})

test('its files are for their owner only', async () => {
  await using folder = await temporaryFolder()
  const own = join(folder.path, 'spool')
  const spool = await openSpoolIn(own)
  await put(spool, 'a')
  const modes = await Promise.all([own, join(own, '000001.spool')].map(async path => (await stat(path)).mode & 0o777))
  expect(modes).toEqual([0o700, 0o600])
})

test('a folder that another sidecar uses is refused with the remedy', async () => {
  await using folder = await temporaryFolder()
  const first = await openSpoolIn(folder.path, { fileSystem: nodeFileSystem })
  await expect(openSpoolIn(folder.path, { fileSystem: nodeFileSystem })).rejects.toMatchObject({
    name: 'SpoolLocked',
    exitCode: 75,
    message: expect.stringContaining('--spool'),
  })
  await first.close()
  await (await openSpoolIn(folder.path, { fileSystem: nodeFileSystem })).close()
})

test('a folder with attempts for another store is refused, and left as it was', async () => {
  await using folder = await temporaryFolder()
  const first = await openSpoolIn(folder.path)
  await put(first, 'a')
  await first.close()
  const before = await readFile(join(folder.path, '000001.spool'))
  await expect(openSpoolIn(folder.path, { logId: 'log 2' })).rejects.toMatchObject({
    name: 'ForeignSpool',
    exitCode: 78,
  })
  expect((await readFile(join(folder.path, '000001.spool'))).equals(before)).toBe(true)
})

test('in a folder for several sidecars, each has its own, and a start finds what an earlier one left', async () => {
  await using folder = await temporaryFolder()
  const place = { folder: `${folder.path}/`, isOwn: false, maxBytes: 10_000 }
  const options = { logId: 'log 1', clock: () => NOW, log: SILENT }
  const spools = [(await openSpoolAt(place, options))!, (await openSpoolAt(place, options))!]
  await put(spools[0]!, 'a')
  await put(spools[1]!, 'b')
  await spools[0]!.close()
  const again = (await openSpoolAt(place, options))!
  expect(textsOf(await takeAll(again))).toEqual(['a'])
  const other = (await openSpoolAt(place, { ...options, logId: 'log 2' }))!
  expect(other.isEmpty).toBe(true)
  for (const spool of [spools[1]!, again, other]) await spool.close()
})

test('a default folder that cannot be written is no spool, and the log says so', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'file'), '')
  const lines: string[] = []
  const log = { ...SILENT, warn: (line: string) => void lines.push(line) }
  const place = { folder: join(folder.path, 'file', 'spool/'), isOwn: false, maxBytes: 10_000 }
  expect(await openSpoolAt(place, { logId: 'log 1', clock: () => NOW, log })).toBeUndefined()
  expect(lines).toEqual(['there is no spool: attempts are refused while the store is away'])
  await expect(openSpoolAt({ ...place, isOwn: true }, { logId: 'log 1', clock: () => NOW, log })).rejects.toThrow()
})
