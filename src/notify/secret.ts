/** Secrets of sinks. They are read for every request, so that a replaced file is used at once. */

import { ConfigError } from '../config/config.ts'
import type { HttpSink, SinkConfig } from '../config/sinks.ts'
import { urlFault } from '../config/sinks.ts'
import { readTextFileAsync } from '../lib/text-file.ts'

/** The text of a file without the white space around it. Rejects with an error that names the file, never its content. */
async function readSecret(path: string): Promise<string> {
  const text = await readTextFileAsync(path).catch(error => {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`)
  })
  const secret = text.trim()
  if (secret === '') throw new Error(`${path} is empty`)
  if (/[^\x21-\x7e]/.test(secret)) throw new Error(`${path} must hold one line of printable ASCII characters`)
  return secret
}

export interface Secrets {
  readonly url: string
  readonly token: string | undefined
  readonly secret: string | undefined
}

/** Rejects with an error that names the file. */
export async function readSecrets({ url, urlFile, tokenFile, secretFile }: HttpSink): Promise<Secrets> {
  const [fromFile, token, secret] = await Promise.all(
    [urlFile, tokenFile, secretFile].map(file => (file === undefined ? undefined : readSecret(file))),
  )
  const stated = url ?? fromFile ?? ''
  const fault = urlFault(stated)
  if (fault !== undefined) throw new Error(`${urlFile ?? 'url'} ${fault}`)
  return { url: stated, token, secret }
}

/** Rejects with a {@link ConfigError} that names every sink whose files cannot be used. */
export async function checkSecrets(sinks: readonly SinkConfig[]): Promise<void> {
  const results = await Promise.allSettled(sinks.map(sink => (sink.type === 'log' ? undefined : readSecrets(sink))))
  const faults = results.flatMap((result, i) =>
    result.status === 'rejected' ? [`alerts: the sink ${sinks[i]!.name}: ${(result.reason as Error).message}`] : [],
  )
  if (faults.length > 0) throw new ConfigError(faults, 78)
}
