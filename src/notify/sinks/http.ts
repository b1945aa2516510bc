/** What the sinks that are notified by HTTP share. */
import type { HttpSink } from '../../config/sinks.ts'
import type { Notification } from '../notification.ts'
import { post } from '../post.ts'
import { readSecrets, type Secrets } from '../secret.ts'
import type { SendContext, Sink } from '../sink.ts'

/** One request. */
export interface HttpMessage {
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

interface HttpKind extends Pick<Sink, 'maxBatch' | 'isRefreshed'> {
  /** The URL of the request, from that of the settings. */
  urlOf?(url: string): string
  message(notifications: readonly Notification[], context: SendContext): HttpMessage
  /** Headers that depend on the text of the body. */
  sign?(body: string, secrets: Secrets, context: SendContext): Readonly<Record<string, string>>
}

export function createHttpSink(config: HttpSink, { urlOf, message, sign, ...rest }: HttpKind): Sink {
  return {
    name: config.name,
    type: config.type,
    ...rest,
    async send(notifications, context) {
      let secrets: Secrets
      try {
        secrets = await readSecrets(config)
      } catch (error) {
        return { status: 'retry', reason: (error as Error).message }
      }
      const { body, headers } = message(notifications, context)
      const text = JSON.stringify(body)
      return await post({
        url: urlOf?.(secrets.url) ?? secrets.url,
        headers: {
          ...headers,
          ...sign?.(text, secrets, context),
          ...(secrets.token !== undefined && { Authorization: `Bearer ${secrets.token}` }),
        },
        body: text,
        networks: config.networks,
        signal: context.signal,
      })
    },
  }
}

/** RFC 3339 in UTC. */
export const timeText = (ms: number): string => new Date(ms).toISOString()
