#!/usr/bin/env node
/**
 * The command. The package has it built in dist/. A checkout runs its source, so that `npx agent-performance` works after `npm ci`, without a
 * build. An older Node cannot run the source: the checkout brings its own Node.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const source = new URL('../src/main.ts', import.meta.url)
const ownNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

if (!existsSync(source)) {
  await import('../dist/main.js')
} else if (process.features.typescript || !existsSync(ownNode)) {
  await import(source.href)
} else {
  const { status, error } = spawnSync(ownNode, [fileURLToPath(source), ...process.argv.slice(2)], { stdio: 'inherit' })
  if (error) throw error
  process.exitCode = status ?? 1
}
