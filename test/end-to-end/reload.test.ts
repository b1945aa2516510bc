/** SIGHUP to a running process: valid files are loaded at once, invalid ones change nothing. */
import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

/** Waits for the next log line about a reload. */
async function hangUp(sidecar: SidecarProcess, said: RegExp): Promise<void> {
  const before = sidecar.log().length
  sidecar.process.kill('SIGHUP')
  await expect.poll(() => sidecar.log().slice(before)).toMatch(said)
}

const TAKEN = /tokens, certificates and the rules for OTLP were read again/
const LEFT = /nothing was read again/

async function letsIn(sidecar: SidecarProcess, token: string): Promise<boolean> {
  const answer = await fetch(`${sidecar.url}/api/v1/report`, { headers: { Authorization: `Bearer ${token}` } })
  return answer.status === 200
}

test('tokens that are invalid, empty, missing or unreadable change nothing, and valid ones replace the active ones', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'tokens')
  await writeFile(file, 'first\n')
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { args: ['--auth-token-file', file] })
  await writeFile(file, 'second every-thing\n')
  await hangUp(sidecar, LEFT)
  expect(sidecar.log()).toMatch(/tokens:1/)
  await writeFile(file, '\n# nothing\n')
  await hangUp(sidecar, LEFT)
  await rm(file)
  await hangUp(sidecar, LEFT)
  await mkdir(file)
  await hangUp(sidecar, LEFT)
  expect([await letsIn(sidecar, 'first'), await letsIn(sidecar, 'second')]).toEqual([true, false])
  await rm(file, { recursive: true })
  await writeFile(file, 'second\n')
  await hangUp(sidecar, TAKEN)
  expect([await letsIn(sidecar, 'first'), await letsIn(sidecar, 'second')]).toEqual([false, true])
  expect(await sidecar.stop()).toBe(0)
})

test('a file replaced through a symbolic link of its folder, like a mounted secret, is reloaded', async () => {
  await using folder = await temporaryFolder()
  const generation = async (name: string, token: string): Promise<void> => {
    await mkdir(join(folder.path, name))
    await writeFile(join(folder.path, name, 'tokens'), `${token}\n`)
    await symlink(name, join(folder.path, 'next'))
    await rename(join(folder.path, 'next'), join(folder.path, 'current'))
  }
  await generation('one', 'first')
  await symlink(join('current', 'tokens'), join(folder.path, 'tokens'))
  const args = ['--auth-token-file', join(folder.path, 'tokens')]
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { args })
  expect(await letsIn(sidecar, 'first')).toBe(true)
  await generation('two', 'second')
  await rm(join(folder.path, 'one'), { recursive: true })
  await hangUp(sidecar, TAKEN)
  expect([await letsIn(sidecar, 'first'), await letsIn(sidecar, 'second')]).toEqual([false, true])
  expect(await sidecar.stop()).toBe(0)
})

test('a certificate that is missing, invalid or of another key changes neither the active one nor the tokens', async () => {
  await using folder = await temporaryFolder()
  const [cert, key, tokens] = ['cert.pem', 'key.pem', 'tokens'].map(name => join(folder.path, name)) as [
    string,
    string,
    string,
  ]
  const make = (name: string, keyFile = key): void => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    const args = [
      'req',
      '-x509',
      ...curve,
      '-nodes',
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      keyFile,
      '-out',
      cert,
    ]
    execFileSync('openssl', args, { stdio: 'ignore' })
  }
  make('first')
  await writeFile(tokens, 'first\n')
  const args = ['--tls-cert', cert, '--tls-key', key, '--auth-token-file', tokens]
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { args })
  const ask = (token: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` }
      const agent = new https.Agent({ rejectUnauthorized: false })
      https
        .get(`${sidecar.url}/api/v1/report`, { headers, agent }, res => {
          const { CN } = (res.socket as TLSSocket).getPeerCertificate().subject
          res.resume().on('end', () => resolve(`${res.statusCode} ${CN}`))
        })
        .on('error', reject)
    })
  expect(await ask('first')).toBe('200 first')
  await writeFile(tokens, 'second\n')
  await writeFile(cert, 'no certificate')
  await hangUp(sidecar, LEFT)
  make('other', join(folder.path, 'other-key.pem'))
  await hangUp(sidecar, LEFT)
  await rm(cert)
  await hangUp(sidecar, LEFT)
  expect([await ask('first'), await ask('second')]).toEqual(['200 first', '401 first'])
  make('second')
  await hangUp(sidecar, TAKEN)
  expect([await ask('first'), await ask('second')]).toEqual(['401 second', '200 second'])
  expect(await sidecar.stop()).toBe(0)
})
