/** Requirements of the root tests. A test whose requirements are missing is skipped with a printed reason. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'

type Need = 'root' | 'mount' | 'strace' | 'prlimit' | 'descriptors' | 'nobody' | 'unshare' | 'space'

/** A command prefix that runs a command as a user without files. */
export const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const

/** Each check returns undefined if the requirement is met, else the reason. */
const CHECKS: Readonly<Record<Need, () => string | undefined>> = {
  root: () => (process.getuid?.() === 0 ? undefined : 'not root'),
  mount: () => (canMount() ? undefined : 'cannot mount a tmpfs'),
  strace: () => (works('strace', '-f', '-o', '/dev/null', 'true') ? undefined : 'strace is missing or may not trace'),
  prlimit: () => (works('prlimit', '--nofile=64', 'true') ? undefined : 'prlimit is missing'),
  nobody: () => (works(...AS_NOBODY, process.execPath, '--version') ? undefined : 'cannot run as another user'),
  space: () => (free(tmpdir()) > 3 * 2 ** 30 ? undefined : `less than 3 GiB are free in ${tmpdir()}`),
  unshare: () =>
    works('unshare', '--pid', '--fork', '--mount-proc', 'true') ? undefined : 'cannot create a namespace',
  descriptors: () => (works('sh', '-c', '[ "$(ulimit -n)" -ge 16000 ]') ? undefined : 'ulimit -n is below 16000'),
}

const results = new Map<Need, string | undefined>()

/** Skips the test, with a printed reason, if a requirement is missing. */
export function needs(context: TestContext, ...all: readonly Need[]): void {
  const missing = all.map(missingOf).filter(reason => reason !== undefined)
  if (missing.length === 0) return
  const reason = missing.join(', ')
  process.stdout.write(`SKIPPED: "${context.task.fullTestName}": ${reason}\n`)
  context.skip(reason)
}

/** Runs each check once and caches the result. */
function missingOf(need: Need): string | undefined {
  if (!results.has(need)) results.set(need, CHECKS[need]())
  return results.get(need)
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'agent-performance-mount-'))
  const mounted = works('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder)
  if (mounted) works('umount', folder)
  rmdirSync(folder)
  return mounted
}

function works(...[command, ...args]: readonly [string, ...string[]]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
