/** An incoming webhook of Slack, or of what takes its messages. Names come from outside: they are only ever plain text. */
import type { HttpSink } from '../../config/sinks.ts'
import { figureText, type Notification, printable } from '../notification.ts'
import type { Sink } from '../sink.ts'
import { TEST_RULE } from '../test-notification.ts'
import { createHttpSink, timeText } from './http.ts'

/** Limits of Slack: characters of a header and of a section, blocks of a message. */
const MAX = { header: 150, section: 3000, text: 3000, blocks: 50 }
/** Blocks of one notification. */
const BLOCKS = 4
/** The maximum number of notifications in one message. Many alerts at once are few messages. */
const MAX_BATCH = 10

const MARKS = { critical: '🔴', warning: '🟠', info: '🔵' } as const

export function createSlackSink(config: HttpSink): Sink {
  return createHttpSink(config, {
    maxBatch: Math.min(MAX_BATCH, Math.floor(MAX.blocks / BLOCKS)),
    isRefreshed: false,
    message: notifications => ({
      body: {
        // Shown by push notifications, and read by screen readers.
        text: escaped(cut(notifications.map(titleOf).join('\n'), MAX.text)),
        mrkdwn: false,
        unfurl_links: false,
        unfurl_media: false,
        blocks: notifications.flatMap(blocksOf),
      },
    }),
  })
}

function titleOf({ status, alert: { severity, rule, summary } }: Notification): string {
  const mark = status === 'resolved' ? '🟢 Resolved:' : `${MARKS[severity]}${rule === TEST_RULE ? ' Test:' : ''}`
  return printable(`${mark} ${summary}`)
}

function blocksOf(notification: Notification): object[] {
  const { alert, labels, links, startsAtMs, endsAtMs } = notification
  const times = `since ${timeText(startsAtMs)}${endsAtMs === undefined ? '' : `, ended ${timeText(endsAtMs)}`}`
  const owner = labels.get('owner')
  const about = [alert.rule, alert.severity, ...(owner === undefined ? [] : [owner]), times].join(' · ')
  const numbers = [...alert.figures.map(figureText), alert.evidence, `False alarms: ${alert.falseAlarms}`]
  return [
    { type: 'header', text: plain(titleOf(notification), MAX.header) },
    { type: 'section', text: plain(numbers.map(printable).join('\n'), MAX.section) },
    { type: 'context', elements: [plain(printable(about), MAX.section)] },
    {
      type: 'context',
      elements: [
        {
          type: 'mrkdwn',
          text: [link(links.page, 'Page'), link(links.question, 'Numbers'), link(links.runbook, 'Runbook')].join(' · '),
        },
      ],
    },
  ]
}

const plain = (text: string, max: number): object => ({ type: 'plain_text', text: cut(text, max), emoji: false })

const link = (url: string, text: string): string => `<${escaped(url)}|${text}>`

/** Characters that begin mentions and links in Slack's markup. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** At most `max` characters, as Slack counts them, without half of a surrogate pair. */
function cut(text: string, max: number): string {
  return text.length <= max
    ? text
    : `${text
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`
}
