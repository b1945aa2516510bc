/** Builds the live page: `npm run build:page`. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import { defineConfig, type Plugin, type UserConfig } from 'vite'

const OUT = new URL('dist-page/', import.meta.url).pathname

/** Writes `.gz` and `.br` beside each file, so that the sidecar compresses nothing when it is asked. */
function compressedFiles(): Plugin {
  return {
    name: 'compressed-files',
    async closeBundle() {
      const entries = await readdir(OUT, { recursive: true, withFileTypes: true })
      for (const entry of entries.filter(one => one.isFile() && /\.(?:html|js|css|svg)$/.test(one.name))) {
        const path = join(entry.parentPath, entry.name)
        const bytes = await readFile(path)
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }))
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes))
      }
    },
  }
}

const config: UserConfig = defineConfig({
  root: new URL('src/page/app/', import.meta.url).pathname,
  // Relative URLs work below any path prefix, also one that the sidecar does not know.
  base: './',
  publicDir: false,
  logLevel: 'error',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [compressedFiles()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the page refuses data: URLs and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})

export default config
