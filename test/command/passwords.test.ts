/** Passwords in what is given for `--store` and `--url`. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { runCommand } from './run-command.ts'

const ATTEMPT = JSON.stringify(anAttempt())

describe('no message contains the password of a URL', () => {
  test.each([
    [['report', '--store', 'postgres://app:s3cret@db/agents']],
    [['report', '--store', 'POSTGRES://app:s3cret@db/agents']],
    [['report', '--store', 'mysql://app:s3cret@db/agents']],
    [['import', '-', '--store', 'Redis://app:s3cret@db']],
    [['import', '-', '--store', 'mysql://app:s3cret@db/agents']],
    [['import', 'postgres://app:s3cret@db', '--store', 'postgres://app:s3cret@db']],
    [['report', '--url', 'postgres://app:s3cret@db/agents']],
    [['report', '--url', 'http//app:s3cret@127.0.0.1:1']],
    [['report', '--url', 'app:s3/cret@127.0.0.1:1']],
    [['report', '--url', 'http://app:s3cret@127.0.0.1:1']],
    [['report', '--url', 'http://127.0.0.1:1/?token=s3cret#s3cret']],
    [['import', '-', '--url', 'http://127.0.0.1:1/?token=s3cret']],
  ])('%j', async argv => {
    const madeOfUrls = (): string[] => readdirSync('.').filter(name => name.endsWith(':'))
    const before = madeOfUrls()
    const { exitCode, stdout, stderr } = await runCommand(argv, { stdin: ATTEMPT })
    expect(exitCode).toBeGreaterThan(1)
    expect(stderr).not.toBe('')
    expect(`${stdout}${stderr}`).not.toMatch(/s3c?ret|cret@|s3\//)
    expect(madeOfUrls()).toEqual(before)
  })
})
