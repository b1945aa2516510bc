/** Where the standard environment sends metrics: the protocol and the endpoint, and whether that is the sidecar itself. */
import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Environment } from '../config/config.ts'

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const
export type OtlpProtocol = (typeof PROTOCOLS)[number]

export interface OtlpTarget {
  readonly protocol: OtlpProtocol
  /** The whole URL of the metrics of HTTP; for gRPC the authority, with or without a scheme. */
  readonly url: string
  /** Host name without brackets, and port. */
  readonly host: string
  readonly port: number
}

/**
 * Reads the target. Returns undefined if the environment requests no push: neither `OTEL_EXPORTER_OTLP_ENDPOINT` nor
 * `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set, `OTEL_SDK_DISABLED` is `true`, or `OTEL_METRICS_EXPORTER` does not include `otlp`. Returns a
 * text if no push is possible: the fault, which names the variable.
 */
export function readOtlpTarget(env: Environment): OtlpTarget | string | undefined {
  if (!isRequested(env)) return undefined
  const stated = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || PROTOCOLS[0]
  const protocol = PROTOCOLS.find(known => known === stated)
  if (protocol === undefined) {
    return `OTEL_EXPORTER_OTLP_PROTOCOL must be ${PROTOCOLS.join(', ')}, not "${stated.slice(0, 100)}"`
  }
  const own = env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT
  const variable = own ? 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT' : 'OTEL_EXPORTER_OTLP_ENDPOINT'
  const endpoint = (own || env.OTEL_EXPORTER_OTLP_ENDPOINT) ?? ''
  // The specification allows gRPC endpoints without a scheme.
  const parsed = URL.parse(protocol === 'grpc' && !endpoint.includes('://') ? `http://${endpoint}` : endpoint)
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    return `${variable} must be an http or https URL`
  }
  const { hostname, port } = parsed
  const target = {
    protocol,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (parsed.protocol === 'https:' ? 443 : 80)),
  }
  if (protocol === 'grpc') return { ...target, url: endpoint }
  // By the specification, only the general endpoint gets the path of the signal.
  if (!own) parsed.pathname = `${parsed.pathname.replace(/\/$/, '')}/v1/metrics`
  return { ...target, url: parsed.href }
}

function isRequested(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  const exporters = env.OTEL_METRICS_EXPORTER?.split(',').map(name => name.trim())
  if (exporters !== undefined && !exporters.includes('otlp')) return false
  return Boolean(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT)
}

/** How long a name may take to resolve: the start of the sidecar waits for it. */
const LOOKUP_MS = 500

/** Whether the target is one of the listeners, which are URLs of the addresses that they listen on. A name that does not resolve in time is not. */
export async function isOneOf(
  target: Pick<OtlpTarget, 'host' | 'port'>,
  listeners: readonly string[],
): Promise<boolean> {
  const ours = listeners.map(listener => new URL(listener)).filter(({ port }) => Number(port) === target.port)
  if (ours.length === 0) return false
  const late = new Promise<readonly { address: string }[]>(resolve => setTimeout(resolve, LOOKUP_MS, []).unref())
  const found = await Promise.race([lookup(target.host, { all: true }).catch(() => []), late])
  const local = localAddresses()
  return ours.some(({ hostname }) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    if (host === target.host) return true
    return found.some(({ address }) => {
      if (isWildcard(host)) return isLocal(address, local)
      return address === host || (isLoopbackName(host) && isLocal(address, new Set()))
    })
  })
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'
const isLoopbackName = (host: string): boolean => host === 'localhost'

/** Whether an address is of the loopback interface, a wildcard, or in `local`. */
function isLocal(address: string, local: ReadonlySet<string>): boolean {
  if (isIPv6(address)) return address === '::1' || address === '::' || local.has(address)
  return address.startsWith('127.') || address === '0.0.0.0' || local.has(address)
}

function localAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap(all => (all ?? []).map(({ address }) => address)))
}
