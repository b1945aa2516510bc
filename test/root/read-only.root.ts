/** Questions to a store of another user, and to a store on a read-only file system. */
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snapshotOf } from '../support/files.ts'
import { anAttempt } from '../support/sidecar.ts'
import { AS_NOBODY, needs } from './needs.ts'
import { mountSmallDisk } from './small-disk.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const QUESTIONS = [['report'], ['best', 'i'], ['route', 'i'], ['trends'], ['export']] as const

interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the sidecar in a separate process, optionally under another command. */
function runIn(argv: readonly string[], under: readonly string[] = []): Promise<Outcome> {
  const [command = '', ...args] = [...under, process.execPath, MAIN, ...argv]
  return new Promise(resolve => {
    execFile(command, args, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

let folder: string
let store: string
/** The same attempts in SQLite, in a folder of their own. */
let database: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-performance-read-only-'))
  store = join(folder, 'agents.json')
  const attempts = Array.from({ length: 20 }, () => JSON.stringify(anAttempt()))
  execFileSync(process.execPath, [MAIN, 'import', '-', '--store', store], { input: attempts.join('\n') })
  chmodSync(folder, 0o755)
  database = join(mkdtempSync(join(tmpdir(), 'agent-performance-read-only-')), 'agents.db')
  execFileSync(process.execPath, [MAIN, 'copy', '--from', store, '--to', `sqlite:${database}`])
  // Readers create them, and only a writer removes them.
  for (const suffix of ['-wal', '-shm']) rmSync(database + suffix, { force: true })
})
afterAll(() => {
  for (const path of [folder, dirname(database)]) rmSync(path, { recursive: true })
})

/** A copy of the store with this mode. Directories also get execute permission for those who may read. */
function copyWith(mode: number): { folder: string; store: string } & Disposable {
  const copy = mkdtempSync(join(tmpdir(), 'agent-performance-read-only-'))
  cpSync(folder, copy, { recursive: true })
  const enter = (mode & 0o444) >> 2
  for (const path of readdirSync(copy, { recursive: true }) as string[]) chmodSync(join(copy, path), mode)
  for (const path of ['agents.journal', '.']) chmodSync(join(copy, path), mode | enter)
  return {
    folder: copy,
    store: join(copy, 'agents.json'),
    [Symbol.dispose]: () => rmSync(copy, { recursive: true }),
  }
}

describe('another user', () => {
  test('with read permission gets answers and changes no file', async context => {
    needs(context, 'root', 'nobody')
    using copy = copyWith(0o644)
    const before = snapshotOf(copy.folder)
    for (const argv of QUESTIONS) {
      const { exitCode, stdout, stderr } = await runIn([...argv, '--store', copy.store], AS_NOBODY)
      expect({ exitCode, stderr }, argv[0]).toEqual({ exitCode: 0, stderr: '' })
      expect(stdout, argv[0]).not.toBe('')
    }
    expect(snapshotOf(copy.folder)).toEqual(before)
  })

  test('without read permission gets the path, the remedy and exit code 77', async context => {
    needs(context, 'root', 'nobody')
    const withoutJournal = 0o600
    using copy = copyWith(withoutJournal)
    chmodSync(copy.folder, 0o755)
    for (const mode of [withoutJournal, 0o644]) {
      // The journal stays readable by its owner only, even if the document is readable by all.
      chmodSync(copy.store, mode)
      const before = snapshotOf(copy.folder)
      for (const argv of [['report'], ['export']]) {
        const { exitCode, stdout, stderr } = await runIn([...argv, '--store', copy.store], AS_NOBODY)
        expect({ exitCode, stdout }, argv[0]).toEqual({ exitCode: 77, stdout: '' })
        expect(stderr).toContain(copy.store)
        expect(stderr).toMatch(/EACCES.*user that owns the store.*--url/)
      }
      expect(snapshotOf(copy.folder)).toEqual(before)
    }
  })

  test('without permission to enter the folder gets the path and exit code 77', async context => {
    needs(context, 'root', 'nobody')
    using copy = copyWith(0o600)
    const { exitCode, stderr } = await runIn(['report', '--store', copy.store], AS_NOBODY)
    expect(exitCode).toBe(77)
    expect(stderr).toContain(copy.store)
  })

  test('without write permission for the directories gets answers', async context => {
    needs(context, 'root', 'nobody')
    using copy = copyWith(0o444)
    const { exitCode, stdout } = await runIn(['report', '--store', copy.store], AS_NOBODY)
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('20 attempts') })
  })
})

test('a store on a read-only file system answers', async context => {
  needs(context, 'root', 'mount')
  using disk = mountSmallDisk('size=4m')
  cpSync(folder, disk.path, { recursive: true })
  disk.makeReadOnly()
  const before = snapshotOf(disk.path)
  for (const argv of QUESTIONS) {
    const { exitCode, stderr } = await runIn([...argv, '--store', join(disk.path, 'agents.json')])
    expect({ exitCode, stderr }, argv[0]).toEqual({ exitCode: 0, stderr: '' })
  }
  expect(snapshotOf(disk.path)).toEqual(before)
})

describe('a SQLite store', () => {
  test('on a read-only file system answers as the file it was copied from', async context => {
    needs(context, 'root', 'mount')
    using disk = mountSmallDisk('size=4m')
    cpSync(database, join(disk.path, 'agents.db'))
    disk.makeReadOnly()
    for (const argv of QUESTIONS) {
      const asked = await runIn([...argv, '--json', '--store', `sqlite:${join(disk.path, 'agents.db')}`])
      expect({ exitCode: asked.exitCode, stderr: asked.stderr }, argv[0]).toEqual({ exitCode: 0, stderr: '' })
    }
    const { stdout } = await runIn(['report', '--store', `sqlite:${join(disk.path, 'agents.db')}`])
    expect(stdout).toBe((await runIn(['report', '--store', store])).stdout)
  })

  test('of another user, without write permission for it or its folder, answers', async context => {
    needs(context, 'root', 'nobody')
    chmodSync(database, 0o444)
    chmodSync(dirname(database), 0o555)
    const { exitCode, stdout } = await runIn(['report', '--store', `sqlite:${database}`], AS_NOBODY)
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('20 attempts') })
    expect(readdirSync(dirname(database))).toEqual(['agents.db'])
  })

  test('that another user may not read is refused with exit code 77 and the remedy', async context => {
    needs(context, 'root', 'nobody')
    chmodSync(database, 0o600)
    chmodSync(dirname(database), 0o755)
    const { exitCode, stderr } = await runIn(['report', '--store', `sqlite:${database}`], AS_NOBODY)
    expect(exitCode).toBe(77)
    expect(stderr).toContain(database)
    expect(stderr).toMatch(/user that owns the store.*--url/)
  })
})
