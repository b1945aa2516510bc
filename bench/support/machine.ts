/** Describes the machine of a benchmark run. */
import { readFile, statfs } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { PINNED } from './pinned.ts'

/** Date, CPU, memory, kernel, file system of `folder` and Node version, as one sentence. */
export async function machineText(folder: string): Promise<string> {
  const memory = Math.round(totalmem() / 1024 ** 3)
  const cores = PINNED ? 'server on core 0, load on core 1' : 'server and load not pinned'
  return [
    `${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores (${cores})`,
    `${memory} GB`,
    `${type()} ${release()}`,
    `files on ${await fileSystemOf(folder)}`,
    `Node ${process.versions.node}.`,
  ].join(', ')
}

/** The type of the file system of a folder, from its longest matching mount point. */
async function fileSystemOf(folder: string): Promise<string> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '')
  const above = mounts
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, point = '-']) => folder.startsWith(point))
    .sort(([, a = ''], [, b = '']) => b.length - a.length)
  return above[0]?.[2] ?? `type ${(await statfs(folder)).type}`
}
