/**
 * Keeps undelivered attempts and outcomes in files, so that the next process delivers what this one leaves. Each process writes a file of its own, and
 * takes over the files of dead processes. An attempt that is in two files for a moment is sent twice, and counts once by its id.
 */
import type { Backlog } from './backlog.ts'
import type { DeliveryItem } from './delivery-item.ts'
import { messageOf, type SayProblem } from './problems.ts'
import { currentProcess, nodeModule, unref } from './runtime.ts'
import { createSpoolFile, readSpoolFile, type SpoolFile } from './spool-file.ts'
import { fileName, isLeft, type OwnedFile, parseFileName, unownedName } from './spool-owner.ts'

/** How often a process says that it is alive, and looks for files of dead ones. */
const WATCH_MS = 10_000
/** A file is written again when this much of it, and most of it, is of attempts that are delivered. */
const REWRITE_BYTES = 4 * 1_048_576
const BYTES_PER_ATTEMPT = 1_000

/** No function throws. Problems with files are said, and the attempts stay in memory. */
export interface Spool {
  /** Adds what dead processes left to the backlog, now and from time to time, and then calls `start`. */
  watch(backlog: Backlog, start: () => void): void
  /** Stores an item that was added to the backlog. */
  keep(item: DeliveryItem): void
  /** Forgets items that are about to leave the backlog. */
  forget(items: readonly DeliveryItem[], backlog: Backlog): void
  /** Leaves the backlog to the next process. The spool is closed then. False if it could not be stored. */
  leave(backlog: Backlog): boolean
}

/** Opens a spool in a folder, which is created if it is absent. Throws a `TypeError` if there are no files here, or no such folder. */
export function openSpool(directory: string, say: SayProblem): Spool {
  const fs = nodeModule('node:fs')
  const os = nodeModule('node:os')
  if (fs === undefined || os === undefined) throw new TypeError('spoolDirectory needs Node 20.16 or newer, Bun or Deno')
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new TypeError(`Expected spoolDirectory to be a folder: ${messageOf(error)}`, { cause: error })
  }
  const self = { pid: currentProcess()?.pid ?? 0, host: os.hostname() }
  const pathOf = (name: string): string => `${directory}/${name}`
  let file: (SpoolFile & { readonly id: string }) | undefined
  let timer: ReturnType<typeof setInterval> | undefined

  function attempt<T>(step: () => T): T | undefined {
    try {
      return step()
    } catch (error) {
      say('delivery', () => `the spool ${directory} cannot be used, attempts are in memory only: ${messageOf(error)}`)
      return undefined
    }
  }

  /** Starts a new file with these items, in place of the present one. */
  function rewrite(items: readonly DeliveryItem[]): void {
    const id = crypto.randomUUID()
    const created = createSpoolFile(fs!, pathOf(fileName({ id, ...self })))
    if (items.length > 0) created.append(items)
    const before = file
    file = Object.assign(created, { id })
    if (before !== undefined) remove(before)
  }

  function remove({ path, close }: SpoolFile): void {
    close()
    fs!.rmSync(path, { force: true })
  }

  function adopt(found: OwnedFile, name: string): DeliveryItem[] {
    const path = pathOf(fileName({ ...found, ...self }))
    const now = new Date()
    // Touched first: under its new name it must not look as old as its dead owner's.
    fs!.utimesSync(pathOf(name), now, now)
    if (path !== pathOf(name)) fs!.renameSync(pathOf(name), path)
    const { items, unreadable } = readSpoolFile(fs!, path)
    if (unreadable > 0) say('delivery', () => `${unreadable} lines of the spool file ${path} cannot be read`)
    if (items.length > 0) {
      if (file === undefined) rewrite([])
      file!.append(items)
    }
    fs!.rmSync(path, { force: true })
    return items
  }

  function look(backlog: Backlog): void {
    for (const name of fs!.readdirSync(directory)) {
      const found = parseFileName(name)
      const stat = found && fs!.statSync(pathOf(name), { throwIfNoEntry: false })
      if (found === undefined || stat === undefined || found.id === file?.id) continue
      if (!isLeft(found, self, Date.now() - stat.mtimeMs)) continue
      try {
        backlog.restore(adopt(found, name))
      } catch (error) {
        // Another process was faster.
        if ((error as { readonly code?: unknown }).code !== 'ENOENT') throw error
      }
    }
  }

  return {
    watch: (backlog, start) => {
      const tick = (): void => {
        attempt(() => {
          if (file?.touch() === false) rewrite(backlog.peek(backlog.size))
          look(backlog)
        })
        if (backlog.size > 0) start()
      }
      tick()
      timer = setInterval(tick, WATCH_MS)
      unref(timer)
    },
    keep: added => {
      attempt(() => {
        if (file === undefined) rewrite([])
        file!.append([added])
      })
    },
    forget: (items, backlog) => {
      attempt(() => {
        if (file === undefined || items.length === 0) return
        const rest = backlog.size - items.length
        if (rest === 0) file.clear()
        else file.acknowledge(items)
        if (file.bytes > REWRITE_BYTES && file.bytes > 4 * rest * BYTES_PER_ATTEMPT) {
          const gone = new Set(items)
          rewrite(backlog.peek(backlog.size).filter(one => !gone.has(one)))
        }
      })
    },
    leave: backlog => {
      clearInterval(timer)
      const isLeftWhole = attempt(() => {
        if (file === undefined) return backlog.size === 0
        if (backlog.size === 0) remove(file)
        else {
          rewrite(backlog.peek(backlog.size))
          file.close()
          fs.renameSync(file.path, pathOf(unownedName(file.id)))
        }
        file = undefined
        return true
      })
      return isLeftWhole ?? false
    },
  }
}
