/** The files in deploy/: what tools say of them, and that a sidecar does what they count on. */
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '../src/config/config.ts'
import { parseTarget } from '../src/store/postgres/target.ts'
import { startSidecarProcess } from './support/sidecar-process.ts'
import { needs } from './support/tool.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const KUBERNETES = `${ROOT}deploy/kubernetes/`
const UNIT = `${ROOT}deploy/systemd/agent-performance.service`
const run = promisify(execFile)
const read = (path: string): string => readFileSync(path, 'utf8')

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Container {
  readonly args: readonly string[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
}

const statefulSet = parse(read(`${KUBERNETES}sidecar/statefulset.yaml`)) as {
  spec: { template: { spec: { containers: [Container]; terminationGracePeriodSeconds: number } } }
}
const pod = statefulSet.spec.template.spec
const container = pod.containers[0]

/** What a request answers that names its Host itself, as the kubelet and Prometheus do with a pod's address. */
function statusOf(url: string, path: string, host: string, token?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { Host: host, ...(token !== undefined && { Authorization: `Bearer ${token}` }) }
    http
      .get(new URL(path, url), { headers }, res => res.resume().on('end', () => resolve(res.statusCode!)))
      .on('error', reject)
  })
}

describe('Kubernetes manifests', () => {
  test('kustomize builds them, and every selector finds the pod', async context => {
    needs('kubectl', context)
    const { stdout } = await run('kubectl', ['kustomize', `${KUBERNETES}monitoring`])
    const objects = parseAllDocuments(stdout).map(document => document.toJS())
    const byKind = new Map(objects.map(one => [one.kind, one]))
    expect([...byKind.keys()].sort()).toEqual(['Service', 'ServiceMonitor', 'StatefulSet'])
    const labels = byKind.get('StatefulSet').spec.template.metadata.labels
    expect(labels).toEqual({ 'app.kubernetes.io/name': 'agent-performance' })
    expect(byKind.get('StatefulSet').spec.selector.matchLabels).toEqual(labels)
    expect(byKind.get('Service').spec.selector).toEqual(labels)
    expect(byKind.get('Service').metadata.labels).toMatchObject(byKind.get('ServiceMonitor').spec.selector.matchLabels)
    expect(byKind.get('ServiceMonitor').spec.endpoints[0].port).toBe(byKind.get('Service').spec.ports[0].name)
  })

  test('an overlay runs two sidecars on one PostgreSQL, with the flags and probes of the single one, and a volume for the spool instead of its own', async context => {
    needs('kubectl', context)
    const { stdout } = await run('kubectl', ['kustomize', `${KUBERNETES}postgres`])
    const objects = parseAllDocuments(stdout).map(document => document.toJS())
    const byKind = new Map(objects.map(one => [one.kind, one]))
    expect([...byKind.keys()].sort()).toEqual(['PodDisruptionBudget', 'Service', 'StatefulSet'])
    const { spec } = byKind.get('StatefulSet')
    expect(spec).toMatchObject({ replicas: 2, podManagementPolicy: 'Parallel' })
    const claims = spec.volumeClaimTemplates as {
      metadata: { name: string }
      spec: { resources: { requests: { storage: string } } }
    }[]
    expect(claims.map(({ metadata }) => metadata.name)).toEqual(['spool'])
    const [shared] = spec.template.spec.containers
    expect(shared.args).toEqual(container.args.filter(arg => !arg.startsWith('--store=')))
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
      expect(shared[probe]).toEqual(container[probe])
    const volumes = spec.template.spec.volumes.map(({ name }: { name: string }) => name)
    const mounts = shared.volumeMounts as { readonly name: string; readonly mountPath: string }[]
    expect(mounts.map(({ name }) => name).sort()).toEqual([...volumes, 'spool'].sort())
    const variables = shared.env as { readonly name: string; readonly value?: string }[]
    const env = Object.fromEntries(variables.map(({ name, value = 'postgres://db' }) => [name, value]))
    const { spool, spoolBytes } = loadConfig({ flags: {}, env: { ...env, NAMESPACE: undefined } }).config
    expect(spool).toBe(`${mounts.find(({ name }) => name === 'spool')!.mountPath}/`)
    expect(Number.parseInt(claims[0]!.spec.resources.requests.storage, 10) * 1024 ** 3).toBeGreaterThan(spoolBytes)
    // Snapshots are collected in a file of the temporary directory, and the root file system is read-only.
    expect(mounts).toContainEqual({ name: 'tmp', mountPath: '/tmp' })
    const labels = spec.template.metadata.labels
    expect(byKind.get('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels)
    expect(byKind.get('Service').spec.selector).toEqual(labels)
  })

  test('the URL and the password of the documented secret open a store in that overlay', () => {
    const guide = read(`${ROOT}docs/kubernetes.md`)
    const [, url] = /--from-literal=url='(postgres:[^']+)'/.exec(guide)!
    const overlay = read(`${KUBERNETES}postgres/statefulset.yaml`)
    const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
    writeFileSync(join(folder, 'password'), 'the password\n')
    expect(overlay).toContain('mountPath: /etc/agent-performance-postgres,')
    const target = parseTarget(url!.replace('/etc/agent-performance-postgres/', `${folder}/`))
    expect(new URL(target.url).password).toBe('the%20password')
    const variable = overlay.match(/AGENT_PERFORMANCE_\w+/)?.[0]
    expect(loadConfig({ flags: {}, env: { [variable!]: url } }).config.store).toBe(url)
  })

  test('the job of the scrape is the one that the alert rules expect', () => {
    const monitor = parse(read(`${KUBERNETES}monitoring/servicemonitor.yaml`))
    expect(monitor.spec.jobLabel).toBe('app.kubernetes.io/name')
    // A pod keeps its name, and so its instance, when it is replaced.
    const [{ relabelings }] = monitor.spec.endpoints
    expect(relabelings).toEqual([{ sourceLabels: ['namespace', 'pod'], separator: '/', targetLabel: 'instance' }])
    expect(read(`${ROOT}prometheus/rules/sidecar-alerts.yml`)).toContain('job="agent-performance"')
  })

  test('a sidecar with the arguments of the pod starts, passes its probes and its scrape by IP, and serves its Service names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
    writeFileSync(join(folder, 'tokens'), 'scrape-token read\n')
    const args = container.args
      .filter(arg => arg !== 'serve' && !arg.startsWith('--listen=') && !arg.startsWith('--store='))
      .map(arg => arg.replace('/etc/agent-performance/', `${folder}/`).replace('$(NAMESPACE)', 'agents'))
      .map(arg => (arg === '--drain-delay=5s' ? '--drain-delay=0s' : arg))
    await using sidecar = await startSidecarProcess(join(folder, 'a.json'), { args })
    const { port } = new URL(sidecar.url)
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(container.ports.map(({ name }) => name)).toContain(httpGet.port)
      expect(await statusOf(sidecar.url, httpGet.path, `10.1.2.3:${port}`)).toBe(200)
    }
    expect(await statusOf(sidecar.url, '/metrics', `10.1.2.3:${port}`, 'scrape-token')).toBe(200)
    for (const host of [
      'agent-performance:9464',
      'agent-performance.agents.svc:9464',
      'agent-performance.agents.svc.cluster.local',
    ])
      expect(await statusOf(sidecar.url, '/metrics', host, 'scrape-token'), host).toBe(200)
    expect(await statusOf(sidecar.url, '/metrics', 'evil.example', 'scrape-token')).toBe(421)
    expect(await sidecar.stop()).toBe(0)
  })

  test('the pod is given longer to stop than the sidecar takes', () => {
    const drain = container.args.find(arg => arg.startsWith('--drain-delay='))
    expect(drain).toBe('--drain-delay=5s')
    // drain-timeout is 20 s by default.
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(5 + 20 + 10)
  })
})

describe('the systemd unit', () => {
  test('systemd accepts it', async context => {
    needs('systemd-analyze', context)
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--recursive-errors=no', UNIT])
    expect(stdout + stderr).toBe('')
  })

  test('its state directory is where the command keeps its store by default, and its settings are those of the command', async () => {
    const unit = read(UNIT)
    const directory = /^StateDirectory=(.+)$/m.exec(unit)?.[1]
    const [command = '', ...args] = /^ExecStart=\/usr\/bin\/env agent-performance (.+)$/m.exec(unit)![1]!.split(' ')
    expect([command, ...args]).toEqual(['serve'])
    const state = join(mkdtempSync(join(tmpdir(), 'unit-')), directory!)
    const child = spawn(process.execPath, [`${ROOT}src/main.ts`, 'check-config', '--json'], {
      env: { ...process.env, STATE_DIRECTORY: state },
    })
    let output = ''
    for await (const chunk of child.stdout) output += String(chunk)
    const store = (JSON.parse(output) as { name: string; value: string }[]).find(one => one.name === 'store')
    expect(store?.value).toBe(join(state, 'agent_performance.json'))
  })

  test('exit codes that name bad settings do not restart it', async () => {
    const codes = /^RestartPreventExitStatus=(.+)$/m.exec(read(UNIT))?.[1]?.split(' ').map(Number)
    const failed = await run(process.execPath, [`${ROOT}src/main.ts`, 'serve', '--max-keys', 'x']).catch(error => error)
    expect(codes).toContain((failed as { code: number }).code)
    expect(codes).toContain(78)
  })
})

describe('docker-compose.yml', () => {
  const { services } = parse(read(`${ROOT}docker-compose.yml`), { merge: true }) as {
    services: Record<string, { readonly environment?: Record<string, string>; readonly volumes?: readonly string[] }>
  }
  const mountsOf = (name: string): ReadonlyMap<string, string> =>
    new Map(
      (services[name]?.volumes ?? []).flatMap(volume => {
        const [source = '', target = ''] = volume.split(':')
        return source.startsWith('./') ? [[target, join(ROOT, source)] as const] : []
      }),
    )

  test('mounts only files and folders that exist: Docker would make empty folders of others', () => {
    const sources = Object.keys(services).flatMap(name => [...mountsOf(name).values()])
    expect(sources.length).toBeGreaterThan(4)
    expect(sources.filter(source => !existsSync(source))).toEqual([])
  })

  test('the sidecar notifies the Alertmanager beside it, from the file that it mounts', () => {
    const configFile = mountsOf('sidecar').get(services.sidecar!.environment!.AGENT_PERFORMANCE_CONFIG!)
    const { alerts } = loadConfig({ flags: {}, env: {}, configFile }).config
    const hosts = alerts.sinks.flatMap(sink => ('url' in sink && sink.url !== undefined ? new URL(sink.url).host : []))
    expect(hosts).toEqual(['alertmanager:9093'])
    expect(Object.keys(services)).toContain('alertmanager')
  })
})
