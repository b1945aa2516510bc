/** All routes of the sidecar, for tests that cover every route. */
import { QUESTIONS } from '../../src/questions/questions.ts'

export const ROUTES: readonly string[] = [
  '/livez',
  '/readyz',
  '/openapi.json',
  '/metrics',
  '/api/v1/outcomes',
  ...QUESTIONS.map(({ path }) => `/api/v1/${path}`),
  '/v1/logs',
  '/v1/traces',
  '/v1/metrics',
]
