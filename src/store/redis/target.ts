/** A `redis://` or `rediss://` URL: what is for the client, and what is for the store. */
import { readFileSync } from 'node:fs'

export interface Target {
  /** For the client. It may hold a password: never print it. */
  readonly url: string
  /** Certificates of the authorities that may sign the server's, in PEM. Undefined: those of Node. */
  readonly ca: string | undefined
  /** Replicas that must have a group before it is acknowledged. */
  readonly replicas: number
  /** The keys of the store, all with one hash tag: a cluster keeps them on one node. */
  readonly keys: Keys
  /** The URL without password, for messages. */
  readonly name: string
}

export interface Keys {
  readonly log: string
  readonly head: string
  readonly writers: string
  readonly repeats: string
  readonly snapshots: string
  snapshot(id: string): string
}

const PARAMETERS = ['name', 'password_file', 'ca_file', 'replicas']

/** Parses the URL. Throws an Error that names the parameter and the remedy. */
export function parseTarget(text: string): Target {
  const url = new URL(text)
  const store = url.searchParams.get('name') ?? 'default'
  if (!/^[\w.-]{1,64}$/.test(store)) throw new Error(`name=${store}: use letters, digits, ".", "-" and "_", at most 64`)
  const passwordFile = url.searchParams.get('password_file')
  if (passwordFile !== null) url.password = encodeURIComponent(readFileSync(passwordFile, 'utf8').trimEnd())
  const caFile = url.searchParams.get('ca_file')
  const ca = caFile === null ? undefined : readFileSync(caFile, 'utf8')
  const replicas = url.searchParams.get('replicas') ?? '0'
  if (!/^\d{1,2}$/.test(replicas)) throw new Error(`replicas=${replicas}: use a number from 0 to 99`)
  for (const known of PARAMETERS) url.searchParams.delete(known)
  const unknown = [...url.searchParams.keys()][0]
  if (unknown !== undefined) throw new Error(`${unknown}: is not a parameter; known are ${PARAMETERS.join(', ')}`)
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return { url: url.href, ca, replicas: Number(replicas), keys: keysOf(store), name: shown.href }
}

function keysOf(store: string): Keys {
  const tag = `{agent-performance:${store}}`
  return {
    log: `${tag}:log`,
    head: `${tag}:head`,
    writers: `${tag}:writers`,
    repeats: `${tag}:repeats`,
    snapshots: `${tag}:snapshots`,
    snapshot: id => `${tag}:snapshot:${id}`,
  }
}
