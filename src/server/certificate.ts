/** The TLS certificate and its key. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { ConfigError } from '../config/config.ts'

/** The PEM content of both files. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Rejects with a ConfigError if a file cannot be read, or if TLS cannot use the pair. */
export async function readCertificate(certPath: string, keyPath: string): Promise<Certificate> {
  const certificate = { cert: await read('certificate', certPath), key: await read('key', keyPath) }
  try {
    createSecureContext(certificate)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`cannot use the certificate ${certPath} with the key ${keyPath}: ${why}`], 78)
  }
  return certificate
}

const DAY_MS = 86_400_000
/** The operator is warned this long before a certificate expires. */
const WARNING_DAYS = 14

/**
 * Warnings about the validity dates of all certificates in a file at `nowMs` (milliseconds since the epoch). Each is one sentence with the
 * file and the date. Empty if all are valid, and if the file contains no certificate.
 */
function certificateWarnings(path: string, pem: Buffer, nowMs: number): string[] {
  const blocks =
    pem.toString('latin1').match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]+-----END \1?CERTIFICATE-----/g) ?? []
  return blocks.flatMap(block => {
    const warning = dateWarning(block, nowMs)
    return warning === undefined ? [] : [`the certificate ${path} ${warning}`]
  })
}

/** Logs certificates that are not valid or expire soon. They are served nevertheless: the clients decide. */
export function logCertificateDates(
  path: string | undefined,
  certificate: Certificate | undefined,
  log: Pick<Logger, 'warn'>,
): void {
  if (path === undefined || certificate === undefined) return
  for (const warning of certificateWarnings(path, certificate.cert, Date.now())) log.warn({ file: path }, warning)
}

/** Never throws: readCertificate has checked that TLS can use the certificate. */
function dateWarning(block: string, nowMs: number): string | undefined {
  const certificate = parse(block)
  if (certificate === undefined) return undefined
  const { validFromDate, validToDate, subject } = certificate
  // A certificate may have alternative names and no subject.
  const of = subject ? `(${subject.replaceAll('\n', ', ')})` : '(without a subject)'
  const leftMs = validToDate.getTime() - nowMs
  const to = `on ${printDate(validToDate)}`
  if (leftMs <= 0) return `${of} expired ${to}: clients refuse it. Renew it and send SIGHUP`
  if (leftMs < WARNING_DAYS * DAY_MS)
    return `${of} expires in less than ${Math.ceil(leftMs / DAY_MS)} days, ${to}. Renew it and send SIGHUP`
  if (validFromDate.getTime() <= nowMs) return undefined
  return `${of} is not valid before ${printDate(validFromDate)}: clients refuse it until then`
}

function parse(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block)
  } catch {
    return undefined
  }
}

/** `toISOString` throws for an invalid date. */
const printDate = (date: Date): string => (Number.isNaN(date.getTime()) ? 'an unreadable date' : date.toISOString())

function read(what: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error: Error) => {
    throw new ConfigError([`cannot read the ${what} ${path}: ${error.message}`], 78)
  })
}
