/** Certificates for tests. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Creates a certificate and its key in a folder. Returns their paths. Needs openssl. */
export function makeCertificate(folder: string, name = 'localhost'): { readonly cert: string; readonly key: string } {
  const cert = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  const args = ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { cert, key }
}

/** Creates an authority, and a server's certificate of this name that it signed. Returns the paths. Needs openssl. */
export function makeSignedCertificate(
  folder: string,
  name = 'localhost',
): { readonly ca: string; readonly cert: string; readonly key: string } {
  const path = (file: string): string => join(folder, file)
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  const make = (...args: string[]): unknown =>
    execFileSync('openssl', ['req', '-x509', ...kind, ...args], { stdio: 'ignore' })
  make('-subj', '/CN=test authority', '-keyout', path('ca-key.pem'), '-out', path('ca.pem'))
  const authority = ['-CA', path('ca.pem'), '-CAkey', path('ca-key.pem'), '-addext', 'basicConstraints=CA:FALSE']
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  make(...authority, ...subject, '-keyout', path('server-key.pem'), '-out', path('server.pem'))
  return { ca: path('ca.pem'), cert: path('server.pem'), key: path('server-key.pem') }
}
