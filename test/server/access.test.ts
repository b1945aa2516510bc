/** Access control: Host, Origin, tokens, scopes and TLS. No secret is ever printed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { askRaw } from '../support/raw.ts'
import { anAttempt, testSidecar } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

/** Sends exactly these headers: `fetch` sets its own Host. */
function ask(
  url: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers }, res => {
      let text = ''
      res
        .setEncoding('utf8')
        .on('data', chunk => {
          text += chunk
        })
        .on('end', () => resolve({ status: res.statusCode!, headers: res.headers, text }))
    })
    req.on('error', reject).end(body)
  })
}

const json = { 'Content-Type': 'application/json' }
const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` })

describe('Host and Origin', () => {
  test('a Host that is a name is refused with the flag that allows it, unless it is localhost or allowed', async () => {
    await using sidecar = await testSidecar({ 'allow-host': ['sidecar.internal'] })
    for (const Host of ['localhost', 'LOCALHOST:9464', 'localhost:', 'sidecar.internal:9464', 'SIDECAR.internal'])
      expect((await ask(`${sidecar.url}/api/v1/report`, { headers: { Host } })).status, Host).toBe(200)
    const names = ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'localhost.', 'a_b:80']
    for (const Host of [...names, '127.1', '0x7f.1', '0x7f000001', '2130706433', '0177.0.0.1', '127.0.0.01']) {
      for (const path of ['/metrics', '/openapi.json', '/api/v1/report', '/nothing', '/v1/logs']) {
        const answer = await ask(sidecar.url + path, { headers: { Host } })
        expect(answer.status, `${Host} ${path}`).toBe(421)
        expect(answer.text).toContain(Host)
        expect(answer.text).toContain(`--allow-host ${Host.split(':', 1)[0]}`)
      }
    }
    const long = await ask(`${sidecar.url}/api/v1/report`, { headers: { Host: 'x'.repeat(5000) } })
    expect(long.status).toBe(421)
    expect(long.text.length).toBeLessThan(500)
  })

  test('a Host that is an address is allowed: DNS rebinding needs a name', async () => {
    await using sidecar = await testSidecar()
    for (const Host of [
      '127.0.0.1',
      '127.9.9.9:80',
      '10.1.2.3:9464',
      '0.0.0.0',
      '[::1]:9464',
      '[::2]',
      '[::ffff:10.0.0.1]',
    ])
      expect((await ask(`${sidecar.url}/api/v1/report`, { headers: { Host } })).status, Host).toBe(200)
  })

  test('a Host that is neither a name nor an address is a 400, even if every name is allowed', async () => {
    for (const flags of [{}, { 'allow-host': ['*'] }]) {
      await using sidecar = await testSidecar(flags)
      const bad = [
        'user@localhost',
        'localhost:port',
        'localhost:123456',
        'a, b',
        'localhost/x',
        '::1',
        '[::1',
        '[localhost]',
      ]
      for (const Host of [
        ...bad,
        '[fe80::1%eth0]',
        '[fe80::1%25eth0]:80',
        '[127.0.0.1]',
        '%6cocalhost',
        'a b',
        '"',
        '\xff',
      ]) {
        const answer = await ask(`${sidecar.url}/api/v1/report`, { headers: { Host } })
        expect(answer.status, Host).toBe(400)
        expect(answer.text).toMatch(/is neither a name nor an address/)
        expect(answer.text).toMatch(/^[\x20-\x7e]*$/)
      }
    }
  })

  test('a request without Host is allowed in HTTP/1.0 only', async () => {
    await using sidecar = await testSidecar()
    expect((await askRaw(sidecar.url, 'GET /api/v1/report HTTP/1.0\r\n\r\n')).status).toBe(200)
    expect((await askRaw(sidecar.url, 'OPTIONS /other HTTP/1.0\r\n\r\n')).status).toBe(404)
    expect((await askRaw(sidecar.url, 'GET /api/v1/report HTTP/1.0\r\nHost: evil.example\r\n\r\n')).status).toBe(421)
    expect((await askRaw(sidecar.url, 'GET /api/v1/report HTTP/1.0\r\nHost:\r\n\r\n')).status).toBe(400)
    expect((await askRaw(sidecar.url, 'GET /livez HTTP/1.0\r\nHost:\r\n\r\n')).status).toBe(200)
    expect((await askRaw(sidecar.url, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n')).status).toBe(400)
  })

  test('probes respond to any Host, but not to pages of another origin', async () => {
    await using sidecar = await testSidecar()
    for (const path of ['/livez', '/readyz', '/readyz?verbose']) {
      for (const Host of ['evil.example', '10.1.2.3:9464', 'pod.cluster.local', '127.1', 'a, b'])
        expect((await ask(sidecar.url + path, { headers: { Host } })).status, `${path} ${Host}`).toBe(200)
      const foreign = { Host: 'localhost', Origin: 'https://evil.example' }
      expect((await ask(sidecar.url + path, { headers: foreign })).status).toBe(403)
    }
  })

  test('a page of another origin can neither record nor read, and gets no CORS headers', async () => {
    await using sidecar = await testSidecar({ 'allow-origin': ['https://grafana.example'] })
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
      const answer = await ask(`${sidecar.url}/api/v1/attempts`, {
        method: 'POST',
        headers: { ...json, Origin: origin },
        body: JSON.stringify(anAttempt()),
      })
      expect(answer.status, origin).toBe(403)
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }
    expect(
      (await ask(`${sidecar.url}/api/v1/attempts`, { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } }))
        .status,
    ).toBe(403)
    expect((await ask(`${sidecar.url}/api/v1/report`, { headers: { Origin: 'https://grafana.example' } })).status).toBe(
      200,
    )
    expect((await ask(`${sidecar.url}/api/v1/report`, { headers: { Origin: sidecar.url } })).status).toBe(200)
  })

  test('a form of another origin cannot record: its content types are not accepted', async () => {
    await using sidecar = await testSidecar()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expect(
        (await ask(`${sidecar.url}/api/v1/attempts`, { method: 'POST', headers: { 'Content-Type': type }, body: '{}' }))
          .status,
      ).toBe(415)
    }
  })

  test('every response forbids sniffing, framing, scripts and caching, and names no software', async () => {
    await using sidecar = await testSidecar()
    const asked = ['/livez', '/readyz', '/openapi.json', '/metrics', '/api/v1/report', '/api/v1/metrics', '/nothing']
    const sent = ['/api/v1/attempts', '/v1/logs', '/v1/traces', '/v1/metrics', '/api/v1/report']
    const send = { method: 'POST', headers: { 'Content-Type': 'application/json' } }
    for (const answer of [
      ...asked.map(path => ask(sidecar.url + path)),
      ...sent.flatMap(path => ['{}', '[]'].map(body => ask(sidecar.url + path, { ...send, body }))),
    ]) {
      const { headers } = await answer
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['x-powered-by'] ?? headers.server).toBeUndefined()
    }
  })
})

describe('tokens', () => {
  test('allow by scope, and probes need none', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, '# comment\n\ningest-only ingest\nread-only read\nboth ingest,read\nall\n')
    await using sidecar = await testSidecar({ 'auth-token-file': file, admin: true })
    const statusOf = async (token: string | undefined, path: string, method = 'GET'): Promise<number> =>
      (
        await ask(sidecar.url + path, {
          method,
          headers: { ...json, ...(token !== undefined && bearer(token)) },
          ...(method === 'POST' && { body: JSON.stringify(anAttempt()) }),
        })
      ).status
    const table = await Promise.all(
      [undefined, 'wrong', 'ingest-only', 'read-only', 'both', 'all'].map(async token => [
        token,
        await statusOf(token, '/livez'),
        await statusOf(token, '/api/v1/attempts', 'POST'),
        await statusOf(token, '/api/v1/report'),
        await statusOf(token, '/metrics'),
      ]),
    )
    expect(table).toEqual([
      [undefined, 200, 401, 401, 401],
      ['wrong', 200, 401, 401, 401],
      ['ingest-only', 200, 200, 403, 403],
      ['read-only', 200, 403, 200, 200],
      ['both', 200, 200, 200, 200],
      ['all', 200, 200, 200, 200],
    ])
    expect([
      await statusOf('both', '/api/v1/metrics', 'DELETE'),
      await statusOf('all', '/api/v1/metrics', 'DELETE'),
    ]).toEqual([403, 200])
    const refused = await ask(`${sidecar.url}/api/v1/report`)
    expect(refused.headers['www-authenticate']).toMatch(/^Bearer/)
  })

  test('are read again on reload; an invalid file leaves the old ones in force', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, 'first\n')
    await using sidecar = await testSidecar({ 'auth-token-file': file })
    const works = async (token: string): Promise<boolean> =>
      (await ask(`${sidecar.url}/api/v1/report`, { headers: bearer(token) })).status === 200
    await writeFile(file, 'second\n')
    await sidecar.sidecar.reload()
    expect([await works('first'), await works('second')]).toEqual([false, true])
    await writeFile(file, 'third everything\n')
    await expect(sidecar.sidecar.reload()).rejects.toThrow(/tokens:1: .*ingest, read, admin/)
    await writeFile(file, '')
    await expect(sidecar.sidecar.reload()).rejects.toThrow(/contains no token/)
    expect([await works('second'), await works('third')]).toEqual([true, false])
  })

  test('are never printed: not in logs, responses, metrics, errors, or check-config', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, 'S3CRET-TOKEN ingest,read\n')
    await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), {
      args: ['--auth-token-file', file, '--log-level', 'trace'],
    })
    const answers = await Promise.all(
      ['/metrics', '/api/v1/report', '/openapi.json', '/readyz?verbose', '/nothing'].map(path =>
        ask(sidecar.url + path, { headers: bearer('S3CRET-TOKEN') }),
      ),
    )
    answers.push(await ask(`${sidecar.url}/api/v1/metrics`, { method: 'DELETE', headers: bearer('S3CRET-TOKEN') }))
    sidecar.process.kill('SIGHUP')
    await expect.poll(() => sidecar.log()).toContain('read again')
    await writeFile(file, 'S3CRET-TOKEN no such scope\n')
    sidecar.process.kill('SIGHUP')
    await expect.poll(() => sidecar.log()).toMatch(/tokens:1/)
    await sidecar.stop()
    const checks = ['S3CRET-TOKEN ingest,read\n', 'S3CRET-TOKEN no such scope\n'].map(tokens => {
      writeFileSync(file, tokens)
      const env = { ...process.env, AGENT_PERFORMANCE_AUTH_TOKEN_FILE: file }
      const checked = spawnSync(process.execPath, ['src/main.ts', 'check-config', '--json'], { env, encoding: 'utf8' })
      return checked.stdout + checked.stderr
    })
    expect(checks).toEqual([expect.stringContaining(file), expect.stringContaining(`${file}:1`)])
    for (const text of [
      ...answers.map(answer => answer.text + JSON.stringify(answer.headers)),
      sidecar.log(),
      ...checks,
    ])
      expect(text).not.toContain('S3CRET')
  })

  test('are required to listen beyond this machine, unless --insecure-no-auth is set', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 's.json')
    await expect(startSidecarProcess(store, { args: ['--listen', '0.0.0.0:0'] })).rejects.toThrow(
      /ended with (64|78): .*auth-token-file.*insecure-no-auth/s,
    )
    await using open = await startSidecarProcess(store, { args: ['--listen', '0.0.0.0:0', '--insecure-no-auth'] })
    expect((await ask(`${open.url.replace('0.0.0.0', '127.0.0.1')}/livez`)).status).toBe(200)
  })
})

describe('TLS', () => {
  test('serves the given certificate, and a renewed one after a reload, without closing a connection', async context => {
    needs('openssl', context)
    await using folder = await temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    const make = (name: string): void => {
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-days',
          '1',
          '-subj',
          `/CN=${name}`,
          '-keyout',
          key,
          '-out',
          cert,
        ],
        { stdio: 'ignore' },
      )
    }
    make('first')
    await using sidecar = await testSidecar({ 'tls-cert': cert, 'tls-key': key })
    expect(sidecar.url).toMatch(/^https:/)
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    const subject = (via: https.Agent): Promise<string> =>
      new Promise((resolve, reject) => {
        https
          .get(`${sidecar.url}/livez`, { agent: via, rejectUnauthorized: false }, res => {
            const { CN } = (res.socket as import('node:tls').TLSSocket).getPeerCertificate().subject
            res.resume().on('end', () => resolve(String(CN)))
          })
          .on('error', reject)
      })
    expect(await subject(agent)).toBe('first')
    make('second')
    await sidecar.sidecar.reload()
    expect(await subject(agent)).toBe('first')
    expect(await subject(new https.Agent({ rejectUnauthorized: false }))).toBe('second')
    await writeFile(cert, 'no certificate')
    await expect(sidecar.sidecar.reload()).rejects.toThrow(`cannot use the certificate ${cert} with the key ${key}`)
    expect(await subject(new https.Agent({ rejectUnauthorized: false }))).toBe('second')
    agent.destroy()
  })

  test('an error names the missing file', async () => {
    await using folder = await temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    await expect(testSidecar({ 'tls-cert': cert, 'tls-key': key })).rejects.toThrow(
      `cannot read the certificate ${cert}: ENOENT`,
    )
    await writeFile(cert, '')
    await expect(testSidecar({ 'tls-cert': cert, 'tls-key': key })).rejects.toThrow(
      `cannot read the key ${key}: ENOENT`,
    )
  })
})

test('deletion is refused without --admin, and by GET', async () => {
  await using sidecar = await testSidecar()
  expect((await ask(`${sidecar.url}/api/v1/metrics`, { method: 'DELETE' })).status).toBe(403)
  for (const path of ['/-/reload', '/-/quit', '/debug/pprof', '/admin'])
    expect((await ask(sidecar.url + path, { method: 'POST' })).status).toBe(404)
  expect((await ask(`${sidecar.url}/api/v1/report`, { method: 'POST' })).status).toBe(405)
  expect((await ask(`${sidecar.url}/metrics`, { method: 'PUT' })).headers.allow).toBe('GET, HEAD')
})

test('the response to any other method lists the allowed ones', async () => {
  await using sidecar = await testSidecar()
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const answer = await ask(`${sidecar.url}/api/v1/attempts`, { method })
    expect(answer, method).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, POST' } })
  }
})
