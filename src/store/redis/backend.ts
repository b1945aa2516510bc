/** `redis://…` and `rediss://…`: a Redis stream that many sidecars share. */
import type { Backend } from '../backend.ts'
import { createServerBackend } from '../shared/backend.ts'
import { openRedisLog } from './redis-log.ts'
import { parseTarget } from './target.ts'

export const REDIS_BACKEND: Backend = createServerBackend('redis', parseTarget, openRedisLog)
