/** The certificate that is served with, and its key. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { ConfigError } from '../config/config.ts'

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

const DAY_MS = 86_400_000
/** Time to renew a certificate before clients refuse it. */
const WARNING_DAYS = 14

/**
 * What is wrong with the dates of the certificates of a file, the first and those that sign it, at `nowMs` (milliseconds since the epoch):
 * one sentence each, with the file and the date. Empty where there is nothing to do, and for a text that holds no certificate.
 */
function certificateWarnings(path: string, pem: Buffer, nowMs: number): string[] {
  const blocks =
    pem.toString('latin1').match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]+-----END \1?CERTIFICATE-----/g) ?? []
  return blocks.flatMap(block => {
    const warning = dateWarning(block, nowMs)
    return warning === undefined ? [] : [`the certificate ${path} ${warning}`]
  })
}

/** Logs what {@link certificateWarnings} finds now. The certificate is served all the same: clients decide. */
export function logCertificateDates(
  path: string | undefined,
  certificate: Certificate | undefined,
  log: Pick<Logger, 'warn'>,
): void {
  if (path === undefined || certificate === undefined) return
  for (const warning of certificateWarnings(path, certificate.cert, Date.now())) log.warn({ file: path }, warning)
}

/** Never throws: whether the certificate can be served with was found out before. */
function dateWarning(block: string, nowMs: number): string | undefined {
  const certificate = parse(block)
  if (certificate === undefined) return undefined
  const { validFromDate, validToDate, subject } = certificate
  // A certificate may have alternative names only.
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

/** A date that cannot be read has no ISO form. */
const printDate = (date: Date): string => (Number.isNaN(date.getTime()) ? 'an unreadable date' : date.toISOString())

function read(what: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error: Error) => {
    throw new ConfigError([`cannot read the ${what} ${path}: ${error.message}`], 78)
  })
}
