/** What a recorded body keeps of what a sender sent. */
import { expect, test } from 'vitest'
import { decodeBody, encodeJson, REQUESTS } from '../receive/otlp/wire.ts'
import { print, reduce } from './reduce.ts'

const attribute = (key: string, stringValue: string): object => ({ key, value: { stringValue } })

const SENT = {
  resourceSpans: [
    {
      resource: { attributes: [attribute('service.name', 'x'), attribute('host.name', 'my-laptop')] },
      scopeSpans: [
        {
          scope: { name: 's', version: '1' },
          spans: [
            {
              traceId: 'a'.repeat(32),
              spanId: 'b'.repeat(16),
              name: 'invoke_agent fixer',
              kind: 1,
              startTimeUnixNano: '1',
              endTimeUnixNano: '2',
              attributes: [
                attribute('gen_ai.agent.name', 'fixer'),
                attribute('gen_ai.input.messages', 'my secret'),
                attribute('gen_ai.system_instructions', 'my secret'),
                attribute('session.id', 'me@example.com'),
                attribute('process.command', '/home/me/x'),
              ],
              events: [
                {
                  name: 'exception',
                  attributes: [attribute('exception.type', 'E'), attribute('exception.message', 'my secret')],
                },
                { name: 'gen_ai.choice', attributes: [attribute('message', 'my secret')] },
              ],
              status: { code: 2, message: 'my secret' },
            },
          ],
        },
      ],
    },
  ],
}

test('a body keeps what rules read, and no text of a prompt, person, host or path', () => {
  const request = decodeBody(REQUESTS.traces, encodeJson(REQUESTS.traces, SENT))
  const text = print(reduce('traces', [request], 'recorded'))
  expect(text).not.toMatch(/secret|laptop|example\.com|home/)
  expect(JSON.parse(text).resourceSpans[0].scopeSpans).toEqual([
    {
      scope: { name: 's', version: '1' },
      spans: [
        {
          ...SENT.resourceSpans[0]!.scopeSpans[0]!.spans[0],
          attributes: [attribute('gen_ai.agent.name', 'fixer'), attribute('session.id', 'x')],
          events: [{ name: 'exception', attributes: [attribute('exception.type', 'E')] }],
          status: { code: 2 },
        },
      ],
    },
  ])
})

test('a log record keeps the body that names its event, and no other', () => {
  const record = (name: string, body: string): object => ({
    timeUnixNano: '1',
    body: { stringValue: body },
    attributes: [attribute('event.name', name), attribute('prompt', 'my secret'), attribute('session.id', 'me')],
  })
  const logRecords = [record('api_request', 'claude_code.api_request'), record('user_prompt', 'my secret')]
  const reduced = reduce(
    'logs',
    [{ resourceLogs: [{ scopeLogs: [{ scope: { name: 's' }, logRecords }] }] }],
    'recorded',
  )
  const rest = (name: string): object => ({
    timeUnixNano: '1',
    attributes: [attribute('event.name', name), attribute('session.id', 'x')],
  })
  expect(JSON.parse(print(reduced)).resourceLogs[0].scopeLogs[0].logRecords).toEqual([
    { ...rest('api_request'), body: { stringValue: 'claude_code.api_request' } },
    rest('user_prompt'),
  ])
})
