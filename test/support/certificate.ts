/** Self-signed certificates for tests. */
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
