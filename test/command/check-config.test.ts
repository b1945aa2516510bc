/** check-config and serve reject the same settings, with the same message and exit code. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { StartSidecar } from '../../src/command/serve.ts'
import { startSidecar } from '../../src/sidecar.ts'
import { startSidecarProcess } from '../support/sidecar-process.ts'
import { runCommand } from './run-command.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'check-config-'))
const IS_ROOT = process.getuid?.() === 0

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const own = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), ...env }
  return new Promise(resolve => {
    execFile(process.execPath, [MAIN, command, ...args], { env: own, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
mkdirSync(join(folder, 'is-a-folder.json'))
mkdirSync(join(folder, 'newer.journal'))
writeFileSync(join(folder, 'not-a-folder.journal'), '')
symlinkSync(join(folder, 'elsewhere.json'), join(folder, 'link.json'))
const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefghi'.split('').map(nested)].join('\n')

/** Ten aliases of the previous line. */
function nested(name: string): string {
  const before = String.fromCharCode(name.charCodeAt(0) - 1)
  return `${name}: &${name} [${new Array(10).fill(`*${before}`).join(',')}]`
}

const LOCAL = ['--listen', '127.0.0.1:0', '--log-level', 'fatal']
const STORE = ['--store', join(folder, 'good.json')]

const REFUSED: Readonly<Record<string, { readonly args: readonly string[]; readonly says: RegExp }>> = {
  'a token file that is not there': {
    args: ['--auth-token-file', join(folder, 'missing')],
    says: /cannot read the token file .*missing: ENOENT/,
  },
  'a token file in UTF-16 with a byte order mark': {
    args: ['--auth-token-file', file('utf16-bom', Buffer.from('\ufeffsecret\n', 'utf16le'))],
    says: /cannot read the token file .*not UTF-8/,
  },
  'a token file in UTF-16 without one': {
    args: ['--auth-token-file', file('utf16', Buffer.from('secret\n', 'utf16le'))],
    says: /cannot read the token file .*not UTF-8/,
  },
  'a token with a letter that no header can carry': {
    args: ['--auth-token-file', file('umlaut', '# tokens\ngeheim-ü\n')],
    says: /umlaut:2: a token must consist of printable ASCII/,
  },
  'a token file without tokens': { args: ['--auth-token-file', file('empty', '\n')], says: /contains no token/ },
  'a certificate that is none': {
    args: ['--tls-cert', file('cert.pem', 'x'), '--tls-key', file('key.pem', key)],
    says: /cert\.pem with the key .*key\.pem/,
  },
  'a certificate that is not there': {
    args: ['--tls-cert', join(folder, 'gone.pem'), '--tls-key', file('key2.pem', key)],
    says: /cannot read the certificate .*gone\.pem/,
  },
  'an address of another machine': { args: ['--listen', '192.0.2.1:0', '--insecure-no-auth'], says: /EADDRNOTAVAIL/ },
  'a file of prices that is damaged': {
    args: ['--prices', file('prices.yaml', 'm: {input: -1}')],
    says: /prices\.yaml line 1/,
  },
  'model aliases with a spelling under two names': {
    args: ['--model-aliases', file('aliases.yaml', 'a: [x]\nb: [x]')],
    says: /aliases\.yaml line 2: "b": "x" is also a spelling of "a": list it under one name/,
  },
  'model aliases that are not there': {
    args: ['--model-aliases', join(folder, 'no-aliases')],
    says: /cannot read the file of model aliases .*no-aliases: ENOENT/,
  },
  'other prices of two spellings of one model': {
    args: [
      '--model-aliases',
      file('aliases-2.yaml', 'a: [x, y]'),
      '--prices',
      file('prices-2.yaml', 'x: {input: 1, output: 2}\ny: {input: 1, output: 3}'),
    ],
    says: /prices-2\.yaml line 2: y: has other prices than x, and both are spellings of a: state the prices of a/,
  },
  'rules for OTLP that are damaged': {
    args: ['--otlp-mapping', file('rules.json', '{"x": 1}')],
    says: /rules\.json line 1/,
  },
  'a config file whose aliases expand without bound': {
    args: ['--config', file('bomb.yaml', bomb)],
    says: /bomb\.yaml: its aliases \(\*name\) cannot be expanded/,
  },
  'rules for OTLP whose aliases expand without bound': {
    args: ['--otlp-mapping', file('bomb-rules.yaml', bomb)],
    says: /bomb-rules\.yaml: its aliases \(\*name\) cannot be expanded/,
  },
  'prices whose aliases expand without bound': {
    args: ['--prices', file('bomb-prices.yaml', bomb)],
    says: /bomb-prices\.yaml: its aliases \(\*name\) cannot be expanded/,
  },
  'a config file nested beyond what can be parsed': {
    args: ['--config', file('deep.yaml', `a: ${'['.repeat(20_000)}`)],
    says: /deep\.yaml/,
  },
  'a config file in UTF-16': {
    args: ['--config', file('utf16.yaml', Buffer.from('\ufeffmax-keys: 5\n', 'utf16le'))],
    says: /cannot read the config file .*utf16\.yaml: it is not UTF-8/,
  },
  'a store that is a folder': { args: ['--store', join(folder, 'is-a-folder.json')], says: /it is a directory/ },
  'a store that is a symbolic link': { args: ['--store', join(folder, 'link.json')], says: /symbolic link/ },
  'a store whose journal is a file': { args: ['--store', join(folder, 'not-a-folder.json')], says: /not a directory/ },
  'a store of a newer version': {
    args: [
      '--store',
      file('newer.json', '{"metrics": {}, "journal": {"format": 99, "segment": 1, "offset": 1, "crc32": "0"}}\n'),
    ],
    says: /format version 99/,
  },
  'a store below a file': { args: ['--store', join(folder, 'newer.json', 'x.json')], says: /ENOTDIR/ },
  'a secret of a sink that is not there': {
    args: ['--config', file('sink.yaml', 'alerts: {sinks: [{type: slack, url_file: /no/such/file}]}')],
    says: /alerts: the sink slack: cannot read \/no\/such\/file: ENOENT/,
  },
  'a secret of a sink that is no URL': {
    args: ['--config', file('url.yaml', `alerts: {sinks: [{type: slack, url_file: ${file('url', 'ftp://s3cret/')}}]}`)],
    says: /alerts: the sink slack: \S+ must be an http or https URL/,
  },
  'a rule of alerts that does not exist': {
    args: ['--config', file('rule.yaml', 'alerts:\n  rules: {AgentSilenced: off}')],
    says: /rule\.yaml line 2: alerts\.rules\.AgentSilenced is no rule; did you mean AgentSilent\?/,
  },
  'a parameter that a Redis store does not have': {
    args: ['--store', 'redis://:s3cret@cache/0?database=3'],
    says: /database: is not a parameter/,
  },
  'a PostgreSQL store whose rows are neither on nor off': {
    args: ['--store', 'postgres://agent:s3cret@db/metrics?rows=maybe'],
    says: /rows=maybe: use on or off/,
  },
}

/** Stops a sidecar that starts by mistake. */
const startAndStop: StartSidecar = async (...given) => {
  const sidecar = await startSidecar(...given)
  await sidecar.close()
  throw new Error('it started')
}

describe('check-config rejects what serve rejects', () => {
  test.each(Object.entries(REFUSED))('%s', async (_what, { args, says }) => {
    const given = [...(args.includes('--listen') ? [] : LOCAL.slice(0, 2)), ...LOCAL.slice(2), ...args]
    const all = args.includes('--store') ? given : [...given, ...STORE]
    const checked = await runCommand(['check-config', ...all])
    const served = await runCommand(['serve', ...all], { start: startAndStop })
    expect(checked.stderr).toMatch(says)
    expect(checked.stderr).not.toContain('s3cret')
    expect(checked.exitCode).toBeGreaterThan(0)
    expect(checked).toEqual(served)
    expect(checked.stderr).not.toMatch(/internal error|\n {4}at /)
  })

  test('names all problems of several files at once', async () => {
    const args = ['--auth-token-file', join(folder, 'missing'), '--prices', file('bad.yaml', 'm: 1')]
    const { code, stderr } = await run('check-config', [...LOCAL, ...STORE, ...args])
    expect(code).toBe(78)
    expect(stderr).toMatch(/token file/)
    expect(stderr).toMatch(/bad\.yaml line 1/)
  })

  test.skipIf(IS_ROOT)(
    'a store in a folder that may not be written (skipped as root, who may write everywhere)',
    async () => {
      const closed = mkdtempSync(join(tmpdir(), 'closed-'))
      chmodSync(closed, 0o500)
      const args = [...LOCAL, '--store', join(closed, 'a.json')]
      const [checked, served] = await Promise.all([run('check-config', args), run('serve', args)])
      expect(checked.code).toBe(77)
      expect(served.code).toBe(77)
    },
  )
})

describe('check-config accepts what serve accepts', () => {
  test('settings, files and a store that does not exist yet, and creates nothing', async () => {
    const args = [
      '--auth-token-file',
      file('tokens', 'one\ntwo read\n'),
      '--prices',
      file('p.yaml', 'm: {input: 1, output: 2}'),
    ]
    const fresh = mkdtempSync(join(tmpdir(), 'fresh-'))
    const store = join(fresh, 'not', 'yet', 'there.json')
    expect(await run('check-config', [...LOCAL, ...args, '--store', store])).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(fresh)).toEqual([])
  })

  test('a store and an address in use by a running sidecar, so that it can be checked before a restart', async () => {
    const store = join(mkdtempSync(join(tmpdir(), 'running-')), 'a.json')
    await using sidecar = await startSidecarProcess(store)
    const listen = new URL(sidecar.url).host
    const checked = await run('check-config', ['--listen', listen, '--store', store])
    expect(await sidecar.stop()).toBe(0)
    expect(checked).toMatchObject({ code: 0, stderr: '' })
  })

  test('and does not disturb connections to that address', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    let connections = 0
    server.on('connection', () => connections++)
    expect((await run('check-config', ['--listen', `127.0.0.1:${port}`, ...STORE])).code).toBe(0)
    expect(connections).toBe(0)
    await new Promise(resolve => server.close(resolve))
  })
})

describe('the default store survives a reboot', () => {
  const storeOf = async (env: NodeJS.ProcessEnv): Promise<unknown> => {
    const { stdout } = await run('check-config', ['--json'], env)
    return (JSON.parse(stdout) as { name: string; value: unknown }[]).find(one => one.name === 'store')?.value
  }

  test('under systemd it is in the first StateDirectory of the unit', async () => {
    const env = { STATE_DIRECTORY: `${folder}/unit:${folder}/second`, XDG_STATE_HOME: join(folder, 'xdg') }
    expect(await storeOf(env)).toBe(join(folder, 'unit', 'agent_performance.json'))
  })

  test('else in XDG_STATE_HOME, or in ~/.local/state if that is unset or relative', async () => {
    const xdg = join(folder, 'xdg')
    expect(await storeOf({ XDG_STATE_HOME: xdg })).toBe(join(xdg, 'agent-performance', 'agent_performance.json'))
    const inHome = join(folder, '.local', 'state', 'agent-performance', 'agent_performance.json')
    expect(await storeOf({ HOME: folder, XDG_STATE_HOME: 'relative' })).toBe(inHome)
    expect(await storeOf({ HOME: folder, XDG_STATE_HOME: '' })).toBe(inHome)
  })

  test('serve creates that folder and starts there', async () => {
    const home = mkdtempSync(join(tmpdir(), 'home-'))
    const env = { XDG_STATE_HOME: home }
    await using sidecar = await startSidecarProcess('', { args: [], env })
    expect(await sidecar.stop()).toBe(0)
    expect(readdirSync(join(home, 'agent-performance'))).toContain('agent_performance.json')
  })
})
