/** Opens the sinks of the settings. */
import type { SinkConfig } from '../../config/sinks.ts'
import type { Sink } from '../sink.ts'
import { createAlertmanagerSink } from './alertmanager.ts'
import { type AlertLogger, createLogSink } from './log.ts'
import { createSlackSink } from './slack.ts'
import { createWebhookSink } from './webhook.ts'

export interface SinksOptions {
  readonly baseUrl: string
  readonly refreshMs: number
  readonly write: AlertLogger
}

export function createSinks(configs: readonly SinkConfig[], options: SinksOptions): readonly Sink[] {
  return configs.map(config => createSink(config, options))
}

function createSink(config: SinkConfig, { baseUrl, refreshMs, write }: SinksOptions): Sink {
  switch (config.type) {
    case 'alertmanager':
      return createAlertmanagerSink(config, refreshMs)
    case 'webhook':
      return createWebhookSink(config, baseUrl)
    case 'slack':
      return createSlackSink(config)
    case 'log':
      return createLogSink(config.name, write)
  }
}
