/** `postgres://…`: a database that many sidecars share. */
import type { Backend } from '../backend.ts'
import { createServerBackend } from '../shared/backend.ts'
import { openPostgresLog } from './postgres-log.ts'
import { parseTarget } from './target.ts'

export const POSTGRES_BACKEND: Backend = createServerBackend('postgres', parseTarget, openPostgresLog)
