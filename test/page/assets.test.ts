/** How the built files of the live page are served. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { codingOf } from '../../src/page/accept-encoding.ts'
import { createPageHandler } from '../../src/page/assets.ts'
import { BUILT_FOLDER, type BuiltFiles, readBuiltFiles } from '../../src/page/built-files.ts'
import { PAGE_VIEWS } from '../../src/server/paths.ts'
import { type HttpServer, startHttpServer } from '../support/http-server.ts'
import { testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** `fetch` would decode the body and follow redirects. */
async function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const req = request(url, { method, headers }).end()
  const [res] = await once(req, 'response')
  const parts: Buffer[] = []
  for await (const part of res) parts.push(part)
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }
}

function serving(files: BuiltFiles | undefined): Promise<HttpServer> {
  const handler = createPageHandler(files)
  return startHttpServer((req, res) => {
    if (!handler(req, res)) res.writeHead(404).end()
  })
}

const SCRIPT = 'console.log("a script")'

async function builtFolder(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await temporaryFolder()
  await mkdir(join(folder.path, 'assets'))
  await writeFile(join(folder.path, 'index.html'), '<!doctype html>')
  await writeFile(join(folder.path, 'assets/a-1.js'), SCRIPT)
  await writeFile(join(folder.path, 'assets/a-1.js.br'), brotliCompressSync(SCRIPT))
  await writeFile(join(folder.path, 'assets/a-1.js.gz'), gzipSync(SCRIPT))
  await writeFile(join(folder.path, 'secret.txt'), 'not a page file')
  return folder
}

test.each([
  [undefined, 'identity'],
  ['', 'identity'],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['br;q=0.5, gzip', 'gzip'],
  ['br;q=0, gzip;q=0', 'identity'],
  ['*', 'br'],
  ['*;q=0, gzip', 'gzip'],
  ['GZIP;Q=1', 'gzip'],
  ['identity, br;q=0.1', 'identity'],
  ['zstd', 'identity'],
  ['br;q=nonsense', 'identity'],
] as const)('Accept-Encoding %j is answered with the coding %s', (header, coding) => {
  expect(codingOf(header, new Set(['identity', 'br', 'gzip'] as const))).toBe(coding)
})

test('assets are compressed as accepted, and cached without end; the document is checked at every load', async () => {
  await using folder = await builtFolder()
  await using server = await serving(await readBuiltFiles(folder.path))
  const plain = await ask(`${server.url}/assets/a-1.js`)
  expect(plain.body.toString()).toBe(SCRIPT)
  expect(plain.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
  })
  const brotli = await ask(`${server.url}/assets/a-1.js`, { 'accept-encoding': 'br' })
  expect([brotli.headers['content-encoding'], brotliDecompressSync(brotli.body).toString()]).toEqual(['br', SCRIPT])
  const gzip = await ask(`${server.url}/assets/a-1.js`, { 'accept-encoding': 'gzip' })
  expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', SCRIPT])
  expect(new Set([plain, brotli, gzip].map(({ headers }) => headers.etag)).size).toBe(3)
  const document = await ask(`${server.url}/best`)
  expect(document.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
})

test('an unchanged file is answered with 304 and no body', async () => {
  await using folder = await builtFolder()
  await using server = await serving(await readBuiltFiles(folder.path))
  const { etag } = (await ask(`${server.url}/`)).headers
  const again = await ask(`${server.url}/`, { 'if-none-match': `"other", W/${etag}` })
  expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag])
  expect((await ask(`${server.url}/`, { 'if-none-match': '"other"' })).status).toBe(200)
})

test('HEAD has the headers of GET and no body', async () => {
  await using folder = await builtFolder()
  await using server = await serving(await readBuiltFiles(folder.path))
  const head = await ask(`${server.url}/assets/a-1.js`, {}, 'HEAD')
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(SCRIPT.length), 0])
})

test('no other file of the folder or of the disk is served', async () => {
  await using folder = await builtFolder()
  await using server = await serving(await readBuiltFiles(folder.path))
  for (const path of [
    '/secret.txt',
    '/index.html',
    '/assets/../secret.txt',
    '/assets/%2e%2e/secret.txt',
    '/assets/b.js',
  ])
    expect((await ask(server.url + path)).status, path).toBe(404)
})

test('without built files the document says how to build them', async () => {
  await using folder = await temporaryFolder()
  expect(await readBuiltFiles(folder.path)).toBeUndefined()
  expect(await readBuiltFiles(join(folder.path, 'missing'))).toBeUndefined()
  await using server = await serving(undefined)
  const answer = await ask(`${server.url}/`)
  expect([answer.status, answer.body.toString()]).toEqual([404, expect.stringContaining('npm run build:page')])
})

test('the page is open without a token, and the data are not', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'tokens')
  await writeFile(file, 'secret-token read\n')
  await using sidecar = await testSidecar({ 'auth-token-file': file })
  for (const view of PAGE_VIEWS) expect((await sidecar.get(view)).status, view).toBe(200)
  const [script] = /assets\/[\w.-]+\.js/.exec(await (await sidecar.get('/')).text())!
  expect((await sidecar.get(`/${script}`)).status).toBe(200)
  for (const path of ['/api/v1/leaderboard', '/openapi.json', '/metrics', '/other'])
    expect((await sidecar.get(path)).status, path).toBe(401)
  expect((await sidecar.post({}, { path: '/now' })).status).toBe(401)
})

test('only GET and HEAD are answered at a view, and an unknown path is not the page', async () => {
  await using sidecar = await testSidecar()
  const post = await sidecar.post({}, { path: '/now' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  for (const path of ['/other', '/now/', '/assets/', '/assets/missing.js'])
    expect((await sidecar.get(path)).status, path).toBe(404)
})

test('the policy allows nothing from other origins, nothing inline, and no text as HTML', async () => {
  await using sidecar = await testSidecar()
  const policy = (await sidecar.get('/')).headers.get('content-security-policy')
  expect(policy).toBe(
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  )
  expect((await sidecar.get('/livez')).headers.get('content-security-policy')).toContain("default-src 'none'")
})

test('the base path without its slash leads to the page, below any further prefix', async () => {
  await using sidecar = await testSidecar({ 'base-path': '/agents/perf' })
  const answer = await ask(sidecar.url)
  expect([answer.status, answer.headers.location]).toEqual([308, 'perf/'])
  expect((await ask(`${sidecar.url}/best`)).status).toBe(200)
})

test('the first load is at most 90 KB compressed', async () => {
  const html = await readFile(join(BUILT_FOLDER, 'index.html'), 'utf8')
  const loaded = [...html.matchAll(/assets\/[\w.-]+/g)].map(([path]) => path)
  expect(loaded.length).toBeGreaterThanOrEqual(3)
  const files = await Promise.all(['index.html', ...loaded].map(path => readFile(join(BUILT_FOLDER, `${path}.gz`))))
  const bytes = files.reduce((sum, file) => sum + file.length, 0)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThan(90 * 1024)
  // Nothing is loaded later: every built file is in the sum.
  const built = (await readdir(join(BUILT_FOLDER, 'assets'))).filter(name => !/\.(?:gz|br)$/.test(name))
  expect(built.sort()).toEqual(loaded.map(path => path.replace('assets/', '')).sort())
})

test('--trace-url is in the document, whose policy and caching stay, and nowhere without it', async () => {
  const traceUrl = 'https://tempo.example/trace?id={trace_id}&org="1"'
  await using sidecar = await testSidecar({ 'trace-url': traceUrl })
  const page = await ask(`${sidecar.url}/`, { 'accept-encoding': 'br' })
  const text = String(page.body)
  expect(text).toContain(
    '<meta name="trace-url" content="https://tempo.example/trace?id={trace_id}&amp;org=&quot;1&quot;" />',
  )
  expect(text).toContain('<script type="module"')
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
  const again = await ask(`${sidecar.url}/`, { 'if-none-match': page.headers.etag! })
  expect(again.status).toBe(304)
  await using plain = await testSidecar()
  expect(String((await ask(`${plain.url}/`)).body)).not.toContain('trace-url')
})
