/** Parses the Host of a request: an address, a name, or neither. */
import { isIPv4, isIPv6 } from 'node:net'

/** DNS rebinding needs a name: an address is not affected by it. */
export type Host =
  | { readonly kind: 'address' }
  /** `name` is in lower case. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'invalid' }

const ADDRESS: Host = { kind: 'address' }
const INVALID: Host = { kind: 'invalid' }

/** Cache of parsed hosts. Clients use few, and parsing one takes as long as parsing an attempt. */
const parsedHosts = new Map<string, Host>()
const MAX_PARSED_HOSTS = 100

/**
 * Parses `HOST[:PORT]`. Only dotted decimal and bracketed IPv6 without a zone are addresses: `127.1`, `0x7f.1` and `2130706433` are names,
 * because resolvers disagree about them.
 */
export function parseHost(host: string): Host {
  const known = parsedHosts.get(host)
  if (known !== undefined) return known
  if (parsedHosts.size === MAX_PARSED_HOSTS) parsedHosts.clear()
  const parsed = parse(host)
  parsedHosts.set(host, parsed)
  return parsed
}

function parse(host: string): Host {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{0,5})?$/i.exec(host)
  if (found === null) return INVALID
  const [, v6, name] = found
  if (v6 !== undefined) return isIPv6(v6) ? ADDRESS : INVALID
  return isIPv4(name!) ? ADDRESS : { kind: 'name', name: name!.toLowerCase() }
}
