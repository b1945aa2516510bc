import { spawn } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { recordingFile } from '../../prometheus/print.ts'
import { loadConfig } from '../../src/config/config.ts'
import { settings } from '../../src/config/settings.ts'
import { TALLY_FAMILIES } from '../../src/expose/families.ts'
import { SELF_METRICS } from '../../src/sidecar/self-metrics.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { namesIn, PROMETHEUS } from './rule-files.ts'
import { copyConfiguration } from './servers.ts'
import { inEverySetting } from './settings.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FOLDER = fileURLToPath(PROMETHEUS)
const RULES = namesIn('rules/').map(name => `${FOLDER}rules/${name}`)

interface Ran {
  readonly code: number | null
  readonly output: string
}

function run(program: string, ...args: readonly string[]): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  // promtool allocates much for a short time. Without frequent collections of its garbage it takes a third less CPU time.
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, GOGC: '400' } })
  let output = ''
  const keep = (chunk: string): void => {
    output += chunk
  }
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  child.on('error', reject)
  child.on('close', code => resolve({ code, output }))
  return promise
}

it('the committed recording rules are what the code prints', async () => {
  expect(await readFile(`${FOLDER}rules/recording.yml`, 'utf8')).toBe(recordingFile())
})

it('promtool accepts every rule', async context => {
  needs('promtool', context)
  expect(await run('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', ...RULES)).toMatchObject({ code: 0 })
})

it('promtool accepts the configuration of Prometheus', async context => {
  needs('promtool', context)
  await using folder = await temporaryFolder()
  // promtool also checks that the token file exists.
  const tokenFile = join(folder.path, 'token')
  await writeFile(tokenFile, 'secret')
  await copyConfiguration(folder.path, {
    sidecar: 'sidecar:9464',
    alertmanager: 'alertmanager:9093',
    tokenFile,
    replace: [],
  })
  const checked = await run('promtool', 'check', 'config', join(folder.path, 'prometheus.yml'))
  expect(checked).toMatchObject({ code: 0, output: expect.stringContaining(`${RULES.length} rule files found`) })
})

/** promtool needs seconds of CPU time for some files, which is a minute on a busy machine. */
const PATIENT = { timeout: 180_000 }

/**
 * Unit tests that run as they are written: stores.yml and sidecar-alerts.yml contain the settings. recording.yml takes long, and stores.yml compares
 * every recorded series. The series of agent-targets.yml have no job.
 */
const IN_ONE_SETTING = ['agent-targets.yml', 'recording.yml', 'sidecar-alerts.yml', 'stores.yml']

it.for(IN_ONE_SETTING)('the rules do as %s says', PATIENT, async (name, context) => {
  needs('promtool', context)
  expect(await run('promtool', 'test', 'rules', `${FOLDER}tests/${name}`)).toMatchObject({ code: 0 })
})

/** A file of unit tests with the one group whose name begins so. That it holds for the committed rules is tested above. */
function withGroup(file: string, name: string): string {
  const { tests, ...rest } = parse(file) as { tests: { readonly name: string }[] }
  const kept = tests.filter(group => group.name.startsWith(name))
  expect(kept, name).toHaveLength(1)
  return stringify({ ...rest, tests: kept })
}

it.for(namesIn('tests/').filter(name => !IN_ONE_SETTING.includes(name)))(
  'the rules do as %s says for one sidecar, for two on one store and for two stores',
  PATIENT,
  async (name, context) => {
    needs('promtool', context)
    await using folder = await temporaryFolder()
    const path = join(folder.path, name)
    const text = await readFile(`${FOLDER}tests/${name}`, 'utf8')
    await writeFile(path, inEverySetting(text, new URL('rules/', PROMETHEUS)))
    expect(await run('promtool', 'test', 'rules', path)).toMatchObject({ code: 0 })
  },
)

describe('the unit tests of the rules notice', () => {
  it.for([
    [
      'a store that counts once for each of its sidecars',
      'stores.yml',
      'every recorded count and ratio',
      'max by (job, store,',
      'sum by (job, store,',
    ],
    [
      'a factor that its target can never reach',
      'agent-targets.yml',
      'where every attempt fails',
      'clamp_max(14.4 * (1 - agent:agent_success_target:ratio), 0.9)',
      '14.4 * (1 - agent:agent_success_target:ratio)',
    ],
    [
      'an agent without successes that has no ratio',
      'agent-misses-target.yml',
      'a new agent that only fails',
      ' or 0 * agent:agent_attempts:increase1h)',
      ')',
    ],
    [
      'an alarm over a handful of attempts',
      'agent-misses-target.yml',
      'no attempts, a handful of failures',
      'and agent:agent_attempts:increase1h >= 20',
      '',
    ],
    ['a drop that is chance', 'agent-past.yml', 'chance, few attempts', '4 * sqrt', '3 * sqrt'],
    [
      'a label that absent() loses',
      'sidecar-alerts.yml',
      'no target at all',
      'absent(up{job="agent-performance"})',
      'absent(up{job="agent-performance"} == 1)',
    ],
    [
      'agents called silent while the sidecar is down',
      'agent-past.yml',
      'an agent that was at work',
      '(time() - max by (job, agent_name) (agent_last_attempt_timestamp_seconds{agent_name!="__overflow__"}) > 6 * 3600)\n          and agent:',
      'agent:',
    ],
    [
      'an alarm over an experiment that has ended',
      'experiment-alerts.yml',
      'shares that chance does not explain',
      '          and sum by (job, experiment) (increase(agent_experiment_attempts_recorded_total[6h])) > 0\n',
      '',
    ],
    [
      'an alarm over a variant that was stopped while its experiment goes on',
      'experiment-alerts.yml',
      'a variant that does worse',
      'and on (job, experiment, variant) sum by (job, experiment, variant) (increase(agent_experiment_attempts_recorded_total[6h])) > 0',
      'and on (job, experiment) sum by (job, experiment) (increase(agent_experiment_attempts_recorded_total[6h])) > 0',
    ],
  ] as const)('%s', PATIENT, async ([, test, group, good, bad], context) => {
    needs('promtool', context)
    await using folder = await temporaryFolder()
    await cp(FOLDER, folder.path, { recursive: true })
    let changed = 0
    for (const name of namesIn('rules/')) {
      const path = join(folder.path, 'rules', name)
      const text = await readFile(path, 'utf8')
      changed += text.includes(good) ? 1 : 0
      await writeFile(path, text.replaceAll(good, bad))
    }
    expect(changed).toBe(1)
    const path = join(folder.path, 'tests', test)
    await writeFile(path, withGroup(await readFile(path, 'utf8'), group))
    // It compares alerts: a file that it cannot read would fail too.
    const output = expect.stringContaining('got:')
    expect(await run('promtool', 'test', 'rules', path)).toMatchObject({ code: 1, output })
  })
})

it('amtool accepts the configuration of Alertmanager, and every alert has a receiver', async context => {
  needs('amtool', context)
  const config = `${FOLDER}alertmanager.yml`
  expect(await run('amtool', 'check-config', config)).toMatchObject({ code: 0 })
  for (const labels of ['severity=critical', 'severity=warning', 'alertname=AgentSilent', 'experiment=prompt']) {
    const route = await run('amtool', 'config', 'routes', 'test', `--config.file=${config}`, labels)
    expect(route).toMatchObject({ code: 0, output: expect.stringContaining('webhook') })
  }
})

it('the documented relabelling drops the metrics of agents and experiments of the named sidecars, and nothing else', async () => {
  const guide = await readFile(`${ROOT}docs/metrics.md`, 'utf8')
  const regex = new RegExp(`^(?:${/regex: '(.+)'/.exec(guide)![1]})$`)
  const dropped = (instance: string, families: readonly { readonly name: string }[]): boolean[] => [
    ...new Set(families.map(({ name }) => regex.test(`${instance};${name}`))),
  ]
  expect(dropped('sidecar-10:9464', TALLY_FAMILIES)).toEqual([true])
  expect(dropped('sidecar-2:9464', TALLY_FAMILIES)).toEqual([false])
  expect(dropped('sidecar-10:9464', SELF_METRICS)).toEqual([false])
})

it('no configuration contains a secret', async () => {
  for (const name of ['prometheus.yml', 'alertmanager.yml']) {
    const text = await readFile(`${FOLDER}${name}`, 'utf8')
    expect(text).toContain('credentials_file: /run/secrets/')
    expect(text).not.toMatch(/^\s*(credentials|password|bearer_token):/m)
  }
})

/** The settings of a command line of `serve`. */
function flagsOf(command: readonly string[]): Record<string, unknown> {
  const flags = new Map<string, string[]>()
  for (const flag of command.slice(1)) {
    const [, name, value] = /^--([a-z-]+)=(.*)$/.exec(flag)!
    flags.set(name!, [...(flags.get(name!) ?? []), value!])
  }
  return Object.fromEntries([...flags].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}

describe('docker-compose.yml', () => {
  it.for(['', 'example,postgres'])('is valid with the profiles "%s"', async (profiles, context) => {
    needs('docker-compose', context)
    const chosen = profiles.split(',').flatMap(profile => (profile === '' ? [] : ['--profile', profile]))
    const file = `${ROOT}docker-compose.yml`
    expect(await run('docker-compose', '--file', file, ...chosen, 'config', '--quiet')).toMatchObject({ code: 0 })
  })

  it('runs two sidecars on one database in the profile postgres, and Prometheus scrapes both', async () => {
    const { services } = parse(await readFile(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<
        string,
        { profiles?: string[]; command: string[]; secrets: string[]; ports?: string[]; volumes: string[] }
      >
    }
    const names = Object.keys(services).filter(name => services[name]!.profiles?.includes('postgres'))
    expect(names).toEqual(['sidecar-1', 'sidecar-2', 'postgres'])
    const sidecars = names.slice(0, 2).map(name => services[name]!)
    for (const [i, { command, secrets, volumes }] of sidecars.entries()) {
      expect(command).toEqual(sidecars[0]!.command)
      expect(command).toContain(`--allow-host=${names[i]}`)
      const { config } = loadConfig({ flags: flagsOf(command), env: {} })
      const { hostname, username, searchParams } = new URL(config.store)
      expect([hostname, username]).toEqual(['postgres', 'agent_performance'])
      expect(secrets.map(secret => `/run/secrets/${secret}`)).toContain(searchParams.get('password_file'))
      const [volume, mounted] = volumes[0]!.split(':')
      expect(volume).toBe(`${names[i]}-data`)
      expect(config.spool).toBe(`${mounted}/spool/`)
    }
    expect(services.postgres).toMatchObject({
      environment: { POSTGRES_USER: 'agent_performance', POSTGRES_DB: 'agent_performance' },
    })
    expect(services.postgres!.ports).toBeUndefined()
    const { scrape_configs: scrapes } = parse(await readFile(`${FOLDER}prometheus.yml`, 'utf8'))
    expect(scrapes[0].dns_sd_configs).toEqual([{ names: ['sidecar-1', 'sidecar-2'], type: 'A', port: 9464 }])
  })

  it('runs no service as root, with a writable file system, an unpinned image, or a port open to other machines', async () => {
    const { services } = parse(await readFile(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<string, { user: string; ports?: string[]; image: string } & Record<string, unknown>>
    }
    for (const [name, service] of Object.entries(services)) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
      expect(service.user, name).toMatch(/^[1-9]/)
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
      expect(service.image, name).toMatch(/^\$\{[A-Z]+_IMAGE:-[^}]+:(?!latest)[^}]+\}$/)
    }
  })

  it('starts the sidecar with existing flags, at the address that the other services use, as its image does', async () => {
    const { services } = parse(await readFile(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: {
        sidecar: { command: string[]; ports: string[] }
        coordinator: { entrypoint: string[]; environment: object }
      }
    }
    const dockerfile = await readFile(`${ROOT}Dockerfile`, 'utf8')
    const { scrape_configs: scrapes } = parse(await readFile(`${FOLDER}prometheus.yml`, 'utf8')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[]
    }
    const [serve, ...flags] = services.sidecar.command
    const given = Object.fromEntries(flags.map(flag => /^--([a-z-]+)=(.*)$/.exec(flag)!.slice(1)))
    expect(serve).toBe('serve')
    expect(Object.keys(given).filter(name => !settings.some(setting => setting.name === name))).toEqual([])
    const port = given.listen!.split(':')[1]!
    expect(services.sidecar.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(scrapes[0]!.static_configs[0]!.targets).toEqual([`${given['allow-host']}:${port}`])
    expect(services.coordinator.entrypoint.join(' ')).toContain(`http://${given['allow-host']}:${port};`)
    const coordinator = await readFile(`${ROOT}examples/coordinator.ts`, 'utf8')
    for (const name of Object.keys(services.coordinator.environment))
      expect(coordinator).toContain(`process.env.${name}`)
    expect(dockerfile).toContain(`EXPOSE ${port}\n`)
    expect(dockerfile).toContain(`http://127.0.0.1:${port}/livez`)
    expect(dockerfile).toContain(
      JSON.stringify(['serve', '--listen', given.listen, '--store', given.store]).replaceAll(',', ', '),
    )
  })

  it('defines exactly the secrets that it uses', async () => {
    const { services, secrets } = parse(await readFile(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<string, { secrets?: string[] }>
      secrets: Record<string, { file: string }>
    }
    const named = Object.values(services).flatMap(service => service.secrets ?? [])
    expect([...new Set(named)].sort()).toEqual(Object.keys(secrets).sort())
    const guide = await readFile(`${ROOT}docs/docker.md`, 'utf8')
    for (const name of named) expect(guide).toContain(`> ${name}`)
    const texts = await Promise.all(
      ['docker-compose.yml', 'prometheus/prometheus.yml', 'prometheus/alertmanager.yml'].map(name =>
        readFile(ROOT + name, 'utf8'),
      ),
    )
    const read = texts.flatMap(text => text.match(/(?<=\/run\/secrets\/)\w+/g) ?? [])
    expect([...new Set(read)].sort()).toEqual(Object.keys(secrets).sort())
  })

  it('uses the Node version that the project is tested with', async () => {
    const { devDependencies } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as {
      devDependencies: { node: string }
    }
    for (const name of ['Dockerfile', 'docker-compose.yml']) {
      const images = (await readFile(ROOT + name, 'utf8')).match(/\bnode:[\w.-]+/g)
      expect(new Set(images)).toEqual(new Set([`node:${devDependencies.node}-slim`]))
    }
  })

  it('lets a service wait only for services with a health check', async () => {
    const { services } = parse(await readFile(`${ROOT}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<string, { depends_on?: Record<string, unknown>; healthcheck?: unknown }>
    }
    const dockerfile = await readFile(`${ROOT}Dockerfile`, 'utf8')
    expect(dockerfile).toMatch(/^HEALTHCHECK /m)
    expect(dockerfile).toMatch(/^USER 65532/m)
    for (const awaited of Object.values(services).flatMap(({ depends_on = {} }) => Object.keys(depends_on))) {
      expect(awaited === 'sidecar' || services[awaited]?.healthcheck !== undefined, awaited).toBe(true)
    }
  })
})
