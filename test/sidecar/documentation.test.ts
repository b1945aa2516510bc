/** The documentation that the sidecar serves. */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { alerts } from '../prometheus/rule-files.ts'
import { askRaw } from '../support/raw.ts'
import { testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const ROOT = new URL('../../', import.meta.url)

test('the runbook of every alert opens as text at the path of its link, without a token', async () => {
  await using folder = await temporaryFolder()
  const tokens = join(folder.path, 'tokens')
  await writeFile(tokens, 's3cret read\n')
  await using sidecar = await testSidecar({ 'auth-token-file': tokens })
  expect((await sidecar.get('/api/v1/report')).status).toBe(401)
  for (const url of new Set(alerts().map(({ annotations }) => annotations.runbook_url!))) {
    const { pathname } = new URL(url)
    const response = await sidecar.get(pathname)
    expect([response.status, response.headers.get('content-type')], url).toEqual([200, 'text/plain; charset=utf-8'])
    expect(await response.text()).toBe(readFileSync(new URL(`.${pathname}`, ROOT), 'utf8'))
  }
})

test('no path leads out of the documentation', async () => {
  await using sidecar = await testSidecar()
  const { host } = new URL(sidecar.url)
  for (const path of [
    ...['/docs/', '/docs/nothing.md', '/docs/print.ts', '/docs/images/now-dark.png', '/docs/../README.md'],
    ...['/docs/%2e%2e/README.md', '/docs/..%2fREADME.md', '/docs/runbooks/../../README.md', '/docs//README.md'],
  ]) {
    const answer = await askRaw(sidecar.url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect([path, answer.status]).toEqual([path, 404])
  }
})
