/** The operation of /openapi.json that streams events. */
import type { StreamEvents } from '../core/events.ts'
import { refusals } from './responses.ts'

/** What each event means. */
const EVENTS: { readonly [Name in keyof StreamEvents]: string } = {
  hello: 'the first event: the id of the newest attempt, and the time of the sidecar',
  attempt: 'a kept attempt, with the fields of /api/v1/attempts. Its id resumes the stream behind it',
  outcome:
    'what became known of an attempt later, with the names of the attempt; counts is the result that counts from now on',
  summary:
    'what changed since the last summary, at most once a second: attempts, successes, keys (at most 100; complete says whether these are all), and whether other records changed answers (others)',
  resync:
    'attempts are missing here, because the id is unknown (the sidecar restarted), the client was slow, or the state changed: ask the questions again',
  bye: 'the sidecar shuts down: connect again with the last id',
}

const NAMES = ['agent_name', 'model_name', 'issue_type'] as const

/** GET /api/v1/stream. */
export function streamOperation(): object {
  const { security, responses } = refusals({ scope: 'read', loaded: true })
  const meanings = Object.entries(EVENTS).map(([name, meaning]) => `- `.concat('`', name, '`: ', meaning, '.'))
  return {
    summary: 'Kept attempts as server-sent events, as they come',
    description: `Without a token in the URL: read it with fetch and an Authorization header. A comment comes every 15 s. The number of streams is limited to a quarter of --max-connections.\n\n${meanings.join('\n')}`,
    security,
    parameters: [
      ...NAMES.map(name => ({
        name,
        in: 'query',
        required: false,
        schema: { type: 'string', minLength: 1 },
        description: `Only attempts of this ${name.replace('_name', '').replace('_', ' ')}.`,
      })),
      {
        name: 'Last-Event-ID',
        in: 'header',
        required: false,
        schema: { type: 'string' },
        description: 'The id of the last event received: the attempts behind it come first, or a resync.',
      },
    ],
    responses: {
      200: {
        description: 'The stream. It ends when the sidecar stops.',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...responses,
    },
  }
}
