#!/usr/bin/env node
/**
 * The command. Checks the version of Node, runs, and catches every error. Nothing is imported before that check, and this file uses no syntax
 * newer than Node 14: an old Node must be able to parse it to report that it is too old.
 */

/** Must equal `engines` in package.json. */
const NEEDED_NODE = '^22.22.2 || ^24.15.0 || >=26'

function canRunOn(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(part => Number.parseInt(part, 10))
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 2)
  return major === 24 ? minor >= 15 : major >= 26
}

/** The longest interval of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

async function main(): Promise<number> {
  // Node exits with 0 as soon as only unreferenced timers are left, even in the middle of a shutdown.
  const keepAlive = setInterval(() => undefined, MAX_TIMER_MS)
  // A write beyond the limit of a file's size (`ulimit -f`, LimitFSIZE=) must fail with EFBIG. By default this signal ends the process.
  process.on('SIGXFSZ', () => undefined)
  const argv = process.argv.slice(2)
  const { run } = await import('./command/program.ts')
  const { failureOf } = await import('./command/exit.ts')
  try {
    return await run(argv, process)
  } catch (error) {
    const { exitCode, message } = failureOf(error, argv, process.env)
    if (message !== '') console.error(message)
    return exitCode
  } finally {
    clearInterval(keepAlive)
  }
}

if (canRunOn(process.versions.node)) {
  // All output is written. Not by returning: Node then resets its signal handlers before the process ends, and a signal that comes late, such
  // as the copy that npm forwards, would end a clean shutdown with the status of that signal.
  void main().then(exitCode => process.exit(exitCode))
} else {
  console.error(
    `agent-performance needs Node ${NEEDED_NODE}, and this is Node ${process.versions.node}: install a newer one from https://nodejs.org`,
  )
  process.exitCode = 78
}
