import { describe, test } from 'vitest'
import { missingPostgres, startPostgres } from '../../support/postgres.ts'
import { describeFaults } from '../shared-faults.ts'

const missing = missingPostgres()

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('faults', () => {
  describeFaults('with PostgreSQL', startPostgres, (url, test) => `${url}?schema=faults_${process.pid}_${test}`)
})
