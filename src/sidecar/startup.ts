/**
 * Reads and checks what a sidecar needs before it opens its store: files and the address. `serve` and `check-config` share this function, so
 * that `check-config` accepts exactly what `serve` accepts.
 */
import { createServer } from 'node:net'
import { type Config, ConfigError, grpcAddress } from '../config/config.ts'
import { readModelAliases } from '../config/model-aliases.ts'
import type { ModelAliases } from '../core/attempt/model-aliases.ts'
import { checkSecrets } from '../notify/secret.ts'
import { createPrice, type Price } from '../pricing/price.ts'
import { readMappingFile } from '../receive/otlp/mapping/file.ts'
import type { OtlpMapping } from '../receive/otlp/mapping/mapping.ts'
import { mappingChanges, mergeMapping, type OtlpTable } from '../receive/otlp/mapping/table.ts'
import { type AccessRules, readTokens } from '../server/access.ts'
import { type Certificate, readCertificate } from '../server/certificate.ts'

/** What a reload (SIGHUP) reads again. */
export interface Reloadable {
  readonly tokens: AccessRules['tokens']
  readonly tls: Certificate | undefined
  readonly mapping: OtlpMapping
  /** How the file of OTLP rules changes the built-in ones, one line per change. */
  readonly mappingChanges: readonly string[]
  readonly aliases: ModelAliases
  readonly price: Price
}

/** Reads and checks everything, and changes nothing. Rejects with the first system error, or with one {@link ConfigError} that names every fault. */
export async function readStartup(config: Config): Promise<Reloadable> {
  const grpc = grpcAddress(config)
  const [reloadable] = await allOrFaults([
    readReloadable(config),
    checkAddress(config.listen),
    grpc === undefined ? undefined : checkAddress(grpc),
  ])
  return reloadable
}

/** Reads tokens, certificates, OTLP rules, model aliases and prices, and checks the secrets of sinks. Rejects with a {@link ConfigError} that names every fault. */
export async function readReloadable(config: Config): Promise<Reloadable> {
  const { authTokenFile, tlsCert, tlsKey } = config
  const isTls = tlsCert !== undefined && tlsKey !== undefined
  const [tokens, tls, table, naming] = await allOrFaults([
    authTokenFile === undefined ? undefined : readTokens(authTokenFile),
    isTls ? readCertificate(tlsCert, tlsKey) : undefined,
    Promise.resolve(config).then(readRules),
    Promise.resolve(config).then(readNaming),
    checkSecrets(config.alerts.sinks),
  ])
  return { tokens, tls, mapping: mergeMapping(table), mappingChanges: mappingChanges(table), ...naming }
}

const readRules = ({ otlpMapping }: Config): OtlpTable =>
  otlpMapping === undefined ? {} : readMappingFile(otlpMapping)

/** Prices follow the aliases, so that both are read together. */
function readNaming({ modelAliases, prices }: Config): Pick<Reloadable, 'aliases' | 'price'> {
  const aliases = readModelAliases(modelAliases)
  return { aliases, price: createPrice({ overrides: prices, aliases }) }
}

/** Waits for all of `parts`. Rejects with the first error that is not a {@link ConfigError}, otherwise with one that names all faults. */
async function allOrFaults<const T extends readonly unknown[]>(
  parts: T,
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  const results = await Promise.allSettled(parts)
  const errors = results.flatMap(result => (result.status === 'rejected' ? [result.reason as unknown] : []))
  const other = errors.find(error => !(error instanceof ConfigError))
  if (other !== undefined) throw other
  if (errors.length > 0)
    throw new ConfigError(
      errors.map(error => (error as ConfigError).message),
      78,
    )
  return results.map(result => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [I in keyof T]: Awaited<T[I]>
  }
}

/** Rejects with the system error if the address cannot be used. An address in use is not a fault of the settings: a sidecar may be running. */
async function checkAddress({ host, port }: Config['listen']): Promise<void> {
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve() : reject(error)))
    server.listen({ host, port }, () => server.close(() => resolve()))
  })
}
