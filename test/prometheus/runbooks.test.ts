/** The commands of the runbooks, run as they stand in front of a sidecar that requires a token. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

const ROOT = new URL('../../', import.meta.url)
const RUNBOOKS = new URL('docs/runbooks/', ROOT)
const TOKEN = 'a-token-of-the-runbooks'
/** The placeholders of the commands, and what stands for them. */
const PLACEHOLDERS = { NAME: 'fixer', MODEL: 'm', TYPE: 't', STORE: '/tmp/store.json' }

const commands = readdirSync(RUNBOOKS).flatMap(name =>
  [...readFileSync(new URL(name, RUNBOOKS), 'utf8').matchAll(/```sh\n(.*?)```/gs)].map(([, code = '']) => ({
    name: name.replace('.md', ''),
    code: code.replaceAll(/^ {2}/gm, '').trim(),
  })),
)

describe('a command of a runbook', () => {
  let sidecar: TestSidecar
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  beforeAll(async () => {
    folder = await temporaryFolder()
    const tokens = join(folder.path, 'tokens')
    await writeFile(tokens, `${TOKEN} ingest,read,admin\n`)
    sidecar = await testSidecar({ 'auth-token-file': tokens, admin: true })
    const headers = { Authorization: `Bearer ${TOKEN}` }
    const attempts = [anAttempt({ agent_name: 'fixer', experiment: 'fixer', variant: 'control' }), { agent_name: 'x' }]
    for (const attempt of attempts) await sidecar.post(attempt, { headers })
  })

  afterAll(async () => {
    await sidecar?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  // promtool also reads the token file of Prometheus. configuration.test.ts runs it with one.
  const runnable = commands.filter(({ code }) => !code.startsWith('promtool'))

  test.for(runnable)('of $name works: $code', async ({ code }, context) => {
    needs('curl', context)
    const names = new RegExp(Object.keys(PLACEHOLDERS).join('|'), 'g')
    const command = code.replaceAll(names, name => PLACEHOLDERS[name as keyof typeof PLACEHOLDERS])
    const env = { ...process.env, URL: sidecar.url, TOKEN }
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], { cwd: ROOT, env })
    expect(stdout).not.toBe('')
    // A problem has its status in its body.
    expect(stdout).not.toMatch(/"status": ?[45]\d\d/)
  })

  test('carries the token wherever the sidecar asks for one', () => {
    const asking = commands.filter(({ code }) => code.includes('$URL') && !/\/(livez|readyz)/.test(code))
    expect(asking.length).toBeGreaterThan(10)
    for (const { code } of asking) expect(code).toContain('-H "Authorization: Bearer $TOKEN"')
  })

  test('stands in every runbook', () => {
    expect(new Set(commands.map(({ name }) => name)).size).toBe(readdirSync(RUNBOOKS).length)
  })
})
