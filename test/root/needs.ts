/** What a test of a real disk needs of the machine; where it is not there, the test is skipped and says why. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'

type Need = 'root' | 'mount' | 'strace' | 'prlimit' | 'descriptors' | 'nobody' | 'unshare' | 'space'

/** Runs what follows as a user who owns nothing. */
export const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const

/** Undefined where it is there, else what is wrong. */
const CHECKS: Readonly<Record<Need, () => string | undefined>> = {
  root: () => (process.getuid?.() === 0 ? undefined : 'not root'),
  mount: () => (canMount() ? undefined : 'no tmpfs can be mounted'),
  strace: () => (works('strace', '-f', '-o', '/dev/null', 'true') ? undefined : 'strace is not there or may not trace'),
  prlimit: () => (works('prlimit', '--nofile=64', 'true') ? undefined : 'prlimit is not there'),
  nobody: () => (works(...AS_NOBODY, process.execPath, '--version') ? undefined : 'nothing can be run as another user'),
  space: () => (free(tmpdir()) > 3 * 2 ** 30 ? undefined : `less than 3 GiB are free in ${tmpdir()}`),
  unshare: () => (works('unshare', '--pid', '--fork', '--mount-proc', 'true') ? undefined : 'no namespace can be made'),
  descriptors: () => (works('sh', '-c', '[ "$(ulimit -n)" -ge 16000 ]') ? undefined : 'ulimit -n is below 16000'),
}

const answers = new Map<Need, string | undefined>()

/** Skips the test, with a printed reason, where something it needs is missing. */
export function needs(context: TestContext, ...all: readonly Need[]): void {
  const missing = all.map(missingOf).filter(answer => answer !== undefined)
  if (missing.length === 0) return
  const reason = missing.join(', ')
  process.stdout.write(`SKIPPED: "${context.task.fullTestName}": ${reason}\n`)
  context.skip(reason)
}

/** Looked for once. */
function missingOf(need: Need): string | undefined {
  if (!answers.has(need)) answers.set(need, CHECKS[need]())
  return answers.get(need)
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'agent-performance-mount-'))
  const mounted = works('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place)
  if (mounted) works('umount', place)
  rmdirSync(place)
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
