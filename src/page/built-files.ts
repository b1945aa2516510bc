/** Reads the built files of the live page into memory, so that no URL reaches the disk. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A file as it is sent. */
export interface BuiltFile {
  readonly contentType: string
  /** A strong ETag of the uncompressed bytes. */
  readonly etag: string
  /** The bytes by content coding: `identity`, and `br` and `gzip` where the build compressed the file. */
  readonly bytes: ReadonlyMap<Coding, Buffer>
}

export type Coding = 'identity' | 'br' | 'gzip'

/** The files by their paths below the page, such as `index.html` and `assets/index-1a2b3c.js`. */
export type BuiltFiles = ReadonlyMap<string, BuiltFile>

/** Where `npm run build:page` writes. The same relative to `src/` and to `dist/`. */
export const BUILT_FOLDER: string = new URL('../../dist-page/', import.meta.url).pathname

const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
])

const COMPRESSED: readonly (readonly [Coding, string])[] = [
  ['br', '.br'],
  ['gzip', '.gz'],
]

/** The files of `folder`. Undefined if there is no `index.html`: the page was not built. Rejects if a file cannot be read. */
export async function readBuiltFiles(folder: string = BUILT_FOLDER): Promise<BuiltFiles | undefined> {
  const names = new Set(await listFiles(folder))
  if (!names.has('index.html')) return undefined
  const files = new Map<string, BuiltFile>()
  for (const name of names) {
    const contentType = CONTENT_TYPES.get(name.slice(name.lastIndexOf('.') + 1))
    if (contentType === undefined) continue
    const plain = await readFile(join(folder, name))
    const bytes = new Map<Coding, Buffer>([['identity', plain]])
    for (const [coding, ending] of COMPRESSED) {
      if (names.has(name + ending)) bytes.set(coding, await readFile(join(folder, name + ending)))
    }
    files.set(name, { contentType, etag: etagOf(plain), bytes })
  }
  return files
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  return entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length).replace(/^\//, ''))
}

const etagOf = (bytes: Buffer): string => `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`

/** The files with the URL of the trace viewer in `index.html`, where the page reads it without a request. */
export function withTraceUrl(files: BuiltFiles, traceUrl: string): BuiltFiles {
  const index = files.get('index.html')!
  const content = traceUrl.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const text = index.bytes.get('identity')!.toString()
  const plain = Buffer.from(
    text.replace('</head>', () => `  <meta name="trace-url" content="${content}" />\n  </head>`),
  )
  // Without the compressed bytes, which are those of the page as it was built. It is below a kilobyte.
  return new Map(files).set('index.html', { ...index, etag: etagOf(plain), bytes: new Map([['identity', plain]]) })
}
