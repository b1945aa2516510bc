import type { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createLookup } from '../../src/notify/address.ts'

/** What a name resolves to for a sink with these networks, or why it is refused. */
function resolved(host: string, addresses: readonly string[], networks: readonly string[] = []): Promise<unknown> {
  const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
  const fake = ((_host: string, _options: object, done: (error: null, all: object[]) => void) =>
    done(null, found)) as unknown as typeof lookup
  const look: LookupFunction = createLookup(networks, fake)
  return new Promise(resolve => {
    look(host, { all: true }, (error, all) =>
      resolve(error === null ? (all as { address: string }[]).map(({ address }) => address) : error.message),
    )
  })
}

describe('a name that resolves to', () => {
  test.for([
    ['loopback', '127.0.0.1'],
    ['loopback of IPv6', '::1'],
    ['a private network', '10.1.2.3'],
    ['a private network as an IPv4-mapped address', '::ffff:192.168.0.1'],
    ['the address of cloud metadata', '169.254.169.254'],
    ['this host', '0.0.0.0'],
    ['a shared address', '100.64.0.1'],
    ['a unique local address', 'fd00::1'],
    ['a link-local address', 'fe80::1'],
    ['a private address behind NAT64', '64:ff9b::a00:1'],
    ['multicast', '239.1.1.1'],
  ])('%s is refused', async ([, address]) => {
    expect(await resolved('hooks.example.com', [address!])).toBe(
      `hooks.example.com has the address ${address}, which is not public: add its network to the sink, such as networks: [${address}/${address!.includes(':') ? 128 : 32}]`,
    )
  })

  test('public addresses is connected to these only', async () => {
    expect(await resolved('hooks.example.com', ['8.8.8.8', '10.0.0.1', '2606:4700::1111'])).toEqual([
      '8.8.8.8',
      '2606:4700::1111',
    ])
  })

  test('a private address is connected to if the operator names its network', async () => {
    const networks = ['10.0.0.0/8', 'fd00::/8']
    expect(await resolved('alertmanager', ['10.9.9.9'], networks)).toEqual(['10.9.9.9'])
    expect(await resolved('alertmanager', ['fd12::1'], networks)).toEqual(['fd12::1'])
    expect(await resolved('alertmanager', ['192.168.1.1'], networks)).toContain('is not public')
  })
})

test('localhost is this machine, and nothing else', async () => {
  expect(await resolved('localhost', ['127.0.0.1', '::1'])).toEqual(['127.0.0.1', '::1'])
  expect(await resolved('localhost', ['8.8.8.8'])).toContain('is not public')
})
