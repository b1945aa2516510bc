/** Which addresses a sink may have. A name is resolved once, for the connection itself, so that it cannot change after the check. */
import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Networks that are not the public internet (RFC 6890, RFC 4291). */
const PRIVATE = blockList([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...[
    '224.0.0.0/4',
    '240.0.0.0/4',
    '::/96',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '100::/64',
    '2001::/32',
    '2001:db8::/32',
  ],
  ...['2002::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
])
const LOOPBACK = blockList(['127.0.0.0/8', '::1/128'])

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, familyOf(address))

/** A name of a sink has only addresses that the operator did not name. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'

  constructor(host: string, address: string) {
    super(
      `${host} has the address ${address}, which is not public: add its network to the sink, such as networks: [${address}/${isIP(address) === 6 ? 128 : 32}]`,
    )
  }
}

/**
 * A lookup for `net.connect`: only addresses that a host may have. These are public ones, those of `networks`, and those of this machine for
 * `localhost`. An address in the URL itself is not looked up: the operator named it.
 */
export function createLookup(networks: readonly string[], lookup: typeof resolve = resolve): LookupFunction {
  const named = blockList(networks)
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const allowed = found.filter(({ address }) => isAllowed(host, address, named))
      const [first] = allowed
      if (first === undefined) return callback(new AddressRefused(host, found[0]?.address ?? ''), '')
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function isAllowed(host: string, address: string, named: BlockList): boolean {
  if (isIn(named, address)) return true
  const isLocal = host.toLowerCase().replace(/\.$/, '') === 'localhost'
  return isLocal ? isIn(LOOPBACK, address) : !isIn(PRIVATE, address)
}
