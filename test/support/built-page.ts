/** Builds the live page before the tests if one of its sources is newer than the built files. `npm ci` has built it already. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = new URL('../../', import.meta.url).pathname
const SOURCES = join(ROOT, 'src/page/app')

/** A global set-up, because two test files that build at the same time would overwrite each other's files. */
export async function setup(): Promise<void> {
  const built = await stat(join(ROOT, 'dist-page/index.html')).catch(() => undefined)
  const names = await readdir(SOURCES, { recursive: true })
  const times = await Promise.all(names.map(async name => (await stat(join(SOURCES, name))).mtimeMs))
  if (built !== undefined && Math.max(...times) < built.mtimeMs) return
  const { build } = await import('vite')
  await build({ configFile: join(ROOT, 'vite.config.ts') })
}
