import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_ALERTS } from '../../src/config/alerts.ts'
import { ConfigError, type Given, grpcAddress, isLoopback, loadConfig, maskSecrets } from '../../src/config/config.ts'
import { settings, variableOf } from '../../src/config/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'config-'))
let files = 0

function file(text: string): string {
  const path = join(folder, `${++files}.yaml`)
  writeFileSync(path, text)
  return path
}

const load = (given: Partial<Given> = {}) => loadConfig({ flags: {}, env: {}, ...given })

function errorOf(given: Partial<Given>): ConfigError {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('nothing was wrong with it')
}

/** A value other than the default for every setting. */
const OTHER: Readonly<Record<string, string | readonly string[]>> = {
  listen: '[::1]:0',
  store: 'sqlite:agents.db',
  admin: 'true',
  'auth-token-file': 'tokens',
  'insecure-no-auth': 'true',
  'tls-cert': 'cert.pem',
  'tls-key': 'key.pem',
  'allow-host': ['metrics.example.com'],
  'allow-origin': ['https://example.com'],
  'max-body-bytes': '1MiB',
  'max-otlp-body-bytes': '1GB',
  'headers-timeout': '500ms',
  'request-timeout': '1m',
  'keep-alive-timeout': '2m',
  'max-connections': '7',
  'max-in-flight-bytes': '123456',
  'max-pending-attempts': '8',
  'max-questions': '12',
  'max-answer-bytes': '3MiB',
  'max-keys': '9',
  'max-arms': '10',
  tiers: '10s:1h,1d:forever',
  'retention-age': '2w',
  'retention-bytes': '1.5KiB',
  'id-window': '11',
  'id-window-age': '7d',
  spool: 'spool',
  'spool-bytes': '0',
  'require-durable': 'true',
  prices: 'prices.yaml',
  'model-aliases': 'aliases.yaml',
  'base-path': '/agents',
  'trace-url': 'https://tempo.example/trace/{trace_id}',
  'otlp-grpc': 'true',
  'otlp-grpc-listen': '127.0.0.1:14317',
  'otlp-metrics': 'true',
  'otlp-invoke-agent-metric': 'true',
  'otlp-mapping': 'rules.json',
  'drain-delay': '5s',
  'drain-timeout': '1s',
  'log-level': 'debug',
}
const TLS_PAIR = { 'tls-cert': 'a', 'tls-key': 'b' }

describe('the source of a setting', () => {
  test('without any source the documented defaults apply', () => {
    expect(load({ env: { XDG_STATE_HOME: '/state' } }).config).toEqual({
      listen: { host: '127.0.0.1', port: 9464 },
      store: '/state/agent-performance/agent_performance.json',
      admin: false,
      authTokenFile: undefined,
      insecureNoAuth: false,
      tlsCert: undefined,
      tlsKey: undefined,
      allowHost: [],
      allowOrigin: [],
      maxBodyBytes: 5_242_880,
      maxOtlpBodyBytes: 20_971_520,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      keepAliveTimeoutMs: 65_000,
      maxConnections: 1024,
      maxInFlightBytes: 67_108_864,
      maxPendingAttempts: 100_000,
      maxQuestions: 256,
      maxAnswerBytes: 96 * 1024 * 1024,
      maxKeys: 10_000,
      maxArms: 1000,
      tiers: [
        { spanMs: 60_000, keepMs: 26 * 3_600_000 },
        { spanMs: 3_600_000, keepMs: 90 * 86_400_000 },
        { spanMs: 86_400_000, keepMs: Number.POSITIVE_INFINITY },
      ],
      retentionAgeMs: 90 * 86_400_000,
      retentionBytes: 1_073_741_824,
      idWindow: 1_000_000,
      idWindowAgeMs: 86_400_000,
      spool: '/state/agent-performance/spool/',
      spoolBytes: 1_073_741_824,
      requireDurable: false,
      basePath: '',
      otlpGrpc: false,
      otlpMetrics: false,
      otlpInvokeAgentMetric: false,
      drainDelayMs: 0,
      drainTimeoutMs: 20_000,
      logLevel: 'info',
      alerts: DEFAULT_ALERTS,
    })
  })

  test.each(settings.map(setting => setting.name))(
    '%s can be a flag, a variable and a file key, each with the same meaning',
    name => {
      const setting = settings.find(one => one.name === name)!
      const other = OTHER[name]!
      const pair = name.startsWith('tls-') ? { ...TLS_PAIR, [name]: other } : { [name]: other }
      const flags = load({ flags: pair }).config[setting.field]
      const asText = Object.entries(pair).map(([key, value]) => [
        variableOf(key),
        typeof value === 'string' ? value : value.join(','),
      ])
      expect(flags).not.toEqual(load().config[setting.field])
      expect(load({ env: Object.fromEntries(asText) }).config[setting.field]).toEqual(flags)
      expect(load({ configFile: file(JSON.stringify(pair)) }).config[setting.field]).toEqual(flags)
    },
  )

  test('flags take precedence over variables, the file and defaults, and each source is reported', () => {
    const env = { AGENT_PERFORMANCE_MAX_KEYS: '2', AGENT_PERFORMANCE_MAX_ARMS: '20' }
    const configFile = file('max-keys: 3\nmax-arms: 30\nid-window: 300\n')
    const { config, inForce } = load({ flags: { 'max-keys': '1' }, env, configFile })
    expect(config).toMatchObject({ maxKeys: 1, maxArms: 20, idWindow: 300, maxConnections: 1024 })
    const from = new Map(inForce.map(one => [one.name, [one.value, one.source, one.place]]))
    expect(from.get('max-keys')).toEqual(['1', 'flag', '--max-keys'])
    expect(from.get('max-arms')).toEqual(['20', 'environment', 'AGENT_PERFORMANCE_MAX_ARMS'])
    expect(from.get('id-window')).toEqual([300, 'file', `${configFile} line 3: id-window`])
    expect(from.get('max-connections')).toEqual(['1024', 'default', 'default'])
  })

  test('a variable may name the config file, and a flag names another', () => {
    const env = { AGENT_PERFORMANCE_CONFIG: file('max-keys: 5') }
    expect(load({ env }).config.maxKeys).toBe(5)
    expect(load({ env, configFile: file('max-keys: 6') }).config.maxKeys).toBe(6)
  })

  test('a list is comma separated in the environment and a list in the file', () => {
    const env = { AGENT_PERFORMANCE_ALLOW_HOST: 'a.example, B.example' }
    expect(load({ env }).config.allowHost).toEqual(['a.example', 'b.example'])
    expect(load({ configFile: file('allow-host: [a.example, b.example]') }).config.allowHost).toEqual([
      'a.example',
      'b.example',
    ])
    expect(load({ flags: { 'allow-host': ['a.example'] }, env }).config.allowHost).toEqual(['a.example'])
  })

  test('an empty variable and an empty file count as unset', () => {
    expect(load({ env: { AGENT_PERFORMANCE_MAX_KEYS: '', AGENT_PERFORMANCE_CONFIG: '' } }).config.maxKeys).toBe(10_000)
    expect(load({ configFile: file('# nothing yet\n') }).config.maxKeys).toBe(10_000)
  })

  test('the Config cannot be changed', () => {
    const { config } = load({ flags: { 'allow-host': ['a.example'] } })
    for (const part of [config, config.listen, config.tiers, config.tiers[0], config.allowHost]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('a JSON file indented with tabs is read', () => {
    expect(load({ configFile: file('{\n\t"max-keys": 4,\n\t"admin": true\n}\n') }).config).toMatchObject({
      maxKeys: 4,
      admin: true,
    })
  })
})

describe('an unknown name is an error that names it and the nearest known one', () => {
  test('in the file, with its line', () => {
    const configFile = file('listen: 127.0.0.1:1\nmax_key: 5\n')
    const error = errorOf({ configFile })
    expect(error.message).toBe(`${configFile} line 2: unknown key "max_key"; did you mean max-keys?`)
    expect(error.exitCode).toBe(78)
  })

  test('in the environment', () => {
    const error = errorOf({ env: { AGENT_PERFORMANCE_LISTN: 'x' } })
    expect(error.message).toBe(
      'unknown environment variable AGENT_PERFORMANCE_LISTN; did you mean AGENT_PERFORMANCE_LISTEN?',
    )
  })

  test('without a suggestion if none is similar', () => {
    expect(errorOf({ configFile: file('zzzzzzzzzzzz: 1') }).message).not.toContain('did you mean')
    expect(errorOf({ env: { AGENT_PERFORMANCE_BOGUS: '1' } }).message).not.toContain('did you mean')
  })

  test('__proto__ is an unknown key like any other', () => {
    expect(errorOf({ configFile: file('{"__proto__": {"listen": "0.0.0.0:1"}}') }).message).toContain(
      'unknown key "__proto__"',
    )
  })

  test('but not variables of other programs, nor those Kubernetes sets for a service of this name', () => {
    const env = {
      HOME: '/',
      AGENT_PERFORMANCE_URL: 'http://127.0.0.1:9464',
      AGENT_PERFORMANCE_TOKEN_FILE: 'token',
      AGENT_PERFORMANCE_SERVICE_HOST: '10.0.0.1',
      AGENT_PERFORMANCE_SERVICE_PORT: '9464',
      AGENT_PERFORMANCE_SERVICE_PORT_HTTP: '9464',
      AGENT_PERFORMANCE_PORT: 'tcp://10.0.0.1:9464',
      AGENT_PERFORMANCE_PORT_9464_TCP: 'tcp://10.0.0.1:9464',
      AGENT_PERFORMANCE_PORT_9464_TCP_ADDR: '10.0.0.1',
      AGENT_PERFORMANCE_GRAFANA_SERVICE_HOST: '10.0.0.2',
    }
    expect(load({ env }).config.listen.port).toBe(9464)
  })
})

describe('an invalid value is an error that names its place', () => {
  test('a flag', () => {
    const error = errorOf({ flags: { 'headers-timeout': '10' } })
    expect(error.message).toMatch(/^--headers-timeout must be a duration.*, not "10"$/)
    expect(error.exitCode).toBe(64)
  })

  test('a variable', () => {
    const error = errorOf({ env: { AGENT_PERFORMANCE_MAX_BODY_BYTES: 'much' } })
    expect(error.message).toMatch(/^AGENT_PERFORMANCE_MAX_BODY_BYTES must be bytes such as 5MiB.*, not "much"$/)
    expect(error.exitCode).toBe(78)
  })

  test('a file key with its line', () => {
    const configFile = file('# limits\nmax-keys: none\n')
    expect(errorOf({ configFile }).message).toBe(
      `${configFile} line 2: max-keys must be a whole number, 1 or more, not "none"`,
    )
  })

  test('every fault at once', () => {
    const lines = errorOf({ flags: { 'max-keys': '0' }, env: { AGENT_PERFORMANCE_ADMIN: 'maybe' } }).message.split('\n')
    expect(lines).toHaveLength(2)
  })

  test.each([
    [
      'listen',
      ['9464', ':9464', 'localhost', '127.0.0.1:65536', '::1:9464', '[::1]', '[no]:1', '1.2.3.400:5', 'a b:1', ''],
    ],
    ['store', ['', 'sqlite:', 'mysql://db/x', 'http://example.com', 'no utf-8 \uFFFD.json']],
    ['auth-token-file', ['', 'no utf-8 \uFFFD', 'no utf-8 \uD800']],
    ['admin', ['yes', 'TRUE', '2']],
    ['allow-host', ['https://a.example', 'a.example:9464', '']],
    ['allow-origin', ['a.example', 'https://a.example/', 'https://a.example/path', 'null', 'ftp://a.example']],
    ['max-body-bytes', ['0', '-1', '5 MiB', '5mib', '1e3', '9007199254740993']],
    ['max-keys', ['0', '1.5', '-1', '1k', '99999999999999999']],
    ['headers-timeout', ['0s', '10', '-1s', '25d', 'forever']],
    ['drain-delay', ['5', '25d']],
    ['tiers', ['', '1m', '1m:24h,1m:90d', '1h:24h,1m:90d', '1m:24h,1h:1h', '1h:1m', '1m:24h:1', '1ms:1h', '1m:24h,']],
    ['log-level', ['verbose', 'INFO']],
  ])('%s refuses what it cannot mean', (name, values) => {
    for (const value of values) {
      const flag = name.startsWith('allow-') ? [value] : value
      expect(errorOf({ flags: { [name]: flag } }).message, value).toContain(`--${name} must be`)
    }
  })

  test('a file value of the wrong type, or none at all', () => {
    expect(errorOf({ configFile: file('listen: 9464') }).message).toContain('line 1: listen must be host:port')
    expect(errorOf({ configFile: file('listen:') }).message).toContain('line 1: listen must be host:port')
    expect(errorOf({ configFile: file('allow-host: a.example') }).message).toContain(
      'line 1: allow-host must be a list',
    )
    expect(errorOf({ configFile: file('headers-timeout: 10') }).message).toContain(
      'line 1: headers-timeout must be a duration',
    )
  })

  test('a config file that cannot be read or parsed, or is not a map', () => {
    expect(errorOf({ configFile: join(folder, 'missing.yaml') }).message).toContain(join(folder, 'missing.yaml'))
    expect(errorOf({ configFile: file('listen: a:1\nlisten: b:1') }).message).toContain(
      'line 2: this key is given twice',
    )
    expect(errorOf({ configFile: file('a: [1\n') }).message).toMatch(/\.yaml line \d+: /)
    expect(errorOf({ configFile: file('- listen') }).message).toContain('must be a map of settings')
  })
})

describe('rules over settings', () => {
  test.each(['0.0.0.0:9464', '[::]:9464', '192.168.1.1:0', 'metrics.example.com:9464'])(
    'listening on %s without tokens is refused, and the message lists the options',
    listen => {
      const { message, exitCode } = errorOf({ flags: { listen } })
      expect(message).toMatch(/--auth-token-file.*127\.0\.0\.1.*--insecure-no-auth/)
      expect(exitCode).toBe(78)
      expect(load({ flags: { listen, 'insecure-no-auth': true } }).config.insecureNoAuth).toBe(true)
      expect(load({ flags: { listen, 'auth-token-file': 'tokens' } }).config.authTokenFile).toBe('tokens')
    },
  )

  test('OTLP over gRPC beyond this machine without tokens is refused too', () => {
    const flags = { 'otlp-grpc-listen': '0.0.0.0:4317' }
    expect(errorOf({ flags }).message).toMatch(/^otlp-grpc-listen: 0\.0\.0\.0.*--auth-token-file/)
    expect(load({ flags: { ...flags, 'auth-token-file': 'tokens' } }).config.authTokenFile).toBe('tokens')
  })

  test('otlp-grpc alone listens on 127.0.0.1:4317, and an address includes otlp-grpc', () => {
    const addressOf = (flags: Given['flags']): unknown => grpcAddress(load({ flags }).config)
    expect(addressOf({})).toBeUndefined()
    expect(addressOf({ 'otlp-grpc': true })).toEqual({ host: '127.0.0.1', port: 4317 })
    expect(addressOf({ 'otlp-grpc-listen': '[::1]:1' })).toEqual({ host: '::1', port: 1 })
  })

  test.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost', '::ffff:127.0.0.1'])('%s is loopback', host => {
    expect(isLoopback(host)).toBe(true)
  })

  test.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example.com', '127.0.0.1.example.com'])(
    '%s may be reached from elsewhere',
    host => {
      expect(isLoopback(host)).toBe(false)
    },
  )

  test('a certificate and its key go together', () => {
    expect(errorOf({ flags: { 'tls-cert': 'c' } }).message).toContain('tls-cert is given without tls-key')
    expect(errorOf({ flags: { 'tls-key': 'k' } }).message).toContain('tls-key is given without tls-cert')
  })
})

describe('passwords are never printed', () => {
  test.each([
    ['postgres://app:s3cret@db.example/agents', 'postgres://app:***@db.example/agents'],
    ['redis://:s3cret@cache:6379/0', 'redis://:***@cache:6379/0'],
    ['postgres://app:s3/c@ret@db/agents', 'postgres://app:***@db/agents'],
    ['postgres://app:s3 "cret\\@db/agents', 'postgres://app:***@db/agents'],
    [
      'postgres://db/agents?user=app&password=s3cret&sslmode=require',
      'postgres://db/agents?user=app&password=***&sslmode=require',
    ],
    ['postgres://db/agents', 'postgres://db/agents'],
    ['/var/lib/a:b@c.json', '/var/lib/a:b@c.json'],
  ])('%s is shown as %s', (url, shown) => {
    expect(maskSecrets(url)).toBe(shown)
    expect(load({ flags: { store: url } }).inForce.find(one => one.name === 'store')?.value).toBe(shown)
    expect(load({ flags: { store: url } }).config.store).toBe(url)
  })

  test('not in an error about them', () => {
    expect(errorOf({ flags: { store: 'mysql://app:s3cret@db/x' } }).message).not.toContain('s3cret')
    expect(errorOf({ flags: { store: 'mysql://app:a "s3cret@db/x' } }).message).not.toContain('s3cret')
    expect(errorOf({ flags: { listen: ['redis://:s3cret@db/x'] } }).message).not.toContain('s3cret')
  })

  test('whatever the password is made of', () => {
    const password = fc
      .stringMatching(/^[A-Za-z0-9%/:@!$&'()*+,;=._~-]{6,20}$/)
      .filter(text => !'postgres://app:***@db/x'.includes(text))
    fc.assert(
      fc.property(password, secret => {
        expect(maskSecrets(`postgres://app:${secret}@db/x`)).toBe('postgres://app:***@db/x')
      }),
    )
  })
})

describe('what derives from the table', () => {
  test('names follow one pattern, and every default is a valid value', () => {
    for (const setting of settings) {
      expect(setting.name).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(setting.description).toMatch(/\.$/)
      const preset = setting.default
      const value = typeof preset === 'object' && 'in' in preset ? preset.in({}) : preset
      if (value !== undefined) expect(setting.kind.schema.safeParse(value).success).toBe(true)
    }
    expect(new Set(settings.map(setting => setting.name)).size).toBe(settings.length)
  })

  test('bytes and durations parse to the value that they were printed from', () => {
    const bytes = fc.constantFrom('B', 'KiB', 'MiB', 'GiB')
    const powers = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), bytes, (n, unit) => {
        expect(load({ flags: { 'max-body-bytes': `${n}${unit}` } }).config.maxBodyBytes).toBe(n * powers[unit])
      }),
    )
  })
})
