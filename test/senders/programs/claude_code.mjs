/** Claude Code answers one prompt without tools; or its model refuses. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const claude = fileURLToPath(new URL('node_modules/.bin/claude', import.meta.url))
const model = process.env.CASE === 'fail' ? 'claude-fail' : 'claude-sonnet-4-5'
const { status, error } = spawnSync(claude, ['-p', '--tools', '', '--model', model, 'fix it'], {
  // It waits for an input that is a pipe.
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORT_INTERVAL: '500',
  },
})
if (error) throw error
process.exitCode = status ?? 1
