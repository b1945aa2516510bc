/** The certificate that is served with, and its key. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { ConfigError } from './config.ts'

/** PEM, as the files hold it. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Throws a ConfigError where one of the files cannot be read, or nobody could be served with them. */
export async function readCertificate(certPath: string, keyPath: string): Promise<Certificate> {
  const certificate = { cert: await read('certificate', certPath), key: await read('key', keyPath) }
  try {
    createSecureContext(certificate)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`the certificate ${certPath} and the key ${keyPath} cannot be served with: ${why}`], 78)
  }
  return certificate
}

function read(what: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error: Error) => {
    throw new ConfigError([`cannot read the ${what} ${path}: ${error.message}`], 78)
  })
}
